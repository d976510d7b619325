"""Measures per query, their means with intervals, and tests between systems.

Intervals and tests resample photos, not queries: five captions of one photo are not independent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ir_measures
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from eval.qrels import Qrels
from eval.runs import Run, Topic

MEASURES = ("Success@1", "Success@5", "Success@10", "R@10", "P@10", "RR", "AP", "nDCG")
RESAMPLES = 9999
CONFIDENCE = 0.95

PerQuery = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over queries and its 95 % bootstrap interval over photos.

    The interval of a mean that no resampling can change, such as that of a system that never succeeds, has length 0.
    """

    mean: float
    low: float
    high: float
    queries: int
    photos: int

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def per_query(run: Run, qrels: Qrels, measures: Sequence[str] = MEASURES) -> dict[str, dict[str, float]]:
    """Return measure -> topic -> value, for every topic of the qrels; one without an answer counts 0.

    The order of the run is given to ir-measures as ranks, so that ties do not depend on who computes the measure.
    """
    values = {measure: dict.fromkeys(qrels, 0.0) for measure in measures}
    judged = [ir_measures.Qrel(topic, name, grade) for topic, names in qrels.items() for name, grade in names.items()]
    ranked = [
        ir_measures.ScoredDoc(topic, answer.document, float(-rank))
        for topic, answers in run.answers.items()
        for rank, answer in enumerate(answers)
    ]
    if not ranked:
        return values
    parsed = {ir_measures.parse_measure(measure): measure for measure in measures}
    for found in ir_measures.iter_calc(list(parsed), judged, ranked):
        if found.query_id in qrels:
            values[parsed[found.measure]][found.query_id] = float(found.value)
    return values


def estimate(values: PerQuery, topics: Sequence[Topic], seed: int = 0) -> Estimate:
    """Return the mean over topics, with an interval from resampling their photos."""
    sums, counts = _by_photo(values, topics)
    mean = float(sums.sum() / counts.sum())
    low = high = mean
    if len(sums) > 1 and np.ptp(sums / counts) > 0:
        interval = stats.bootstrap(
            (sums, counts),
            lambda a, n, axis: a.sum(axis=axis) / n.sum(axis=axis),
            paired=True,
            vectorized=True,
            n_resamples=RESAMPLES,
            confidence_level=CONFIDENCE,
            method="percentile",
            rng=np.random.default_rng(seed),
            batch=1000,
        ).confidence_interval
        low, high = float(interval.low), float(interval.high)
    return Estimate(mean, low, high, int(counts.sum()), len(sums))


def paired_p_value(first: PerQuery, second: PerQuery, topics: Sequence[Topic], seed: int = 0) -> float:
    """Return the two-sided p-value of a permutation test: the systems' names are exchanged photo by photo."""
    ours, _ = _by_photo(first, topics)
    theirs, _ = _by_photo(second, topics)
    if np.array_equal(ours, theirs):
        return 1.0
    done = stats.permutation_test(
        (ours, theirs),
        lambda a, b, axis: (a - b).sum(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        rng=np.random.default_rng(seed),
        batch=1000,
    )
    return float(done.pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for their number, by Holm's method.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    corrected = [0.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = highest
    return corrected


def success_curve(run: Run, qrels: Qrels, depth: int) -> NDArray[np.float64]:
    """Return success@1 to success@`depth`: the share of topics with a relevant document among the first k."""
    first = np.full(len(qrels), depth)
    for row, (topic, names) in enumerate(qrels.items()):
        relevant = {name for name, grade in names.items() if grade > 0}
        ranks = (rank for rank, a in enumerate(run.answers.get(topic, ())[:depth]) if a.document in relevant)
        first[row] = next(ranks, depth)
    curve: NDArray[np.float64] = np.cumsum(np.bincount(first, minlength=depth + 1)[:depth]) / len(qrels)
    return curve


def _by_photo(values: PerQuery, topics: Sequence[Topic]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the sum of values and the number of topics of each photo; a topic without a value counts 0."""
    photos = {photo: row for row, photo in enumerate(dict.fromkeys(topic.photo for topic in topics))}
    rows = np.array([photos[topic.photo] for topic in topics])
    weights = np.array([values.get(topic.id, 0.0) for topic in topics])
    return np.bincount(rows, weights).astype(np.float64), np.bincount(rows).astype(np.float64)
