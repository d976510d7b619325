"""How well a number tells that a collection has no answer: every query is asked with its own photo, and without it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from search.unrelated import background

KEPT = 0.95
STANDING_RULE = "its standing among unrelated texts"
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Told:
    """How well one number tells queries with an answer from those without.

    Attributes:
        auroc: Chance that a query with an answer gets a higher number than one without; 0.5 is chance.
        threshold: The number below which a collection is said to have no answer, as chosen elsewhere.
        kept: Share of the queries with an answer that reach the threshold.
        false_answers: Share of the queries without an answer that reach it, too.
    """

    rule: str
    auroc: float
    threshold: float
    kept: float
    false_answers: float
    queries: int


def tell_apart(rule: str, present: ArrayLike, absent: ArrayLike, threshold: float | None = None) -> Told:
    """Measure a number that queries get with their own photo in the collection, and without it.

    Without a `threshold`, it is the highest that keeps 95 % of those with an answer.
    """
    kept, gone = np.asarray(present, float), np.asarray(absent, float)
    if threshold is None:
        threshold = float(np.sort(kept)[int(np.floor((1 - KEPT) * len(kept)))])
    return Told(
        rule,
        auroc(kept, gone),
        threshold,
        float((kept >= threshold).mean()),
        float((gone >= threshold).mean()),
        len(kept),
    )


def auroc(positives: Values, negatives: Values) -> float:
    """Return the area under the ROC curve, ties counted half."""
    ranks = stats.rankdata(np.concatenate([positives, negatives]))
    n, m = len(positives), len(negatives)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))


def numbers_for(
    scores: Values, own: Sequence[int], unrelated: Values, probability: Callable[[float], float] | None = None
) -> dict[str, tuple[Values, Values]]:
    """Return, per rule, the numbers of queries with their own photo in the collection, and without it.

    Args:
        scores: Of every query and photo, shape `(queries, photos)`.
        own: The column of each query's own photo.
        unrelated: The scores of unrelated texts, shape `(texts, photos)`.
        probability: A calibration.
    """
    without = scores.copy()
    without[np.arange(len(scores)), own] = -np.inf
    best, best_without = scores.max(axis=1), without.max(axis=1)
    numbers = {"cosine of the best picture": (best, best_without)}
    if probability:
        numbers["its match probability"] = (_each(probability, best), _each(probability, best_without))
    by_chance = background(unrelated.max(axis=1).tolist())
    numbers[STANDING_RULE] = (
        _each(by_chance.standing, best),
        _each(by_chance.standing, best_without),
    )
    mean, spread = unrelated.mean(axis=0), np.maximum(unrelated.std(axis=0), 1e-6)
    numbers["the same, picture by picture"] = (
        ((scores - mean) / spread).max(axis=1),
        ((without - mean) / spread).max(axis=1),
    )
    return numbers


def _each(function: Callable[[float], float], values: Values) -> Values:
    return np.array([function(float(value)) for value in values])
