"""Stopping a run: the first Ctrl-C or SIGTERM keeps what is encoded, a second one ends the process at once."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

STOPPED = 130


class Stop:
    """A request to stop, raised as KeyboardInterrupt: at once, or, during shielded work, when that waits."""

    def __init__(self) -> None:
        self._asked = self._shielded = self._working = False

    def ask(self) -> None:
        """Stop. Called by a signal, in the main thread.

        Raises:
            KeyboardInterrupt: Nothing is shielded.
        """
        self._asked = True
        if self._working:
            os.write(2, b"\nFinishing the current pictures; press Ctrl-C again to stop at once.\n")
        if not self._shielded:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def shielded(self) -> Iterator[None]:
        """Shield work that must not be left half done; a stop requested meanwhile takes effect at the end."""
        self._shielded = self._working = True
        try:
            yield
        finally:
            self._shielded = self._working = False
        self._hear()

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Let a stop take effect while waiting for something within shielded work."""
        shielded, self._shielded = self._shielded, False
        try:
            self._hear()
            yield
        finally:
            self._shielded = shielded

    def _hear(self) -> None:
        if self._asked:
            raise KeyboardInterrupt


@contextlib.contextmanager
def stoppable() -> Iterator[Stop]:
    """Let SIGTERM stop a run as Ctrl-C does; a second signal ends it at once."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def first(_: int, __: FrameType | None) -> None:
        for number in before:
            signal.signal(number, _end)
        stop.ask()

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, first)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(_: int, __: FrameType | None) -> None:
    os.write(2, b"\nEnded at once: what was not written yet is read again by the next run.\n")
    os._exit(STOPPED)
