"""Stopping a run: the first Ctrl-C or SIGTERM keeps what is encoded, a second one ends the process at once."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

STOPPED = 130


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Let SIGTERM stop a run as Ctrl-C does, by KeyboardInterrupt; a second signal is not waited for."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, _stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(_: int, __: FrameType | None) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    raise KeyboardInterrupt


def _end(_: int, __: FrameType | None) -> None:
    os.write(2, b"Ended at once: what was not written yet is read again by the next run.\n")
    os._exit(STOPPED)
