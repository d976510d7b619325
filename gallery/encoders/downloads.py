"""The progress of a download: a bar on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

MEGABYTE = 1_000_000
SMALL = 10 * MEGABYTE
"""Files below this size get a single plain line."""
PLAIN_SECONDS = 15.0
"""The longest time between two plain lines while bytes arrive."""


class Downloads:
    """Shows the files of a download, one after the other, on stderr.

    On a terminal each has a bar, with megabytes, rate and time left. Otherwise each gets a line when it
    begins, and another whenever a further tenth has arrived or `PLAIN_SECONDS` have passed.
    """

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Show nothing yet.

        Args:
            stream: Where to show it; stderr by default.
            clock: Returns the time in seconds.
        """
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
        from rich.progress import TransferSpeedColumn as SpeedColumn

        self._stream, self._clock = stream or sys.stderr, clock
        console = Console(file=self._stream)
        columns = ("{task.description}", BarColumn(), DownloadColumn(), SpeedColumn(), TimeRemainingColumn())
        columns_ = [TextColumn(column, markup=False) if isinstance(column, str) else column for column in columns]
        self._bar = Progress(*columns_, console=console, get_time=clock) if console.is_terminal else None

    def __enter__(self) -> "Downloads":
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def begin(self, name: str, size: int, there: int) -> None:
        """Start a file of `size` bytes, of which `there` have arrived in an earlier attempt."""
        self._name, self._size, self._there, self._first = name, size, there, there
        self._began = self._spoke = self._clock()
        self._tenth = 10 * there // max(size, 1)
        if self._bar:
            self._task = self._bar.add_task(name, total=size, completed=there)
        else:
            rest = f", going on at {_megabytes(there)} MB" if there else ""
            self._say(f"Downloading {name}, {_megabytes(size)} MB{rest}")

    def advance(self, there: int) -> None:
        """Report that `there` bytes of the file have arrived so far."""
        self._there = there
        if self._bar:
            self._bar.update(self._task, completed=there)
        elif self._size >= SMALL:
            self._perhaps_say()

    def _perhaps_say(self) -> None:
        now, tenth = self._clock(), 10 * self._there // self._size
        if tenth == self._tenth and now - self._spoke < PLAIN_SECONDS:
            return
        self._tenth, self._spoke = tenth, now
        rate = (self._there - self._first) / max(now - self._began, 1e-6)
        left = f", {(self._size - self._there) / rate:.0f} s left" if rate > 0 and self._there < self._size else ""
        self._say(
            f"{self._name}: {_megabytes(self._there)} of {_megabytes(self._size)} MB "
            f"({100 * self._there // self._size} %), {rate / MEGABYTE:.1f} MB/s{left}"
        )

    def _say(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


def _megabytes(size: int) -> str:
    return f"{size / MEGABYTE:.1f}" if size < SMALL else f"{size / MEGABYTE:.0f}"
