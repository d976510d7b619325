"""The progress and the result of a run: for a terminal, or in plain lines for anything else."""

import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from gallery.printable import counted, printable
from ingest.report import IngestReport

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table

PLAIN_SECONDS = 5.0
"""Seconds between two plain lines."""
SHOWN_UNREADABLE = 20
"""Unreadable files that a terminal's summary names."""


class ProgressDisplay:
    """Shows files done, already there and unreadable, the rate and the time left, on stderr."""

    def __init__(self) -> None:
        console = _terminal(sys.stderr)
        self._bar = _bar(console) if console else None
        self._spoke = time.monotonic()
        self._first: tuple[float, int] | None = None

    def __enter__(self) -> "ProgressDisplay":
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def show(self, report: IngestReport) -> None:
        """Show the newest state of the run."""
        now = time.monotonic()
        since, before = self._first = self._first or (now, report.done)  # the rate must not include loading the model
        rate = (report.done - before) / max(now - since, 1e-6)
        speed = f"{rate:.1f} files/s, " if rate else ""
        rest = f"{speed}{report.unchanged} already there, {len(report.unreadable)} unreadable"
        if self._bar:
            total = None if report.walking else report.to_read
            self._bar.update(self._bar.task_ids[0], completed=report.done, total=total, rest=rest)
        elif now - self._spoke >= PLAIN_SECONDS:
            self._spoke = now
            left = report.to_read - report.done
            tail = "" if report.walking or not rate else f", {left / rate:.0f} s left"
            print(f"{report.done} of {counted(report.to_read, 'file')}, {rest}{tail}", file=sys.stderr)  # noqa: T201


def print_summary(report: IngestReport, seconds: float) -> None:
    """Print the result of a run: a table on a terminal, `key<TAB>value` lines for a pipe."""
    rows = [
        ["indexed", str(report.indexed)],
        *([["of these videos", f"{report.videos} ({counted(report.frames, 'frame')})"]] if report.videos else []),
        *([["of these damaged", str(len(report.damaged))]] if report.damaged else []),
        ["already there", str(report.unchanged)],
        ["updated", str(report.updated)],
        ["pruned", str(report.pruned)],
        *([["verified", str(report.verified)]] if report.verified else []),
        *([["left out", str(report.left_out)]] if report.left_out else []),
        ["unreadable", str(len(report.unreadable))],
        ["seconds", f"{seconds:.1f}"],
        ["images/s", f"{report.indexed / max(seconds, 1e-6):.1f}"],
    ]
    failed = [[str(reason), printable(path), printable(detail)] for path, reason, detail in report.unreadable]
    damaged = [[printable(path), note] for path, note in report.damaged]
    console = _terminal(sys.stdout)
    if console is None:
        print_rows([], [*rows, *(["damaged file", *r] for r in damaged), *(["unreadable file", *r] for r in failed)])
        return
    print_rows([], rows)
    if damaged:
        print_rows(["indexed as far as it can be read", "note"], damaged[:SHOWN_UNREADABLE])
    if failed:
        print_rows(["reason", "unreadable", "detail"], failed[:SHOWN_UNREADABLE])
    if len(failed) > SHOWN_UNREADABLE:
        console.print(f"and {len(failed) - SHOWN_UNREADABLE} more: ingest --failures")


def summary_line(report: IngestReport) -> str:
    """Return the result of a run in a line; an empty string if nothing happened."""
    numbers = {
        "indexed": report.indexed,
        "updated": report.updated,
        "pruned": report.pruned,
        "unreadable": len(report.unreadable) - report.remembered,
    }
    return ", ".join(f"{number} {what}" for what, number in numbers.items() if number)


def print_rows(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table with its header on a terminal, or tab-separated lines without one for a pipe."""
    console = _terminal(sys.stdout)
    if console is None:
        sys.stdout.write("".join("\t".join(row) + "\n" for row in rows))
        return
    from rich.table import Table

    print_table(console, Table(*header, show_header=bool(header)), rows)


def print_table(console: "Console", table: "Table", rows: Sequence[Sequence[str]]) -> None:
    """Print a table on a terminal; what is too long for its column is continued below."""
    from rich.text import Text

    for row in rows:
        table.add_row(*(Text(cell, overflow="fold") for cell in row))
    console.print(table)


def _terminal(stream: TextIO) -> "Console | None":
    """Return the console of a stream that is a terminal. Only then is rich imported: that takes 30 ms."""
    if not stream.isatty():
        return None
    from rich.console import Console

    return Console(file=stream)


def _bar(console: "Console") -> "Progress":
    """Return a progress bar with one task."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    rest = TextColumn("{task.fields[rest]}")
    columns = (TextColumn("Indexing"), BarColumn(), MofNCompleteColumn(), rest, TimeRemainingColumn())
    bar = Progress(*columns, console=console, transient=True)
    bar.add_task("", total=None, rest="")
    return bar
