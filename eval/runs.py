"""Runs: what a system answers to a list of topics, in memory and as TREC run files.

Order within an answer goes by score, and equal scores by document name, the greater first. That is trec_eval's rule,
which sees scores as 32-bit floats; so it gives the same figures from a written run as this package does. Names are
percent-encoded in files, since the format parts its columns at spaces.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, unquote

import numpy as np

from gallery.errors import BadInput
from gallery.records import Hit, ImageRecord


class Retriever(Protocol):
    """A system that answers a text with pictures."""

    @property
    def name(self) -> str:
        """What the system is called in a report."""
        ...

    def search(self, query: str, limit: int) -> list[Hit]:
        """Return at most `limit` pictures, best first."""
        ...


@dataclass(frozen=True, slots=True)
class Topic:
    """A query to be judged.

    Attributes:
        photo: The picture that the query was written for; queries of one picture are not independent.
    """

    id: str
    text: str
    photo: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One document of a run; `probability` where the system predicts one."""

    document: str
    score: float
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """What one system answered: topic id -> answers, best first."""

    name: str
    answers: Mapping[str, Sequence[Answer]]


def in_order(answers: Iterable[Answer]) -> tuple[Answer, ...]:
    """Sort by score, then by document, both falling."""
    by_name = sorted(answers, key=lambda answer: answer.document, reverse=True)
    return tuple(sorted(by_name, key=lambda answer: float(np.float32(answer.score)), reverse=True))


def file_name(image: ImageRecord) -> str:
    """Name a picture by its file, as data sets do."""
    return Path(image.path).name


def retrieve(
    retriever: Retriever,
    topics: Sequence[Topic],
    depth: int,
    *,
    document: Callable[[ImageRecord], str] = file_name,
) -> Run:
    """Ask a system every topic.

    Args:
        retriever: The system.
        topics: Their ids are distinct.
        depth: How many pictures to ask for.
        document: What a picture is called in the run.
    """
    answers = {}
    for topic in topics:
        hits = retriever.search(topic.text, depth)
        answers[topic.id] = in_order(Answer(document(hit.image), hit.score, hit.probability) for hit in hits)
    return Run(retriever.name, answers)


def write_run(run: Run, path: Path) -> None:
    """Write lines `topic Q0 document rank score name`."""
    name = quote(run.name)
    lines = [
        f"{quote(topic)} Q0 {quote(answer.document)} {rank} {answer.score!r} {name}\n"
        for topic, answers in run.answers.items()
        for rank, answer in enumerate(answers, 1)
    ]
    path.write_text("".join(lines), encoding="ascii")


def read_run(path: Path) -> Run:
    """Read what `write_run` or another TREC tool wrote. Ranks in the file are ignored, as trec_eval does.

    Raises:
        BadInput: The file cannot be read, or a line has other columns; with file and line.
    """
    name = path.stem
    found: dict[str, dict[str, float]] = {}
    for number, fields in lines_of(path, 6):
        topic, document, name = unquote(fields[0]), unquote(fields[2]), unquote(fields[5])
        try:
            score = float(fields[4])
        except ValueError as error:
            raise BadInput(f"{path}, line {number}: the fifth column, the score, is no number") from error
        if document in found.setdefault(topic, {}):
            raise BadInput(f"{path}, line {number}: {document} stands twice among the answers to {topic}; leave one")
        found[topic][document] = score
    return Run(name, {topic: in_order(Answer(*pair) for pair in scores.items()) for topic, scores in found.items()})


def lines_of(path: Path, columns: int) -> Iterable[tuple[int, list[str]]]:
    """Yield number and fields of the lines of a file whose columns are parted by white space.

    Raises:
        BadInput: The file cannot be read, or a line has another number of columns.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read as a text file in UTF-8: {error}") from error
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.split()
        if len(fields) != columns:
            raise BadInput(f"{path}, line {number}: {len(fields)} columns where the format has {columns}")
        yield number, fields
