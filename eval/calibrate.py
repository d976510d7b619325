"""Fitting the function from scores to match probabilities.

A pair counts as a match if its match probability is at least a half. Isotonic and logistic regression are compared by
their Brier score on held-out photos: neither the image of a judged pair nor the photo of its sentence is in a training
pair. The better one is then fitted to all pairs.

A photo and its own caption are always in the same fold, other pairs only one time in five. So pairs are weighted by the
inverse of their chance of being drawn, both for fitting and for judging.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pandas import DataFrame, qcut
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from eval.measures import Estimate, Values
from eval.pairs import pair_photos, probability_errors
from gallery.calibration import Calibration
from gallery.errors import BadInput
from gallery.judged.splits import photo_of, photos_of
from gallery.records import Match

KINDS = ("isotonic", "logistic")
FOLDS = 5
BINS = 10


@dataclass(frozen=True, slots=True)
class Fitted:
    """The chosen calibration, and its quality on photos that it was not fitted to.

    Attributes:
        errors: Errors by name, see `eval.pairs.ERRORS`.
        brier: The Brier score of every kind.
        reliability: Bins of pairs with similar predictions: `predicted` and `observed` means, and the number of
            `pairs`.
        pairs: How many held-out pairs were judged.
    """

    calibration: Calibration
    errors: Mapping[str, Estimate]
    brier: Mapping[str, Estimate]
    reliability: DataFrame
    pairs: int


def calibrate(scores: ArrayLike, matches: Sequence[Match], source: str = "", seed: int = 0) -> Fitted:
    """Fit both kinds and choose the better.

    Args:
        scores: The system's score of each pair; higher is better.
        matches: The pairs.
        source: A description of them, stored with the calibration.
        seed: The seed of the folds.

    Raises:
        BadInput: There are too few pairs, or none or all of them match.
    """
    values = np.asarray(scores, float)
    target = np.array([match.probability for match in matches])
    folds = photo_folds(matches, seed)
    if not 0 < (target >= 0.5).sum() < len(target) or not folds:
        raise BadInput(f"too few judged pairs ({len(matches)}), or all alike; give matching and other pairs")
    own = np.array([match.image == photo_of(match) for match in matches])
    drawn = np.where(own, 1 - 1 / FOLDS, (1 - 1 / FOLDS) ** 2)
    judged = np.concatenate([rows for _, rows in folds])
    weights, photos = np.where(own, 1, FOLDS)[judged], pair_photos([matches[row] for row in judged])
    predicted, errors = {}, {}
    for kind in KINDS:
        fits = [(fit(kind, values[train], target[train], 1 / drawn[train]), rows) for train, rows in folds]
        predicted[kind] = np.concatenate([fitted.probabilities_of(values[rows]) for fitted, rows in fits])
        errors[kind] = probability_errors(predicted[kind], target[judged], photos, weights)
    kind = min(KINDS, key=lambda name: errors[name]["Brier score"].value)
    best = replace(fit(kind, values, target), brier=errors[kind]["Brier score"].value, source=source)
    bins = reliability(predicted[kind], target[judged] >= 0.5, weights)
    return Fitted(best, errors[kind], {name: of["Brier score"] for name, of in errors.items()}, bins, len(judged))


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
    """Return the rows to fit and to judge, per fold, skipping folds without both matches and others."""
    photos = photos_of(matches)
    fold_of = {photos[place]: n % FOLDS for n, place in enumerate(np.random.default_rng(seed).permutation(len(photos)))}
    images = np.array([fold_of[match.image] for match in matches])
    texts = np.array([fold_of[photo_of(match)] for match in matches])
    is_match = np.array([match.probability >= 0.5 for match in matches])
    folds = []
    for fold in range(FOLDS):
        train = np.flatnonzero((images != fold) & (texts != fold))
        judged = np.flatnonzero((images == fold) & (texts == fold))
        if len(judged) and 0 < is_match[train].sum() < len(train):
            folds.append((train, judged))
    return folds


def reliability(predicted: Values, happened: NDArray[np.bool_], weights: Values) -> DataFrame:
    """Put predictions into bins of equal size, lowest first; equal predictions stay together."""
    rows = DataFrame({"predicted": predicted * weights, "observed": happened * weights, "weight": weights, "pairs": 1})
    sums = rows.groupby(qcut(predicted, BINS, labels=False, duplicates="drop")).sum()
    sums[["predicted", "observed"]] = sums[["predicted", "observed"]].div(sums["weight"], axis=0)
    return sums[["predicted", "observed", "pairs"]]
