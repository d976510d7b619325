"""Collapse and hubness: whether a system says different things to different queries."""

from collections import Counter
from dataclasses import dataclass

from scipy import stats

from eval.runs import Run


@dataclass(frozen=True, slots=True)
class Collapse:
    """How many answers a system knows.

    Attributes:
        queries: Those that got an answer.
        distinct: Different first answers.
        most_frequent: Share of the queries whose first answer is the most frequent one.
        skewness: Of the number of times that each candidate stands among the first `k` answers (the k-occurrence of
            Radovanović et al., JMLR 2010); 0 is even, large is a few pictures that answer everything.
    """

    queries: int
    distinct: int
    most_frequent: float
    skewness: float
    k: int

    @property
    def distinct_per_query(self) -> float:
        """Different first answers per query, between 1 / queries and 1."""
        return self.distinct / self.queries if self.queries else 0.0


def collapse(run: Run, candidates: int, k: int = 10) -> Collapse:
    """Count the answers of a run over a collection of so many `candidates`."""
    answered = [answers for answers in run.answers.values() if answers]
    first = Counter(answers[0].document for answers in answered)
    among = Counter(answer.document for answers in answered for answer in answers[:k])
    occurrences = [*among.values(), *[0] * (candidates - len(among))]
    even = len(set(occurrences)) < 2
    return Collapse(
        queries=len(answered),
        distinct=len(first),
        most_frequent=max(first.values()) / len(answered) if answered else 0.0,
        skewness=0.0 if even else float(stats.skew(occurrences)),
        k=k,
    )
