"""Agreement with people, against scipy, scikit-learn and values worked by hand."""

import numpy as np
import pytest
from scipy import stats
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, mean_squared_error, r2_score

from eval.agreement import crowd_agreement, expert_agreement, probability_errors


def test_every_grade_is_an_item_of_its_own() -> None:
    scores = [0.1, 0.2, 0.3, 0.4]
    grades = [(1, 1, 2), (1, 2, 2), (2, 2, 4), (3, 4, 4)]
    found = expert_agreement(scores, grades)
    flat = [grade for of_pair in grades for grade in of_pair]
    assert found.tau == pytest.approx(stats.kendalltau(np.repeat(scores, 3), flat, variant="c").statistic)
    assert (found.variant, found.pairs) == ("c", 4)
    # Of the 54 pairs of items with unlike scores: 44 agree, 9 tie, 1 disagrees. τ-c = 2 (44 - 1) / (12² (4 - 1) / 4)
    x, y = np.repeat(scores, 3), np.array(flat)
    signs = np.sign(np.subtract.outer(x, x) * np.subtract.outer(y, y))
    assert found.tau == pytest.approx(signs.sum() / (12**2 * (4 - 1) / 4))


def test_shares_are_compared_by_tau_b() -> None:
    chance = np.random.default_rng(0)
    scores, shares = chance.random(200), np.round(chance.random(200) * 3) / 3
    found = crowd_agreement(scores, shares)
    assert found.tau == pytest.approx(stats.kendalltau(scores, shares, variant="b").statistic)
    assert found.spearman == pytest.approx(stats.spearmanr(scores, shares).statistic)
    assert crowd_agreement([1, 2, 3], [0, 0.5, 1]).tau == 1


def test_errors_of_probabilities_equal_scikit_learns() -> None:
    chance = np.random.default_rng(1)
    predicted, target = chance.random(1000), chance.random(1000)
    found = probability_errors(predicted, target)
    match = target >= 0.5
    assert found.rmse == pytest.approx(np.sqrt(mean_squared_error(target, predicted)))
    assert found.r2 == pytest.approx(r2_score(target, predicted))
    assert found.brier == pytest.approx(brier_score_loss(match, predicted))
    observed, mean = calibration_curve(match, predicted, n_bins=10, strategy="quantile")
    assert [b.observed for b in found.reliability] == pytest.approx(observed)
    assert [b.predicted for b in found.reliability] == pytest.approx(mean)
    assert sum(b.count for b in found.reliability) == 1000


def test_errors_worked_by_hand() -> None:
    found = probability_errors([0.25, 0.25, 0.75, 0.75], [0, 1, 1, 1], bins=2)
    assert found.calibration_error == pytest.approx(0.25)  # 0.25 against 1/2, 0.75 against 1
    assert found.brier == pytest.approx((0.0625 + 0.5625 + 0.0625 + 0.0625) / 4)
    constant = probability_errors([0.2] * 4, [0, 0, 0, 1])
    assert len(constant.reliability) == 1
    assert np.isnan(probability_errors([0.5, 0.5], [1, 1]).r2)


def test_a_weight_counts_as_that_many_pairs() -> None:
    chance = np.random.default_rng(2)
    predicted, target, weights = np.round(chance.random(200), 1), chance.random(200), chance.integers(1, 4, 200)
    weighted = probability_errors(predicted, target, bins=1, weights=weights)
    repeated = probability_errors(np.repeat(predicted, weights), np.repeat(target, weights), bins=1)
    for name in ("rmse", "r2", "brier", "calibration_error"):
        assert getattr(weighted, name) == pytest.approx(getattr(repeated, name))
