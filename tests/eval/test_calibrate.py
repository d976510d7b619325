"""Fitting probabilities to judged pairs."""

from itertools import product

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression

from eval.calibrate import calibrate, fit, photo_folds, reliability
from gallery.errors import BadInput
from gallery.records import Caption, Match

PHOTOS = [f"{number:02d}.jpg" for number in range(40)]


def judged(probability_of: np.ndarray, seed: int = 0) -> tuple[np.ndarray, list[Match]]:
    """Return a score for every pair of photo and caption, and whether they match, drawn from the true probability."""
    chance = np.random.default_rng(seed)
    pairs = list(product(PHOTOS, PHOTOS))
    scores = chance.random(len(pairs))
    matches = chance.random(len(pairs)) < np.interp(scores, np.linspace(0, 1, len(probability_of)), probability_of)
    return scores, [
        Match(image, Caption(photo, f"words of {photo}"), float(match))
        for (image, photo), match in zip(pairs, matches, strict=True)
    ]


def test_the_true_probability_is_found() -> None:
    truth = np.array([0.05, 0.05, 0.05, 0.9, 0.9])  # a step, which no logistic curve follows
    scores, matches = judged(truth)
    fitted = calibrate(scores, matches, "drawn")
    assert fitted.calibration.kind == "isotonic"
    for score in (0.1, 0.3, 0.8, 0.95):
        expected = np.interp(score, np.linspace(0, 1, 5), truth)
        assert fitted.calibration.probability(score) == pytest.approx(expected, abs=0.1)
    bins = fitted.reliability
    assert np.average(abs(bins["predicted"] - bins["observed"]), weights=bins["pairs"]) < 0.06
    assert fitted.reliability["pairs"].sum() == fitted.pairs
    assert fitted.brier["isotonic"].value < fitted.brier["logistic"].value
    assert (fitted.calibration.pairs, fitted.calibration.source) == (1600, "drawn")
    assert fitted.calibration.brier == fitted.brier["isotonic"].value


def test_a_logistic_curve_is_found_by_logistic_regression() -> None:
    grid = np.linspace(0, 1, 50)
    scores, matches = judged(1 / (1 + np.exp(-(8 * grid - 5))), seed=3)
    fitted = calibrate(scores, matches)
    assert fitted.calibration.kind == "logistic"
    target = np.array([match.probability for match in matches])
    theirs = LogisticRegression(C=1e6).fit(scores[:, None], target)
    assert fit("logistic", scores, target).probability(0.4) == pytest.approx(
        theirs.predict_proba([[0.4]])[0, 1], abs=1e-3
    )


def test_reliability_is_scikit_learns_and_weighted_as_if_repeated() -> None:
    chance = np.random.default_rng(2)
    predicted, happened = chance.random(1000), chance.random(1000) < 0.3
    observed, mean = calibration_curve(happened, predicted, n_bins=10, strategy="quantile")
    found = reliability(predicted, happened, np.ones(1000))
    assert found["observed"].tolist() == pytest.approx(observed)
    assert found["predicted"].tolist() == pytest.approx(mean)
    few = np.repeat([0.2, 0.7], [600, 400])
    weights = chance.integers(1, 4, 1000)
    weighted = reliability(few, happened, weights.astype(float))
    repeated = [np.repeat(happened, weights)[np.repeat(few, weights) == p].mean() for p in (0.2, 0.7)]
    assert weighted["observed"].tolist() == pytest.approx(repeated)


def test_folds_hold_out_photos_and_the_sentences_of_photos() -> None:
    _, matches = judged(np.array([0.2, 0.8]))
    folds = photo_folds(matches)
    assert len(folds) == 5
    for train, validation in folds:
        seen = {matches[row].image for row in train} | {matches[row].caption.image for row in train}
        held = {matches[row].image for row in validation} | {matches[row].caption.image for row in validation}
        assert not seen & held
        assert len(validation) == 64


def test_what_cannot_be_fitted_is_refused() -> None:
    scores, matches = judged(np.array([0.0, 0.0]))
    with pytest.raises(BadInput, match="alike"):
        calibrate(scores, matches)
    with pytest.raises(BadInput, match="too few"):
        calibrate([], [])
