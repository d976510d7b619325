"""Several systems on the same queries and pictures: runs become comparable figures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.collapse import Collapse, collapse
from eval.metrics import MEASURES, Estimate, estimate, holm, paired_p_value, per_query, success_curve
from eval.qrels import Qrels
from eval.runs import Retriever, Run, Topic, retrieve
from gallery.records import Hit, ImageRecord

TESTED = "RR"
"""The measure by which systems are tested against each other: it uses the whole ranking and has no k to choose."""


@dataclass(frozen=True, slots=True)
class Row:
    """One system's figures.

    Attributes:
        curve: success@1 to success@n.
        p_value: Of the paired test of `TESTED` against the best system, corrected by Holm; None for that one.
    """

    run: Run
    values: Mapping[str, Mapping[str, float]]
    measures: Mapping[str, Estimate]
    collapse: Collapse
    curve: NDArray[np.float64]
    p_value: float | None = None

    @property
    def name(self) -> str:
        """The system's."""
        return self.run.name


class RandomRetriever:
    """Answers every query in an order of its own that says nothing: what chance comes to."""

    name = "random order"

    def __init__(self, records: Sequence[ImageRecord], seed: int = 0) -> None:
        self._records = records
        self._chance = np.random.default_rng(seed)

    def search(self, query: str, limit: int) -> list[Hit]:
        """Return pictures drawn at random; the query is not looked at."""
        del query
        order = self._chance.permutation(len(self._records))[:limit]
        return [Hit(self._records[place], 1 - rank / len(self._records)) for rank, place in enumerate(order)]


def compare(
    systems: Sequence[Retriever],
    topics: Sequence[Topic],
    qrels: Qrels,
    candidates: int,
    tell: Callable[[str], None] = lambda _: None,
) -> list[Row]:
    """Ask every system every topic for all candidates, and return its figures, the best system first."""
    runs = []
    for system in systems:
        tell(f"{system.name}: {len(topics)} queries")
        runs.append(retrieve(system, topics, candidates))
    return side_by_side(runs, topics, qrels, candidates)


def side_by_side(runs: Sequence[Run], topics: Sequence[Topic], qrels: Qrels, candidates: int) -> list[Row]:
    """Return the figures of what systems answered to the same topics, the best system first."""
    rows = []
    for run in runs:
        values = per_query(run, qrels, MEASURES)
        rows.append(
            Row(
                run,
                values,
                {measure: estimate(of_query, topics) for measure, of_query in values.items()},
                collapse(run, candidates),
                success_curve(run, qrels, candidates),
            )
        )
    rows.sort(key=lambda row: -row.measures[TESTED].mean)
    best, others = rows[:1], rows[1:]
    p_values = [paired_p_value(best[0].values[TESTED], row.values[TESTED], topics) for row in others]
    return best + [
        Row(row.run, row.values, row.measures, row.collapse, row.curve, p_value)
        for row, p_value in zip(others, holm(p_values), strict=True)
    ]


def worst_topics(row: Row, topics: Sequence[Topic], count: int) -> list[Topic]:
    """Return the topics whose right picture a system ranks lowest, the worst first."""
    return sorted(topics, key=lambda topic: (row.values[TESTED].get(topic.id, 0.0), topic.id))[:count]
