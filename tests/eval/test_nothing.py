"""Telling that a collection has no answer."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from eval.measures import Values
from eval.nothing import Questions, choose_rule, measure_rule, numbers_for, tell_apart
from gallery.calibration import SEPARATES
from search.unrelated import background


def test_the_area_is_scikit_learns_with_ties_too() -> None:
    chance = np.random.default_rng(0)
    present, absent = np.round(chance.normal(1, 1, 300), 1), np.round(chance.normal(0, 1, 300), 1)
    happened = np.repeat([1, 0], 300)
    numbers = np.concatenate([present, absent])
    told = tell_apart("drawn", present, absent, range(300))
    assert told.auroc.value == pytest.approx(roc_auc_score(happened, numbers))
    assert told.auroc.low < told.auroc.value < told.auroc.high
    # Hanley and McNeil's standard error of an AUROC, for as many independent queries.
    area = told.auroc.value
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    error = np.sqrt((area * (1 - area) + 299 * (q1 - area**2) + 299 * (q2 - area**2)) / 300**2)
    assert told.auroc.high - told.auroc.low == pytest.approx(2 * 1.96 * error, rel=0.25)
    false, true, thresholds = roc_curve(happened, numbers, drop_intermediate=False)
    first = int(np.argmax(true >= 0.95))
    assert [told.false_answers.value, told.kept.value] == pytest.approx([false[first], true[first]])
    assert told.threshold == thresholds[first]
    assert (told.queries, told.photos, told.separates) == (300, 300, False)


def test_a_threshold_that_was_chosen_elsewhere_is_kept() -> None:
    told = tell_apart("r", np.array([0.9, 0.4, 0.8, 0.7]), np.array([0.3, 0.6, 0.1, 0.2]), "aabb", threshold=0.5)
    assert (told.kept.value, told.false_answers.value, told.threshold, told.photos) == (0.75, 0.25, 0.5, 2)
    assert told.auroc.value == pytest.approx(15 / 16)


def test_numbers_worked_by_hand() -> None:
    scores = np.array([[0.9, 0.2], [0.5, 0.6]])
    numbers = numbers_for(scores, np.array([0, 1]), np.array([[0.1, 0.3], [0.3, 0.1]]))
    present, absent = numbers["cosine"]
    assert (present.tolist(), absent.tolist()) == ([0.9, 0.6], [0.2, 0.5])
    assert scores[0, 0] == 0.9, "the scores are left as they were"


def drawn(photos: int = 200, clear: float = 3) -> Questions:
    """Return two queries per photo, with vectors whose products are the scores: the photos are orthogonal."""
    chance = np.random.default_rng(0)
    own = np.repeat(np.arange(photos), 2)
    scores = chance.normal(size=(2 * photos, photos))
    scores[np.arange(2 * photos), own] = chance.normal(clear, 0.5, 2 * photos)
    unrelated = chance.normal(size=(100, photos))
    return Questions(scores.astype("f4"), np.eye(photos, dtype="f4"), own, unrelated.astype("f4"))


def test_the_rule_that_goes_by_the_collection_is_chosen_where_collections_differ() -> None:
    asked = drawn()
    chosen, told = choose_rule(asked)
    assert chosen is told["standing"]
    assert told["standing"].auroc.value > told["cosine"].auroc.value + 0.01
    assert all(one.kept.value == pytest.approx(0.95, abs=0.005) for one in told.values())
    assert chosen.queries == pytest.approx(3 * 400, rel=0.05), "of each size about as many as there are queries"
    assert choose_rule(asked) == (chosen, told), "the same for the same seed"
    stored = chosen.stored("drawn")
    assert (stored.rule, stored.threshold, stored.source, stored.photos) == (
        "standing", chosen.threshold, "drawn", chosen.photos
    )  # fmt: skip
    assert stored.auroc_interval == (chosen.auroc.low, chosen.auroc.high)
    assert stored.separates == chosen.separates == (chosen.auroc.low >= SEPARATES)


def test_what_separates_is_told_from_what_does_not() -> None:
    assert choose_rule(drawn(50, clear=20))[0].separates
    assert not choose_rule(drawn(50, clear=0))[0].separates


def test_a_rule_is_not_chosen_that_unrelated_texts_lead_astray() -> None:
    asked = drawn()
    asked.unrelated[:, 0] = 50  # in any collection with this photo, every query has a low standing
    assert choose_rule(asked)[0].rule == "cosine"


def test_what_is_chosen_from_is_what_brute_force_finds() -> None:
    asked = drawn(30)
    told = choose_rule(asked, shares=(1.0,))[1]["standing"]
    scores: Values = asked.texts.astype(float)
    by_chance = background([max(row) for row in asked.unrelated])
    present = [by_chance.standing(max(row)) for row in scores]
    absent = [by_chance.standing(max(np.delete(row, photo))) for row, photo in zip(scores, asked.own, strict=True)]
    assert told.auroc.value == pytest.approx(roc_auc_score([1] * 60 + [0] * 60, present + absent))
    assert told.kept.value == pytest.approx(sum(number >= told.threshold for number in present) / 60)
    assert sum(number > told.threshold for number in present) / 60 < 0.95 <= told.kept.value
    assert told.false_answers.value == pytest.approx(sum(number >= told.threshold for number in absent) / 60)
    assert measure_rule(asked, "standing", told.threshold) == told


def test_of_many_queries_some_are_drawn_with_all_photos() -> None:
    asked = drawn()
    some = asked.drawn(100, 0)
    assert some.texts.shape == (100, 200)
    assert some.photos is asked.photos
    assert np.array_equal(some.texts[np.arange(100), some.own], some.texts.max(axis=1)) == np.array_equal(
        asked.texts.argmax(axis=1)[np.sort(np.random.default_rng(0).permutation(400)[:100])], some.own
    )
    assert len(asked.drawn(1000, 0).texts) == 400
