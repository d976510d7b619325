"""What the command `search` does, once its options are read."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from gallery.errors import BadInput, GalleryError
from gallery.printable import counted, printable
from gallery.settings import Settings
from search.answer import Answer, AnswerHit, to_json
from search.asked import AskedLine
from search.query import QueryError
from search.table import format_groups, format_table, format_tsv, summary

if TYPE_CHECKING:
    from search.engine import SearchEngine

Say = Callable[[str], None]
SHOWN_OF_A_LINE = 200
"""How many characters of a line an error shows."""


@dataclass(frozen=True, slots=True)
class Output:
    """How an answer is written: as JSON, as paths that each end in `end`, or as a table or lines."""

    as_json: bool
    end: bytes | None
    explain: bool
    sheet: Path | None = None
    preview: bool = False


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks one collection.

    Attributes:
        name: The collection. Default: the only one, or else `photos`.
        text_encoder: Another text tower of the same space.
        say: Says something on stderr.
    """

    settings: Settings
    name: str | None
    text_encoder: str | None
    say: Say

    def answer_line(self, line: str, options: Mapping[str, Any], output: Output) -> bool:
        """Answer one line on stdout, and say whether it failed.

        Raises:
            GalleryError: It cannot be answered.
        """
        request = AskedLine(q=line, **options)
        try:
            request.query  # noqa: B018 - understood before a model is loaded
        except QueryError as error:
            self.say(_pointed(error))
            return True
        # A page that runs here has the model loaded; it knows no other text tower.
        if not self.text_encoder and self.settings.page_note().exists():
            from search.web.running import ask_page

            if answer := ask_page(self.settings, self.name, request):
                self._show(answer, request, output)
                return False
        with self._opened() as engine:
            self._show(engine.answer(request), request, output)
        return False

    def sheet_of_lines(self, options: Mapping[str, Any], sheet: Path) -> bool:
        """Answer each line of stdin with a row of one sheet; return whether any failed.

        Raises:
            GalleryError: The collection cannot be opened, or the sheet not be written.
        """
        from search.sheet import Row, write_sheet

        rows: list[Row] = []
        failed = False
        with self._opened() as engine:
            lines = [_decoded(line) for line in sys.stdin.buffer.read().split(b"\n") if line.strip()]
            for line, answer in _answers(engine, lines, options):
                if isinstance(answer, Answer):
                    rows.append(Row(answer.query, answer.hits))
                else:
                    self.say(f"{line[:SHOWN_OF_A_LINE]}: {answer}")
                    failed = True
            hits = [hit for row in rows for hit in row.hits]
            write_sheet(sheet, rows, self._thumbnails(hits))
            self.say(f"{sheet} shows {counted(len(rows), 'query', 'queries')}.")
        return failed

    def answer_stdin(self, options: Mapping[str, Any]) -> bool:
        """Answer each line of stdin with one line of JSON; return whether any failed.

        Raises:
            GalleryError: The collection or its encoder cannot be opened.
        """
        failed = False
        with self._opened() as engine:
            for lines in _batches(sys.stdin.buffer):
                for line, answer in _answers(engine, lines, options):
                    failed |= not isinstance(answer, Answer)
                    said = answer if isinstance(answer, Answer) else {"query": line, "error": str(answer)}
                    sys.stdout.write(to_json(said, indent=None))
                sys.stdout.flush()
        return failed

    def _opened(self) -> "SearchEngine":
        from search.engine import SearchEngine  # imports numpy and the store: not needed if a page answers

        return SearchEngine.open(self.settings, self.name, text_encoder=self.text_encoder, say=self.say)

    def _show(self, answer: Answer, request: AskedLine, output: Output) -> None:
        if output.explain:
            self.say("\n".join([f"understood: {answer.understood}", *(f"  {meaning}" for meaning in answer.meanings)]))
        for note in answer.notes:
            self.say(f"Note: {note}.".replace("?.", "?"))
        if answer.weak:
            self.say("Nothing matches well.")
        if output.sheet:
            from search.sheet import Row, write_sheet

            write_sheet(output.sheet, [Row(request.q, answer.hits)], self._thumbnails(answer.hits))
            self.say(f"{output.sheet} shows {counted(len(answer.hits), 'picture')}.")
        elif output.preview:
            from search.preview import show_previews

            show_previews(answer.hits, self._thumbnails(answer.hits))
        else:
            _write(answer, request, output)
        sys.stdout.flush()
        if not answer.hits or (sys.stderr.isatty() and sys.stdout.isatty()):
            self.say(summary(answer))

    def _thumbnails(self, hits: Sequence[AnswerHit]) -> Callable[[AnswerHit], bytes]:
        """Return what gives a hit's small JPEG: its files are read as the collection knows them."""
        from gallery.errors import Reason, UnreadableImage
        from gallery.pictures import Thumbnails
        from gallery.stores import open_store

        thumbnails = Thumbnails(self.settings.data_dir)
        with closing(open_store(self.settings).open(self.name)) as collection:
            records = collection.get([hit.id for hit in hits])

        def thumbnail(hit: AnswerHit) -> bytes:
            if hit.id not in records:
                raise UnreadableImage(Reason.VANISHED, "the collection does not have it any more")
            return thumbnails.jpeg(records[hit.id])

        return thumbnail


def _answers(
    engine: "SearchEngine", lines: Sequence[str], options: Mapping[str, Any]
) -> Iterator[tuple[str, Answer | GalleryError]]:
    """Yield each line with its answer, or with the error that prevented one. Encode all texts together."""
    asked = [_asked(line, options) for line in lines]
    engine.prepare([each for each in asked if isinstance(each, AskedLine)])
    for line, each in zip(lines, asked, strict=True):
        try:
            yield line, engine.answer(each) if isinstance(each, AskedLine) else each
        except GalleryError as error:
            yield line, error


def _asked(line: str, options: Mapping[str, Any]) -> AskedLine | BadInput:
    try:
        return AskedLine(q=line, **options)
    except BadInput as error:
        return error


def _batches(stream: BinaryIO) -> Iterator[list[str]]:
    """Yield lists of the lines that have arrived: a slow writer gets its answers one by one."""
    rest = b""
    while chunk := cast(Any, stream).read1(1 << 16):
        *lines, rest = (rest + chunk).split(b"\n")
        if lines:
            yield [_decoded(line) for line in lines]
    if rest:
        yield [_decoded(rest)]


def _decoded(line: bytes) -> str:
    return line.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace").rstrip("\r")


def _write(answer: Answer, request: AskedLine, output: Output) -> None:
    if output.end is not None and (output.end == b"\0" or not sys.stdout.isatty()):
        sys.stdout.buffer.write(b"".join(os.fsencode(hit.path) + output.end for hit in answer.hits))
        return
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # the terminal's encoding may lack letters of a name
    if output.end is not None:
        sys.stdout.write("".join(printable(hit.path) + "\n" for hit in answer.hits))
    elif output.as_json:
        sys.stdout.write(to_json(answer))
    elif sys.stdout.isatty():
        sys.stdout.write(format_table(answer, by_date=request.sort == "date"))
    elif request.group == "near-duplicates":
        sys.stdout.write(format_tsv(answer.hits))
    else:
        sys.stdout.write(format_groups(answer.groups) if answer.groups else format_tsv(answer.hits))


def _pointed(error: QueryError) -> str:
    """Return the error below its line, with a mark at its column."""
    line = "".join(character if character.isprintable() else " " for character in error.line)
    return f"Error: {error}\n  {line}\n  {' ' * (error.column - 1)}^"
