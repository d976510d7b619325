"""The figures of systems side by side, from their answers to the same queries."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from pandas import DataFrame
from scipy import stats

from eval.measures import MEASURES, Estimate, PValue, Values, first_rank, mean_estimates, paired_p_value, per_query
from gallery.judged.trec import Qrels, Run, Topic, run_of_scores

TESTED = "RR"
"""The measure by which systems are tested against each other: it uses the whole ranking and has no k to choose."""
SHOWN = ("Success@1", "Success@5", "Success@10", TESTED)
"""The measures where there is room for a few."""
HUB_DEPTH = 10


@dataclass(frozen=True, slots=True)
class Collapse:
    """How varied a system's answers to different queries are; means over its trainings.

    Attributes:
        distinct: The number of different first answers.
        most_frequent: Share of the queries whose first answer is the most frequent one.
        skewness: The skewness of how often each candidate is among the first ten answers (the k-occurrence of
            Radovanović et al., JMLR 2010): 0 is even; large means that a few pictures answer everything.
    """

    distinct: float
    most_frequent: float
    skewness: float


@dataclass(frozen=True, slots=True)
class System:
    """One system's figures.

    Attributes:
        runs: Its answers, once for each training.
        values: A row per topic and a column per measure, means over the trainings.
        measures: Means over topics.
        spread: Standard deviation over trainings of each measure's mean.
        curve: success@1 to success@n.
        p_value: The p-value of the paired test of `TESTED` against the best system, corrected by Holm; None for the
            best.
    """

    name: str
    runs: Sequence[Run]
    values: DataFrame
    measures: Mapping[str, Estimate]
    spread: Mapping[str, float]
    collapse: Collapse
    curve: Values
    p_value: PValue | None = None

    def facts(self) -> dict[str, object]:
        """Return the figures as plain values."""
        return {
            "trainings": len(self.runs),
            "measures": {name: asdict(found) for name, found in self.measures.items()},
            "standard deviation over trainings": dict(self.spread),
            "collapse": asdict(self.collapse),
            "p_value": self.p_value and asdict(self.p_value),
            "success_curve": [round(float(value), 4) for value in self.curve],
        }


def side_by_side(runs: Sequence[Run], topics: Sequence[Topic], qrels: Qrels, candidates: int) -> list[System]:
    """Return the figures of systems, best first; runs with the same name are trainings of one system."""
    by_name: dict[str, list[Run]] = {}
    for run in runs:
        by_name.setdefault(run.name, []).append(run)
    systems = [_system(name, of_name, topics, qrels, candidates) for name, of_name in by_name.items()]
    systems.sort(key=lambda system: -system.measures[TESTED].value)
    photos = [topic.photo for topic in topics]
    best, *others = (system.values[TESTED].loc[[topic.id for topic in topics]] for system in systems)
    p_values = holm([paired_p_value(best, other, photos) for other in others])
    return systems[:1] + [replace(other, p_value=p) for other, p in zip(systems[1:], p_values, strict=True)]


def collapse(runs: Sequence[Run], candidates: int) -> Collapse:
    """Count the answers of runs over a collection of `candidates` pictures."""
    return Collapse(*np.mean([_collapse(run, candidates) for run in runs], axis=0).tolist())


def success_curve(run: Run, qrels: Qrels, depth: int) -> Values:
    """Return success@1 to success@`depth`: the share of topics with a relevant document among the first k."""
    ranks = [first_rank(run, topic, names) for topic, names in qrels.items()]
    counts = np.bincount([rank for rank in ranks if rank and rank <= depth], minlength=depth + 1)[1:]
    return np.asarray(np.cumsum(counts) / len(qrels))


def holm(p_values: Sequence[PValue]) -> list[PValue]:
    """Correct p-values for multiple tests, by Holm's method.

    >>> [round(p.value, 3) for p in holm([PValue(0.01), PValue(0.04), PValue(0.03)])]
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place].value)
    raised = [min(1.0, (len(order) - rank) * p_values[place].value) for rank, place in enumerate(order)]
    found = dict(zip(order, np.maximum.accumulate(raised).tolist(), strict=True))
    return [PValue(found[place], p_value.at_most) for place, p_value in enumerate(p_values)]


def random_run(topics: Sequence[Topic], documents: Sequence[str], seed: int = 0) -> Run:
    """Answer each topic in a new random order, to show the level of chance."""
    scores = np.random.default_rng(seed).random((len(topics), len(documents)))
    return run_of_scores("random order", [topic.id for topic in topics], documents, scores)


def _system(name: str, runs: Sequence[Run], topics: Sequence[Topic], qrels: Qrels, candidates: int) -> System:
    frames = [per_query(run, qrels, MEASURES) for run in runs]
    values = sum(frames[1:], frames[0]) / len(frames)
    means = DataFrame([frame.mean() for frame in frames])
    spread = dict(zip(MEASURES, means.std().fillna(0.0), strict=True))  # a single training has none
    curve = np.mean([success_curve(run, qrels, candidates) for run in runs], axis=0)
    measures = mean_estimates(values, topics)
    return System(name, runs, values, measures, spread, collapse(runs, candidates), curve)


def _collapse(run: Run, candidates: int) -> tuple[float, float, float]:
    answered = [answers for answers in run.answers.values() if answers]
    if not answered:
        return 0.0, 0.0, 0.0
    first = Counter(answers[0].document for answers in answered)
    among = Counter(answer.document for answers in answered for answer in answers[:HUB_DEPTH])
    occurrences = [*among.values(), *[0] * (candidates - len(among))]
    skewness = float(stats.skew(occurrences)) if len(set(occurrences)) > 1 else 0.0
    return float(len(first)), max(first.values()) / len(answered), skewness
