"""Qrels: which document is relevant to which topic, in memory and as TREC qrels files; and files of queries."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from eval.runs import Topic, lines_of
from gallery.errors import BadInput

Qrels = Mapping[str, Mapping[str, int]]
"""Topic id -> document -> relevance: 0 is not relevant, more is better. What is not named is not relevant."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One line of a file of queries: a text and the pictures that should be found."""

    line: int
    query: str
    paths: tuple[str, ...]


def own_photo(topics: list[Topic]) -> Qrels:
    """Return qrels in which the picture that a query was written for is its only relevant one."""
    return {topic.id: {topic.photo: 1} for topic in topics}


def write_qrels(qrels: Qrels, path: Path) -> None:
    """Write lines `topic 0 document relevance`."""
    lines = [
        f"{quote(topic)} 0 {quote(document)} {relevance}\n"
        for topic, documents in qrels.items()
        for document, relevance in documents.items()
    ]
    path.write_text("".join(lines), encoding="ascii")


def read_qrels(path: Path) -> Qrels:
    """Read what `write_qrels` or another TREC tool wrote.

    Raises:
        BadInput: The file cannot be read, or a line is not what it should be; with file and line.
    """
    qrels: dict[str, dict[str, int]] = {}
    for number, fields in lines_of(path, 4):
        try:
            qrels.setdefault(unquote(fields[0]), {})[unquote(fields[2])] = int(fields[3])
        except ValueError as error:
            raise BadInput(f"{path}, line {number}: the fourth column, the relevance, is no whole number") from error
    return qrels


def read_wanted(path: Path) -> list[Wanted]:
    """Read a file of queries: a line is a query and one or more paths, parted by tabs. Lines with # are remarks.

    Raises:
        BadInput: The file cannot be read, or a line names no picture; with file and line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read as a text file in UTF-8: {error}") from error
    wanted = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        query, *paths = (field.strip() for field in line.split("\t"))
        if not query or not any(paths):
            raise BadInput(
                f"{path}, line {number}: give a query, a tab, and the path of a picture that should be found"
            )
        wanted.append(Wanted(number, query, tuple(filter(None, paths))))
    if not wanted:
        raise BadInput(f"{path} holds no query; a line is a query, a tab, and the path of a picture")
    return wanted
