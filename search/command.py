"""What the command `search` does, once its options are read."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from gallery.errors import GalleryError
from gallery.records import Hit
from gallery.settings import Settings
from search.answer import Answer
from search.answers import to_json
from search.grouping import Grouping
from search.query import QueryError, clean_query, parse_query
from search.ranking import Order
from search.table import format_groups, format_json, format_table, format_tsv
from search.web.service import ask_page

if TYPE_CHECKING:
    from search.engine import SearchEngine

Say = Callable[[str], None]
MOST_OF_PAGE = 200
"""Hits that a running page gives at once."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of every line alike, see `SearchEngine.ask`."""

    limit: int
    min_score: float | None
    strict: bool
    sort: str
    group: str | None
    hybrid: bool

    def parameters(self) -> dict[str, Any]:
        """Return it as the API takes it."""
        flags = {"strict": self.strict or None, "hybrid": self.hybrid or None}
        return {"limit": self.limit, "min_score": self.min_score, "sort": self.sort, "group": self.group, **flags}

    def ask(self, engine: "SearchEngine", line: str) -> Answer:
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
    sheet: Path | None = None
    preview: bool = False


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
    settings = Settings.from_environ()
    # A page that runs for the collection has the model loaded; it knows no other text tower.
    alone = text_encoder or question.limit > MOST_OF_PAGE
    answered = None if alone else ask_page(settings, name, line, question.parameters())
    if answered:
        names = {"encoder": answered.encoder, "collection": answered.collection}
        _show(answered.answer, line, names, output, say)
        return False
    with _opened(settings, name, text_encoder, say) as engine:
        _show(question.ask(engine, line), line, _names(engine), output, say)
    return False


def _opened(settings: Settings, name: str | None, text_encoder: str | None, say: Say) -> "SearchEngine":
    from search.engine import SearchEngine  # numpy and the store, which whoever asks a page does without

    return SearchEngine.open(settings, name, text_encoder=text_encoder, say=say)


def _show(answer: Answer, line: str, names: Mapping[str, str], output: Output, say: Say) -> None:
    if output.explain:
        say("\n".join([f"understood: {answer.query}", *(f"  {meaning}" for meaning in answer.meanings)]))
    if answer.cut:
        say(
            f"The query is cut: it has {answer.tokens} tokens, and the encoder reads {answer.text_limit} of them; "
            "the rest is not used."
        )
    if not answer.hits:
        say("No picture of the collection answers this.")
    if output.sheet:
        from search.sheet import Row, write_sheet

        write_sheet(output.sheet, [Row(line, answer.hits, scored=bool(answer.query.terms))], _thumbnail())
        say(f"{output.sheet} shows {len(answer.hits)} pictures.")
    elif output.preview:
        from search.preview import show_previews

        show_previews(answer.hits, _thumbnail())
    else:
        _write(answer, line, names, output)
    sys.stdout.flush()


def sheet_of_lines(question: Question, sheet: Path, name: str | None, text_encoder: str | None, say: Say) -> bool:
    """Answer each line of stdin with a row of one sheet, and say whether one failed.

    Raises:
        GalleryError: The collection cannot be opened, or the sheet not be written.
    """
    from search.sheet import Row, write_sheet

    rows: list[Row] = []
    failed = False
    with _opened(Settings.from_environ(), name, text_encoder, say) as engine:
        lines = [_decoded(line) for line in sys.stdin.buffer.read().split(b"\n") if line.strip()]
        engine.prepare(lines)
        for line in lines:
            try:
                answer = question.ask(engine, clean_query(line))
                rows.append(Row(line, answer.hits, scored=bool(answer.query.terms)))
            except GalleryError as error:
                say(f"{line}: {error}")
                failed = True
        write_sheet(sheet, rows, _thumbnail())
        say(f"{sheet} shows {len(rows)} queries.")
    return failed


def answer_stdin(question: Question, name: str | None, text_encoder: str | None, say: Say) -> bool:
    """Answer each line of stdin with one line of JSON, and say whether one failed.

    Raises:
        GalleryError: The collection or its encoder cannot be opened.
    """
    failed = False
    with _opened(Settings.from_environ(), name, text_encoder, say) as engine:
        for lines in _batches(sys.stdin.buffer):
            engine.prepare(lines)
            for line in lines:
                try:
                    said = format_json(question.ask(engine, clean_query(line)), line, indent=None, **_names(engine))
                except GalleryError as error:
                    said, failed = to_json({"query": line, "error": str(error)}, indent=None), True
                sys.stdout.write(said)
            sys.stdout.flush()
    return failed


def _thumbnail() -> Callable[[Hit], bytes]:
    from gallery.pictures import Thumbnails

    thumbnails = Thumbnails(Settings.from_environ().data_dir)
    return lambda hit: thumbnails.jpeg(hit.image)


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


def _write(answer: Answer, line: str, names: Mapping[str, str], output: Output) -> None:
    if output.end is not None:
        sys.stdout.buffer.write(b"".join(os.fsencode(hit.image.path) + output.end for hit in answer.hits))
    elif output.as_json:
        sys.stdout.write(format_json(answer, line, indent=2, **names))
    elif sys.stdout.isatty():
        sys.stdout.write(format_table(answer, shutil.get_terminal_size().columns))
    else:
        sys.stdout.write(format_groups(answer.groups) if answer.groups else format_tsv(answer.hits))


def _names(engine: "SearchEngine") -> dict[str, str]:
    return {"encoder": engine.collection.spec.encoder, "collection": engine.collection.name}


def _pointed(error: QueryError) -> str:
    """Return the error below its line, with a mark at its column."""
    line = "".join(character if character.isprintable() else " " for character in error.line)
    return f"Error: {error}\n  {line}\n  {' ' * (error.column - 1)}^"
