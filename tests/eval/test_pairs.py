"""Scores of judged pairs, compared with scipy and scikit-learn."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import brier_score_loss, mean_absolute_error, r2_score, root_mean_squared_error

from eval.pairs import judge_pairs, probability_errors, scores_of, tau
from gallery.errors import BadInput
from gallery.judged.trec import Run, in_order
from gallery.records import Caption, Match

CHANCE = np.random.default_rng(1)
PREDICTED, TARGET = CHANCE.random(300), CHANCE.random(300)
PHOTOS = [(f"{n % 40}", f"{n % 23}") for n in range(300)]


@pytest.mark.parametrize("weights", [None, CHANCE.random(300)])
def test_errors_of_probabilities_equal_scikit_learns(weights: np.ndarray | None) -> None:
    found = probability_errors(PREDICTED, TARGET, PHOTOS, weights)
    assert found["RMSE"].value == pytest.approx(root_mean_squared_error(TARGET, PREDICTED, sample_weight=weights))
    assert found["MAE"].value == pytest.approx(mean_absolute_error(TARGET, PREDICTED, sample_weight=weights))
    assert found["R²"].value == pytest.approx(r2_score(TARGET, PREDICTED, sample_weight=weights))
    theirs = brier_score_loss(TARGET >= 0.5, PREDICTED, sample_weight=weights)
    assert found["Brier score"].value == pytest.approx(theirs)
    for estimate in found.values():
        assert estimate.low < estimate.value < estimate.high


def test_every_grade_is_an_item_of_its_own_and_own_captions_are_left_out() -> None:
    scores = np.array([0.1, 0.2, 0.3, 0.4, 0.9])
    grades = [(1, 1, 2), (1, 2, 2), (2, 2, 4), (3, 4, 4), (1, 1, 1)]
    matches = [Match(f"{n}", Caption("x", f"t{n}", f"x#{n}"), n / 4) for n in range(4)]
    matches.append(Match("x", Caption("x", "t4", "x#4"), 1.0))
    known = {(m.image, m.caption.id): g for m, g in zip(matches, grades, strict=True)}
    found = judge_pairs("s", scores, matches, known, predicts=False)
    flat = [grade for of_pair in grades[:4] for grade in of_pair]
    assert found.tau
    assert found.tau.value == pytest.approx(stats.kendalltau(np.repeat(scores[:4], 3), flat, variant="c").statistic)
    # Of the 54 pairs of items with unlike scores: 44 agree, 9 tie, 1 disagrees. τ-c = 2 (44 - 1) / (12² (4 - 1) / 4)
    x, y = np.repeat(scores[:4], 3), np.array(flat)
    signs = np.sign(np.subtract.outer(x, x) * np.subtract.outer(y, y))
    assert found.tau.value == pytest.approx(signs.sum() / (12**2 * (4 - 1) / 4))
    assert (found.pairs, found.photos, found.errors) == (5, 5, {})


def test_shares_are_compared_by_tau_b() -> None:
    shares = np.round(TARGET * 3) / 3
    found = tau(PREDICTED, shares, PHOTOS, "b")
    assert found.value == pytest.approx(stats.kendalltau(PREDICTED, shares, variant="b").statistic)
    assert found.low < found.value < found.high


def test_predictions_are_clipped_and_a_missing_pair_is_told() -> None:
    matches = [Match("a", Caption("b", "t", "b#0"), 1.0), Match("c", Caption("b", "t", "b#0"), 0.0)]
    run = Run("s", {"b#0": in_order([("a", 7.0), ("c", -3.0)])})
    scores = scores_of(run, matches)
    assert scores.tolist() == [7, -3]
    assert judge_pairs("s", scores, matches, {}, predicts=True).errors["RMSE"].value == 0
    with pytest.raises(BadInput, match="no score of the pair"):
        scores_of(Run("s", {}), matches)
