"""Fitting the function from scores to match probabilities.

A pair counts as a match where its match probability is at least a half. Isotonic and logistic regression are
compared by their Brier score on held-out photos: a pair is judged by a function that was fitted to pairs of which
neither the image nor the photo of the sentence is among the held-out ones. The better one is fitted to all pairs.

A photo and its own caption are always in one fold, another pair only one time in five. Pairs are therefore weighted
with one over the chance that they are drawn, when they are fitted to and when they are judged.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from eval.agreement import ProbabilityErrors, probability_errors
from gallery.calibration import Calibration
from gallery.errors import BadInput
from gallery.judged.splits import photo_of, photos_of
from gallery.records import Match

KINDS = ("isotonic", "logistic")
FOLDS = 5
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fitted:
    """The chosen calibration, and its errors and those of every kind on photos that it was not fitted to."""

    calibration: Calibration
    errors: ProbabilityErrors
    brier: dict[str, float]


def calibrate(scores: ArrayLike, matches: Sequence[Match], source: str = "", seed: int = 0) -> Fitted:
    """Fit both kinds and choose the better.

    Args:
        scores: The system's score of each pair; higher is better.
        matches: The judged pairs.
        source: What they are, in words, to be kept with the calibration.
        seed: Of the draw of the folds.

    Raises:
        BadInput: There are too few pairs, or none or all of them match.
    """
    values = np.asarray(scores, float)
    target = np.array([match.probability for match in matches])
    folds = photo_folds(matches, seed)
    if not 0 < (target >= 0.5).sum() < len(target) or not folds:
        raise BadInput(f"{len(matches)} judged pairs are too few, or all alike; give matching and other pairs")
    judged = np.concatenate([validation for _, validation in folds])
    own = np.array([match.image == photo_of(match) for match in matches])
    fitted_weight = np.where(own, 1 / (1 - 1 / FOLDS), 1 / (1 - 1 / FOLDS) ** 2)
    judged_weight = np.where(own, 1, FOLDS)
    errors = {}
    for kind in KINDS:
        predicted = [
            _predict(fit(kind, values[train], target[train], fitted_weight[train]), values[validation])
            for train, validation in folds
        ]
        errors[kind] = probability_errors(np.concatenate(predicted), target[judged], weights=judged_weight[judged])
    kind = min(KINDS, key=lambda name: errors[name].brier)
    chosen = replace(fit(kind, values, target), brier=errors[kind].brier, source=source)
    return Fitted(chosen, errors[kind], {name: found.brier for name, found in errors.items()})


def fit(kind: str, scores: Values, target: Values, weights: Values | None = None) -> Calibration:
    """Fit one kind to match or no match; `weights` say how much each pair counts."""
    match = target >= 0.5
    if kind == "isotonic":
        model = IsotonicRegression(out_of_bounds="clip", y_min=0, y_max=1).fit(scores, match, sample_weight=weights)
        knots, heights = model.X_thresholds_.tolist(), model.y_thresholds_.tolist()
        return Calibration(kind, tuple(knots), tuple(heights), pairs=len(scores))
    line = LogisticRegression(C=1e6, max_iter=1000).fit(scores[:, None], match, sample_weight=weights)
    return Calibration(kind, (float(line.intercept_[0]), float(line.coef_[0, 0])), pairs=len(scores))


def photo_folds(matches: Sequence[Match], seed: int = 0) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Return the rows to fit to and to judge, per fold; a fold without both matches and others is left out."""
    photos = photos_of(matches)
    fold_of = {photos[place]: n % FOLDS for n, place in enumerate(np.random.default_rng(seed).permutation(len(photos)))}
    images = np.array([fold_of[match.image] for match in matches])
    texts = np.array([fold_of[photo_of(match)] for match in matches])
    is_match = np.array([match.probability >= 0.5 for match in matches])
    folds = []
    for fold in range(FOLDS):
        train = np.flatnonzero((images != fold) & (texts != fold))
        validation = np.flatnonzero((images == fold) & (texts == fold))
        if len(validation) and 0 < is_match[train].sum() < len(train):
            folds.append((train, validation))
    return folds


def _predict(calibration: Calibration, scores: Values) -> Values:
    return np.array([calibration.probability(score) for score in scores])
