"""Telling that a collection has no answer."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score, roc_curve

from eval.nothing import Choice, Values, auroc, choose_rule, numbers_for, tell_apart
from search.strict import STANDING
from search.unrelated import background


def test_the_area_is_scikit_learns_with_ties_too() -> None:
    chance = np.random.default_rng(0)
    present, absent = np.round(chance.normal(1, 1, 300), 1), np.round(chance.normal(0, 1, 300), 1)
    happened = np.repeat([1, 0], 300)
    numbers = np.concatenate([present, absent])
    assert auroc(present, absent) == pytest.approx(roc_auc_score(happened, numbers))
    told = tell_apart("drawn", present, absent)
    assert told.kept >= 0.95
    false, true, thresholds = roc_curve(happened, numbers, drop_intermediate=False)
    first = int(np.argmax(true >= 0.95))
    assert [told.false_answers, told.kept] == pytest.approx([false[first], true[first]])
    assert told.threshold == thresholds[first]


def test_a_threshold_that_was_chosen_elsewhere_is_kept() -> None:
    told = tell_apart("r", [0.9, 0.4, 0.8, 0.7], [0.3, 0.6, 0.1, 0.2], threshold=0.5)
    assert (told.kept, told.false_answers, told.threshold) == (0.75, 0.25, 0.5)
    assert told.auroc == pytest.approx(15 / 16)


def test_numbers_worked_by_hand() -> None:
    scores = np.array([[0.9, 0.2], [0.5, 0.6]])
    unrelated = np.array([[0.1, 0.3], [0.3, 0.1]])
    numbers = numbers_for(scores, [0, 1], unrelated, probability=lambda score: score / 2)
    present, absent = numbers["cosine"]
    assert (present.tolist(), absent.tolist()) == ([0.9, 0.6], [0.2, 0.5])
    assert numbers["probability"][0].tolist() == [0.45, 0.3]
    present, absent = numbers["pictures"]
    assert present == pytest.approx([7, 4])
    assert absent == pytest.approx([0, 3])
    assert scores[0, 0] == 0.9, "the scores are left as they were"


def drawn(photos: int = 200, seed: int = 0) -> tuple[Values, NDArray[np.int64], Values]:
    """Return scores of two queries a photo, their own photos, and scores of unrelated texts."""
    chance = np.random.default_rng(seed)
    own = np.repeat(np.arange(photos), 2)
    scores = chance.normal(size=(2 * photos, photos))
    scores[np.arange(2 * photos), own] = chance.normal(3, 0.5, 2 * photos)
    unrelated = chance.normal(size=(100, photos))
    return scores.astype(np.float32).astype(float), own, unrelated.astype(np.float32).astype(float)


def choose(scores: Values, own: NDArray[np.int64], unrelated: Values, seed: int = 0) -> Choice:
    """Choose by vectors whose products are these scores: each photo is a direction of its own."""
    photos = np.eye(scores.shape[1], dtype=np.float32)
    texts, by_chance = scores.astype(np.float32), unrelated.astype(np.float32)
    return choose_rule(texts, photos, own.tolist(), by_chance, halved, seed)


def halved(score: float) -> float:
    return score / 2


def test_the_rule_that_goes_by_the_collection_is_chosen_where_collections_differ() -> None:
    scores, own, unrelated = drawn()
    choice = choose(scores, own, unrelated)
    assert choice.rule == "standing"
    assert choice.told["standing"].auroc > choice.told["cosine"].auroc + 0.01
    assert choice.told["cosine"].auroc == choice.told["probability"].auroc
    for told in choice.told.values():
        assert told.kept == pytest.approx(0.95, abs=0.005)
    stored = choice.stored()
    assert (stored.rule, stored.threshold) == ("standing", choice.told["standing"].threshold)
    assert stored.queries == pytest.approx(3 * 400, rel=0.05), "of each size about as many as there are queries"
    assert choose(scores, own, unrelated) == choice, "the same for the same seed"


def test_a_rule_is_not_chosen_that_unrelated_texts_lead_astray() -> None:
    scores, own, unrelated = drawn()
    unrelated[:, 0] = 50  # whatever collection holds this photo, all that is asked stands low in it
    assert choose(scores, own, unrelated).rule == "cosine"


def test_what_is_chosen_from_is_what_brute_force_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval.nothing.SHARES", (1.0,))
    scores, own, unrelated = drawn(30)
    told = choose(scores, own, unrelated).told["standing"]
    by_chance = background([max(row) for row in unrelated])
    present = [by_chance.standing(max(row)) for row in scores]
    absent = [by_chance.standing(max(np.delete(row, photo))) for row, photo in zip(scores, own, strict=True)]
    assert told.auroc == pytest.approx(roc_auc_score([1] * 60 + [0] * 60, present + absent))
    assert told.kept == sum(number >= told.threshold for number in present) / 60 >= 0.95
    assert sum(number > told.threshold for number in present) / 60 < 0.95, "the highest that keeps as many"
    assert told.false_answers == sum(number >= told.threshold for number in absent) / 60


def test_of_many_queries_some_are_drawn_for_all_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, own, unrelated = drawn()
    whole = choose(scores, own, unrelated)
    assert whole.by_default.queries == 400
    by_chance = background([max(row) for row in unrelated])
    assert whole.by_default.kept == np.mean([by_chance.standing(max(row)) >= STANDING for row in scores])
    monkeypatch.setattr("eval.nothing.MOST_QUERIES", 100)
    some = choose(scores, own, unrelated)
    rows = np.sort(np.random.default_rng(0).permutation(400)[:100])
    assert some == choose(scores[rows], own[rows], unrelated), "nothing is said of the others"
    assert (some.by_default.queries, some.photos) == (100, 200), "of photos none is left out"
    assert some != whole
