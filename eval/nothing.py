"""How well a number tells that a collection has no answer: every query is tried with its own photo, and without it.

The rule of `search --strict` and its threshold are chosen on other photos than they are measured on. A rule must hold
for collections of any size, so it is chosen on collections of several sizes, drawn from the photos.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.measures import Estimate, Values, estimates
from gallery.calibration import SEPARATES, StrictRule
from gallery.vectors import Vectors
from search.unrelated import background

KEPT = 0.95
SHARES = (1.0, 0.3, 0.1)
"""The collections' shares of the photos for choosing a rule; as many of each size as use all photos."""
RULES = ("standing", "cosine")
"""What can be compared with a threshold. Among rules with equal AUROC, to two digits, the first is chosen."""
LEAST_QUERIES = 100
MOST_QUERIES = 2000
"""If there are more, this many are drawn: their cosines with Flickr8k's 7000 photos take 110 MB."""
RESAMPLES = 999
Numbers = Mapping[str, tuple[Values, Values]]


@dataclass(frozen=True, slots=True)
class Told:
    """How well one number tells queries with an answer from those without.

    Attributes:
        rule: One of `RULES`.
        threshold: The number below which a collection is said to have no answer.
        auroc: The probability that a query with an answer gets a higher number than one without; 0.5 is chance.
        kept: Share of the queries with an answer that reach the threshold.
        false_answers: Share of the queries without an answer that also reach it.
    """

    rule: str
    threshold: float
    auroc: Estimate
    kept: Estimate
    false_answers: Estimate
    queries: int
    photos: int

    @property
    def separates(self) -> bool:
        """Whether it distinguishes them at all."""
        return self.auroc.low >= SEPARATES

    def stored(self, source: str) -> StrictRule:
        """Return it in the form that `search` uses."""
        area, false = self.auroc, self.false_answers
        figures = self.threshold, area.value, self.kept.value, false.value, self.queries
        intervals = (area.low, area.high), (false.low, false.high)
        return StrictRule(self.rule, *figures, *intervals, self.photos, source)


@dataclass(frozen=True, slots=True)
class Questions:
    """Queries, each with its own photo, and a collection of photos.

    Attributes:
        texts: Unit vectors of the queries, shape `(queries, dimension)`.
        photos: Unit vectors of the photos, shape `(photos, dimension)`.
        own: The row of each query's own photo.
        unrelated: Unit vectors of texts that no photo answers.
    """

    texts: Vectors
    photos: Vectors
    own: NDArray[np.int64]
    unrelated: Vectors

    def drawn(self, most: int, seed: int) -> "Questions":
        """Return at most a given number of the queries, with all photos."""
        rows = np.sort(np.random.default_rng(seed).permutation(len(self.texts))[:most])
        return Questions(self.texts[rows], self.photos, self.own[rows], self.unrelated)


def tell_apart(
    rule: str, present: Values, absent: Values, photos: Sequence[object], threshold: float | None = None
) -> Told:
    """Measure a number that queries get with their own photo in the collection, and without it.

    The default `threshold` is the highest that keeps 95 % of those with an answer.
    """
    if threshold is None:
        threshold = float(np.sort(present)[int(np.floor((1 - KEPT) * len(present)))])
    _, places = np.unique(np.concatenate([present, absent]), return_inverse=True)
    reached = np.stack([present >= threshold, absent >= threshold])

    def figures(weights: Values) -> list[float]:
        half = weights[: len(present)]
        return [_area(places, half), *(reached @ half / half.sum())]

    names = [str(photo) for photo in photos]
    area, kept, false = estimates(figures, names, resamples=RESAMPLES)
    return Told(rule, threshold, area, kept, false, len(present), len(set(names)))


def choose_rule(asked: Questions, *, shares: Sequence[float] = SHARES, seed: int = 0) -> tuple[Told, dict[str, Told]]:
    """Return the rule that best tells whether a query's own photo is there, and all rules, each with its threshold.

    Args:
        asked: Queries and photos to choose on.
        shares: The collections' shares of the photos.
        seed: Of the draws.
    """
    scores, by_chance = cosines(asked.texts, asked.photos), cosines(asked.unrelated, asked.photos)
    drawn: dict[str, list[tuple[Values, Values]]] = {rule: [] for rule in RULES}
    photos: list[int] = []
    for rows, columns, places in _collections(asked.own, len(asked.photos), shares, seed):
        photos += asked.own[rows].tolist()
        for rule, numbers in numbers_for(scores[np.ix_(rows, columns)], places, by_chance[:, columns]).items():
            drawn[rule].append(numbers)
    told = {}
    for rule, parts in drawn.items():
        present, absent = (np.concatenate(side) for side in zip(*parts, strict=True))
        told[rule] = tell_apart(rule, present, absent, photos)
    return max(told.values(), key=lambda one: round(one.auroc.value, 2)), told


def measure_rule(asked: Questions, rule: str, threshold: float) -> Told:
    """Measure a rule with a threshold that was chosen elsewhere."""
    scores, by_chance = cosines(asked.texts, asked.photos), cosines(asked.unrelated, asked.photos)
    return tell_apart(rule, *numbers_for(scores, asked.own, by_chance)[rule], asked.own.tolist(), threshold)


def cosines(texts: Vectors, photos: Vectors) -> Values:
    """Return the cosine of every text and photo, shape `(texts, photos)`."""
    return np.asarray(texts @ photos.T, np.float64)


def numbers_for(scores: Values, own: NDArray[np.int64], unrelated: Values) -> Numbers:
    """Return, per rule, the numbers of queries with their own photo in the collection, and without it.

    Args:
        scores: The scores of every query and photo, shape `(queries, photos)`.
        own: The column of each query's own photo.
        unrelated: The scores of unrelated texts, shape `(texts, photos)`.
    """
    without = scores.copy()
    without[np.arange(len(scores)), own] = -np.inf
    best = scores.max(axis=1), without.max(axis=1)
    by_chance = background(unrelated.max(axis=1).tolist())
    present, absent = (np.array([by_chance.standing(float(number)) for number in side]) for side in best)
    return {"standing": (present, absent), "cosine": best}


def _area(places: NDArray[np.int64], weights: Values) -> float:
    """Return the area under the ROC curve: the chance that an answered query ranks above another; ties count half.

    Scikit-learn's takes thirty times as long, and a bootstrap asks for a thousand.

    Args:
        places: The ranks of the numbers, ascending, equal for equal numbers; first those with an answer, then the
            others.
        weights: The weight of each query.
    """
    size = int(places.max()) + 1
    answered, others = (np.bincount(half, weights, size) for half in np.split(places, 2))
    below = np.cumsum(others) - others / 2
    return float(answered @ below / weights.sum() ** 2)


def _collections(
    own: NDArray[np.int64], photos: int, shares: Sequence[float], seed: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
    """Yield collections: rows of the queries whose photo is in it, columns of the photos, and where the photos are."""
    chance = np.random.default_rng(seed)
    for share in shares:
        for _ in range(round(1 / share)):
            columns = np.sort(chance.permutation(photos)[: max(2, round(share * photos))])
            rows = np.flatnonzero(np.isin(own, columns))
            if len(rows):
                yield rows, columns, np.searchsorted(columns, own[rows])
