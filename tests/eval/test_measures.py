"""Measures compared with values computed by hand, scikit-learn, scipy and trec_eval; known runs give known answers."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import average_precision_score, ndcg_score

from eval.measures import (
    MEASURES,
    PValue,
    estimates,
    first_rank,
    mean_estimates,
    paired_p_value,
    per_query,
)
from eval.systems import collapse, holm, random_run, side_by_side, success_curve
from gallery.judged.trec import Run, Topic, in_order, own_photo

PHOTOS = [f"{number:03d}.jpg" for number in range(100)]
TOPICS = [Topic(f"{photo}#{k}", f"caption {k}", photo) for photo in PHOTOS for k in range(5)]
QRELS = own_photo(TOPICS)


def ranked(name: str, orders: Mapping[str, Sequence[str]]) -> Run:
    """Return a run with these documents in this order."""
    return Run(name, {topic: in_order((d, -float(r)) for r, d in enumerate(o)) for topic, o in orders.items()})


PERFECT = ranked("perfect", {topic.id: [topic.photo, *(p for p in PHOTOS if p != topic.photo)] for topic in TOPICS})


def test_values_worked_by_hand_on_four_images() -> None:
    qrels = {"q1": {"a": 1}, "q2": {"a": 1, "c": 1}, "q3": {"d": 1}, "q4": {"b": 2, "c": 1, "a": 0}}
    run = ranked("four", {"q1": "abcd", "q2": "bacd", "q4": "acbd"})  # q3 got no answer
    values = per_query(run, qrels, ["Success@1", "Success@2", "R@2", "P@2", "RR", "AP", "nDCG"])
    log = np.log2([2, 3, 4])
    expected = {
        "Success@1": [1, 0, 0, 0],
        "Success@2": [1, 1, 0, 1],
        "R@2": [1, 1 / 2, 0, 1 / 2],
        "P@2": [1 / 2, 1 / 2, 0, 1 / 2],
        "RR": [1, 1 / 2, 0, 1 / 2],
        "AP": [1, (1 / 2 + 2 / 3) / 2, 0, (1 / 2 + 2 / 3) / 2],
        "nDCG": [1, (1 / log[1] + 1 / log[2]) / (1 + 1 / log[1]), 0, (1 / log[1] + 2 / log[2]) / (2 + 1 / log[1])],
    }
    for measure, row in expected.items():
        assert values[measure].tolist() == pytest.approx(row), measure
    assert [first_rank(run, topic, names) for topic, names in qrels.items()] == [1, 2, None, 2]
    assert success_curve(run, qrels, 3).tolist() == [0.25, 0.75, 0.75]


def test_measures_equal_scikit_learns() -> None:
    chance = np.random.default_rng(1)
    for _ in range(20):
        grades = chance.integers(0, 3, 12)
        grades[0] = 1
        scores = chance.standard_normal(12)
        names = [chr(97 + n) for n in range(12)]
        run = Run("r", {"q": in_order(zip(names, scores.tolist(), strict=True))})
        values = per_query(run, {"q": {n: int(g) for n, g in zip(names, grades, strict=True)}}, ["AP", "nDCG"])
        assert values.at["q", "AP"] == pytest.approx(average_precision_score(grades > 0, scores))
        assert values.at["q", "nDCG"] == pytest.approx(ndcg_score([grades], [scores]))


def test_a_perfect_run_is_one_everywhere_and_a_silent_one_zero() -> None:
    found = mean_estimates(per_query(PERFECT, QRELS), TOPICS)
    for measure in ("Success@1", "R@10", "RR", "AP", "nDCG"):
        assert (found[measure].value, found[measure].low, found[measure].high) == pytest.approx((1, 1, 1)), measure
    assert collapse([PERFECT], 100).distinct == 100
    silent = per_query(Run("silent", {}), QRELS)
    assert silent.shape == (500, len(MEASURES))
    assert not silent.to_numpy().any()


def test_a_random_run_is_k_of_n_within_its_interval() -> None:
    run = random_run(TOPICS, PHOTOS)
    found = mean_estimates(per_query(run, QRELS), TOPICS)
    for measure, k in (("Success@1", 1), ("Success@5", 5), ("Success@10", 10)):
        assert found[measure].low <= k / 100 <= found[measure].high
        assert success_curve(run, QRELS, 10)[k - 1] == pytest.approx(found[measure].value)


def test_a_collapsed_run_has_one_answer() -> None:
    run = ranked("collapsed", {topic.id: PHOTOS for topic in TOPICS})
    found = collapse([run, run], 100)
    assert (found.distinct, found.most_frequent) == (1, 1)
    assert found.skewness == pytest.approx(stats.skew([500] * 10 + [0] * 90))


def test_intervals_of_means_are_scipys_over_photos() -> None:
    """Five captions of a photo are one draw, so the interval is that of the photos' means."""
    chance = np.random.default_rng(5)
    values = chance.random((500, 1))
    (found,) = estimates(lambda weights: weights @ values / weights.sum(), [topic.photo for topic in TOPICS])
    of_photo = values.reshape(100, 5).mean(axis=1)
    theirs = stats.bootstrap((of_photo,), np.mean, n_resamples=9999, method="percentile", rng=1).confidence_interval
    assert found.value == pytest.approx(of_photo.mean())
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=0.002)


def test_a_pair_counts_as_often_as_both_its_photos_are_drawn() -> None:
    drawn = []
    photos = [("a", "a"), ("a", "b"), ("b", "c"), ("c", "c")]
    estimates(lambda weights: drawn.append(weights.tolist()) or 0.0, photos, resamples=200)  # type: ignore[func-returns-value]
    *resampled, whole = drawn
    assert whole == [1, 1, 1, 1]
    for a, ab, bc, c in resampled:
        b = 3 - a - c
        assert (ab, bc) == (a * b, b * c)


def test_the_permutation_test_is_the_sign_test_where_it_can_be_worked_out() -> None:
    photos = PHOTOS[:6]
    assert paired_p_value(np.ones(6), np.zeros(6), photos) == PValue(2 / 2**6), "2 of 64 exchanges are as extreme"
    assert paired_p_value(np.ones(6), np.ones(6), photos) == PValue(1.0)


def test_a_p_value_that_no_draw_reached_is_told_as_at_most() -> None:
    found = paired_p_value(np.ones(100), np.zeros(100), PHOTOS)
    assert found.value == pytest.approx(2 / 10_000)
    assert found.at_most
    assert str(holm([found, PValue(0.5)])[0]) == "at most 0.0004"
    assert str(holm([found, PValue(0.5)])[1]) == "0.5000"


def test_holm_multiplies_by_what_is_left_and_never_falls() -> None:
    found = holm([PValue(p) for p in (0.04, 0.01, 0.03, 0.5)])
    assert [p.value for p in found] == pytest.approx([0.09, 0.04, 0.09, 0.5])
    assert [p.value for p in holm([PValue(0.6), PValue(0.9)])] == [1, 1]


def test_trainings_of_one_system_are_one_row() -> None:
    worse = ranked("perfect", {topic.id: PHOTOS for topic in TOPICS})
    best, other = side_by_side([PERFECT, worse, random_run(TOPICS, PHOTOS)], TOPICS, QRELS, 100)
    assert (best.name, len(best.runs), best.p_value) == ("perfect", 2, None)
    assert best.measures["Success@1"].value == pytest.approx((1 + 1 / 100) / 2)
    assert best.spread["Success@1"] == pytest.approx(np.std([1, 0.01], ddof=1))
    assert best.collapse.distinct == (100 + 1) / 2
    assert other.p_value is not None
    assert other.p_value.at_most
