"""Measures per query, their means with intervals, and tests between systems.

Intervals and tests resample photos, not queries or pairs: the captions of one photo are not independent.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import ir_measures
import numpy as np
from numpy.typing import ArrayLike, NDArray
from pandas import DataFrame, Series
from scipy import stats

from gallery.judged.trec import Qrels, Run, Topic

MEASURES = ("Success@1", "Success@5", "Success@10", "R@10", "P@10", "RR", "AP", "nDCG")
RESAMPLES = 9999
CONFIDENCE = 0.95
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its 95 % bootstrap interval over photos."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True, slots=True)
class PValue:
    """A p-value; `at_most` means that no draw was as extreme, so more draws might lower it."""

    value: float
    at_most: bool = False

    def __str__(self) -> str:
        return f"{'at most ' * self.at_most}{self.value:.4f}"


def per_query(run: Run, qrels: Qrels, measures: Sequence[str] = MEASURES) -> DataFrame:
    """Return a row per topic of the qrels and a column per measure; a topic without an answer counts 0.

    ir-measures gets the run's order as ranks, so that ties do not depend on the tool.
    """
    ranked = [
        ir_measures.ScoredDoc(topic, answer.document, float(-rank))
        for topic, answers in run.answers.items()
        for rank, answer in enumerate(answers)
    ]
    judged = [ir_measures.Qrel(topic, name, grade) for topic, names in qrels.items() for name, grade in names.items()]
    parsed = [ir_measures.parse_measure(measure) for measure in measures]
    found = ir_measures.iter_calc(parsed, judged, ranked)
    values = Series({(metric.query_id, str(metric.measure)): metric.value for metric in found}, dtype=float).unstack()
    return values.reindex(index=list(qrels), columns=list(measures)).fillna(0.0)


def estimates(
    statistic: Callable[[Values], ArrayLike],
    photos: Sequence[str] | Sequence[tuple[str, str]],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Estimate]:
    """Return figures with their bootstrap intervals over photos.

    Photos are drawn with replacement; an item counts as often as its photo was drawn. A pair of two photos counts as
    often as the product of both, and a photo with its own caption as often as the photo.

    Args:
        statistic: Returns one or several figures, given the weights of the items, shape `(n,)`.
        photos: The one or two photos of each item.
        resamples: How often photos are drawn.
        seed: The seed of the draws.
    """
    names, places = np.unique(np.asarray(photos), return_inverse=True)
    columns = places.reshape(len(photos), -1)
    pairs = columns.shape[1] == 2
    own = columns[:, 0] == columns[:, -1]
    draw = np.random.default_rng(seed)
    drawn = []
    for _ in range(resamples):
        counts = np.bincount(draw.integers(len(names), size=len(names)), minlength=len(names))
        weights = counts[columns[:, 0]].astype(np.float64)
        if pairs:
            weights = np.where(own, weights, weights * counts[columns[:, 1]])
        if weights.any():
            drawn.append(np.atleast_1d(statistic(weights)))
    values = np.atleast_1d(statistic(np.ones(len(columns))))
    lows, highs = np.nanquantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=0)
    return [Estimate(float(v), float(a), float(b)) for v, a, b in zip(values, lows, highs, strict=True)]


def mean_estimates(values: DataFrame, topics: Sequence[Topic]) -> dict[str, Estimate]:
    """Return the mean of each column over topics, with its interval."""
    matrix = values.loc[[topic.id for topic in topics]].to_numpy()
    found = estimates(lambda weights: weights @ matrix / weights.sum(), [topic.photo for topic in topics])
    return dict(zip(values.columns, found, strict=True))


def paired_p_value(first: ArrayLike, second: ArrayLike, photos: Sequence[str], seed: int = 0) -> PValue:
    """Return the two-sided p-value of a permutation test that swaps the systems' names photo by photo."""
    _, places = np.unique(photos, return_inverse=True)
    ours, theirs = np.bincount(places, np.asarray(first)), np.bincount(places, np.asarray(second))
    if np.array_equal(ours, theirs):
        return PValue(1.0)
    done = stats.permutation_test(
        (ours, theirs),
        lambda a, b, axis: (a - b).sum(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        rng=np.random.default_rng(seed),
        batch=1000,
    )
    sampled = len(done.null_distribution) == RESAMPLES
    return PValue(float(done.pvalue), at_most=sampled and bool(done.pvalue <= 2 / (RESAMPLES + 1)))


def first_rank(run: Run, topic: str, relevances: Mapping[str, int]) -> int | None:
    """Return the rank, from 1, of the first relevant answer to a topic, or None."""
    answers = enumerate(run.answers.get(topic, ()), 1)
    return next((rank for rank, answer in answers if relevances.get(answer.document, 0) > 0), None)
