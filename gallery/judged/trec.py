"""Topics, runs and qrels: the queries, a system's answers and the right answers, in TREC's files.

Answers are ordered by score, and equal scores by name, in descending order. This is trec_eval's rule, on 32-bit scores
and the names in the file, so it computes the same figures from a written run. Names are
percent-encoded in files, because the format separates its columns by spaces.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote

import numpy as np
from numpy.typing import NDArray

from gallery.errors import BadInput
from gallery.records import Caption

Qrels = Mapping[str, Mapping[str, int]]
"""Topic id -> document -> relevance. 0 is not relevant, more is better; missing documents are not relevant."""
encoded = cache(quote)


@dataclass(frozen=True, slots=True)
class Topic:
    """A query to be judged.

    Attributes:
        photo: The picture that the query was written for; queries of one picture are not independent.
    """

    id: str
    text: str
    photo: str


def topics_of(queries: Sequence[Caption]) -> list[Topic]:
    """Return queries as topics, each with the photo that it was written for."""
    return [Topic(query.id or f"{query.image}#{n}", query.text, query.image) for n, query in enumerate(queries)]


def own_photo(topics: Sequence[Topic]) -> dict[str, dict[str, int]]:
    """Return qrels in which the picture that a query was written for is the only relevant one."""
    return {topic.id: {topic.photo: 1} for topic in topics}


class Answer(NamedTuple):
    """One document of a run."""

    document: str
    score: float


@dataclass(frozen=True, slots=True)
class Run:
    """What one system answered: topic id -> answers, best first."""

    name: str
    answers: Mapping[str, Sequence[Answer]]


def in_order(answers: Iterable[tuple[str, float]]) -> tuple[Answer, ...]:
    """Sort by score, then by encoded name, both descending."""
    pairs = [Answer(document, float(np.float32(score))) for document, score in answers]
    return tuple(sorted(pairs, key=lambda answer: (answer.score, encoded(answer.document)), reverse=True))


def run_of_scores(
    name: str, topics: Sequence[str], documents: Sequence[str], scores: NDArray[np.floating], depth: int | None = None
) -> Run:
    """Make a run from a matrix of scores.

    Args:
        name: The system.
        topics: Ids of the rows.
        documents: Names of the columns.
        scores: Shape `(topics, documents)`.
        depth: How many answers to keep per topic; all by default.
    """
    columns = sorted(range(len(documents)), key=lambda column: encoded(documents[column]), reverse=True)
    names = [documents[column] for column in columns]
    rows = np.asarray(scores, np.float32)[:, columns]
    order = np.argsort(-rows, axis=1, kind="stable")[:, :depth]
    answers = {
        topic: tuple(Answer(names[place], float(row[place])) for place in places)
        for topic, row, places in zip(topics, rows, order, strict=True)
    }
    return Run(name, answers)


def write_run(run: Run, path: Path) -> Path:
    """Write lines `topic Q0 document rank score name`, and return the path."""
    name = encoded(run.name)
    with path.open("w", encoding="ascii") as file:
        file.writelines(
            f"{encoded(topic)} Q0 {encoded(answer.document)} {rank} {answer.score:.9g} {name}\n"
            for topic, answers in run.answers.items()
            for rank, answer in enumerate(answers, 1)
        )
    return path


def read_run(path: Path) -> Run:
    """Read what `write_run` or another TREC tool wrote. Ranks in the file are ignored, as in trec_eval.

    Raises:
        BadInput: The file cannot be read, or a line has other columns; with file and line.
    """
    name = path.stem
    found: dict[str, dict[str, float]] = {}
    for number, fields in _lines(path, 6):
        topic, document, name = unquote(fields[0]), unquote(fields[2]), unquote(fields[5])
        try:
            score = float(fields[4])
        except ValueError as error:
            raise BadInput(f"{path}, line {number}: the fifth column, the score, is not a number") from error
        if document in found.setdefault(topic, {}):
            raise BadInput(f"{path}, line {number}: {document} answers {topic} twice; keep one")
        found[topic][document] = score
    return Run(name, {topic: in_order(scores.items()) for topic, scores in found.items()})


def write_qrels(qrels: Qrels, path: Path) -> Path:
    """Write lines `topic 0 document relevance`, and return the path."""
    lines = [
        f"{encoded(topic)} 0 {encoded(document)} {relevance}\n"
        for topic, documents in qrels.items()
        for document, relevance in documents.items()
    ]
    path.write_text("".join(lines), encoding="ascii")
    return path


def read_qrels(path: Path) -> Qrels:
    """Read what `write_qrels` or another TREC tool wrote.

    Raises:
        BadInput: The file cannot be read, or a line has other columns; with file and line.
    """
    qrels: dict[str, dict[str, int]] = {}
    for number, fields in _lines(path, 4):
        try:
            qrels.setdefault(unquote(fields[0]), {})[unquote(fields[2])] = int(fields[3])
        except ValueError as error:
            raise BadInput(f"{path}, line {number}: the fourth column, the relevance, is not a whole number") from error
    return qrels


def _lines(path: Path, columns: int) -> Iterator[tuple[int, list[str]]]:
    """Yield number and fields of the lines of a file whose columns are separated by white space."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read as a text file in UTF-8: {error}") from error
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.split()
        if len(fields) != columns:
            raise BadInput(f"{path}, line {number}: {len(fields)} columns; the format has {columns}")
        yield number, fields
