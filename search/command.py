"""What the command `search` does, once its options are read."""

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO, cast

from gallery.errors import EncoderError, GalleryError
from gallery.settings import Settings
from search.answer import Answer
from search.answers import whole_answer
from search.engine import SearchEngine, clean_query
from search.grouping import Grouping
from search.query import QueryError, parse_query
from search.ranking import Order
from search.table import format_groups, format_json, format_table, format_tsv

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of every line alike, see `SearchEngine.ask`."""

    limit: int
    min_score: float | None
    strict: bool
    sort: str
    group: str | None
    hybrid: bool

    def ask(self, engine: SearchEngine, line: str) -> Answer:
        """Ask one line."""
        return engine.ask(
            line,
            self.limit,
            min_score=self.min_score,
            strict=self.strict,
            sort=cast(Order, self.sort),
            group=cast(Grouping | None, self.group),
            hybrid=self.hybrid,
        )


@dataclass(frozen=True, slots=True)
class Output:
    """How an answer is written: as JSON, as paths that all end in `end`, or else as a table or lines."""

    as_json: bool
    end: bytes | None
    explain: bool


def answer_line(
    line: str, question: Question, output: Output, name: str | None, text_encoder: str | None, say: Say
) -> bool:
    """Answer one line on stdout, and say whether it failed.

    Raises:
        GalleryError: It cannot be answered.
    """
    line = clean_query(line)
    try:
        parse_query(line)  # before a model is loaded
    except QueryError as error:
        say(_pointed(error))
        return True
    with SearchEngine.open(Settings.from_environ(), name, text_encoder=text_encoder) as engine:
        _pass_on(engine, say)
        answer = question.ask(engine, line)
        if output.explain:
            say("\n".join([f"understood: {answer.query}", *(f"  {meaning}" for meaning in answer.meanings)]))
        if answer.cut:
            say(f"The query is longer than {engine.towers.texts.text_limit} tokens; the rest of it is not used.")
        _write(answer, line, engine, output)
        sys.stdout.flush()
        _export(engine, say)
    return False


def answer_stdin(question: Question, name: str | None, text_encoder: str | None, say: Say) -> bool:
    """Answer each line of stdin with one line of JSON, and say whether one failed.

    Raises:
        GalleryError: The collection or its encoder cannot be opened.
    """
    failed = False
    with SearchEngine.open(Settings.from_environ(), name, text_encoder=text_encoder) as engine:
        _pass_on(engine, say)
        for lines in _batches(sys.stdin.buffer):
            engine.prepare(lines)
            for line in lines:
                try:
                    answer = question.ask(engine, clean_query(line))
                    values = asdict(whole_answer(answer, line, **_names(engine)))
                except GalleryError as error:
                    values, failed = {"query": line, "error": str(error)}, True
                sys.stdout.write(json.dumps(values) + "\n")
            sys.stdout.flush()
        _export(engine, say)
    return failed


def _batches(stream: BinaryIO) -> Iterator[list[str]]:
    """Yield the lines as they come, all that have come at once: a slow writer gets its answers one by one."""
    rest = b""
    while chunk := cast(Any, stream).read1(1 << 16):
        *lines, rest = (rest + chunk).split(b"\n")
        if lines:
            yield [_decoded(line) for line in lines]
    if rest:
        yield [_decoded(rest)]


def _decoded(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\r")


def _write(answer: Answer, line: str, engine: SearchEngine, output: Output) -> None:
    if output.end is not None:
        sys.stdout.buffer.write(b"".join(os.fsencode(hit.image.path) + output.end for hit in answer.hits))
    elif output.as_json:
        sys.stdout.write(format_json(answer, line, **_names(engine)))
    elif sys.stdout.isatty():
        sys.stdout.write(format_table(answer, shutil.get_terminal_size().columns))
    else:
        sys.stdout.write(format_groups(answer.groups) if answer.groups else format_tsv(answer.hits))


def _names(engine: SearchEngine) -> dict[str, str]:
    return {"encoder": engine.collection.spec.encoder, "collection": engine.collection.name}


def _pointed(error: QueryError) -> str:
    """Return the error below its line, with a mark at its column."""
    line = "".join(character if character.isprintable() else " " for character in error.line)
    return f"Error: {error}\n  {line}\n  {' ' * (error.column - 1)}^"


def _pass_on(engine: SearchEngine, say: Say) -> None:
    if engine.towers.note:
        say(engine.towers.note)


def _export(engine: SearchEngine, say: Say) -> None:
    """Make the next search start at once; one that cannot be had changes nothing."""
    if not engine.towers.can_export():
        return
    say("Exporting the text tower, once, so that the next search starts at once …")
    with contextlib.suppress(KeyboardInterrupt):
        try:
            cosine = engine.towers.export()
        except EncoderError as error:
            say(f"{error}.")
            return
        if cosine != cosine:  # noqa: PLR0124 - NaN
            say("It gives other vectors than the original, or cannot be exported; the original will go on being used.")
