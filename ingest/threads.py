"""Iterators that work ahead of their consumers."""

import contextlib
import os
import pickle
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import islice
from tempfile import TemporaryFile
from typing import IO, Generic, TypeVar

from ingest.stopping import Stop

T = TypeVar("T")
U = TypeVar("U")

MOST_IN_MEMORY = 10_000
"""How many items wait in memory; the others wait on disk."""


class Spool(Generic[T]):
    """A queue between threads that spills to disk and keeps little in memory; adding never blocks."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._oldest: deque[T] = deque()
        self._newest: list[T] = []  # the items on disk come between the two
        self._file: IO[bytes] | None = None
        self._blocks: deque[int] = deque()  # where the items on disk begin
        self._closed = False

    def put(self, item: T) -> None:
        """Add an item; does nothing once the queue is closed."""
        with self._changed:
            if self._closed:
                return
            if self._blocks or self._newest or len(self._oldest) >= MOST_IN_MEMORY:
                self._newest.append(item)
                if len(self._newest) % MOST_IN_MEMORY == 0:
                    self._spill()
            else:
                self._oldest.append(item)
            self._changed.notify()

    def get(self) -> T:
        """Remove the oldest item, waiting for one if need be."""
        with self._changed:
            while not (self._oldest or self._blocks or self._newest):
                self._changed.wait()
            if not self._oldest:
                self._refill()
            return self._oldest.popleft()

    def close(self) -> None:
        """Release what is held."""
        with self._changed:
            self._closed = True
            if self._file:
                self._file.close()

    def _spill(self) -> None:
        with contextlib.suppress(OSError):  # if the disk is full, items wait in memory
            self._file = self._file or TemporaryFile()  # noqa: SIM115 - closed by close()
            start = self._file.seek(0, os.SEEK_END)
            pickle.dump(self._newest, self._file)
            self._file.flush()
            self._blocks.append(start)
            self._newest.clear()

    def _refill(self) -> None:
        if self._blocks and self._file:
            self._file.seek(self._blocks.popleft())
            self._oldest.extend(pickle.load(self._file))  # noqa: S301 - nobody else can write to a file without a name
            if not self._blocks:
                self._file.truncate(0)
        else:
            self._oldest.extend(self._newest)
            self._newest.clear()


def in_background(items: Iterable[T]) -> Iterator[T]:
    """Iterate over `items` in a thread, ahead of the consumer; its exceptions are raised here."""
    ready: Spool[tuple[T] | BaseException | None] = Spool()
    stopped = threading.Event()

    def run() -> None:
        try:
            for item in items:
                if stopped.is_set():
                    return
                ready.put((item,))
        except BaseException as error:  # noqa: BLE001 - raised again where it is seen
            ready.put(error)
        ready.put(None)

    threading.Thread(target=run, daemon=True).start()
    try:
        while message := ready.get():
            if isinstance(message, BaseException):
                raise message
            yield message[0]
    finally:
        stopped.set()
        ready.close()


def shared(
    items: Iterator[T], workers: int, size: int, least: int, left: Callable[[int], int | None]
) -> Iterator[list[T]]:
    """Split the items into lists for workers. The lists get shorter at the end, so that all workers finish together.

    Args:
        items: The items, which may arrive slowly.
        workers: How many there are.
        size: The length of a list.
        least: The length of the shortest ones.
        left: Takes how many items were taken and returns how many remain, or None while that is unknown.

    >>> [len(each) for each in shared(iter(range(20)), 2, 8, 1, lambda taken: 20 - taken)]
    [8, 3, 2, 1, 1, 1, 1, 1, 1, 1]
    """
    taken = 0
    while batch := list(islice(items, size)):
        taken += len(batch)
        yield batch
        if (rest := left(taken)) is not None:
            size = max(least, min(size, rest // (2 * workers)))


def ahead(
    pool: ThreadPoolExecutor, function: Callable[[T], U], items: Iterable[T], limit: int, stop: Stop
) -> Iterator[U]:
    """Yield `function(item)` in the order of the items, with at most `limit` of them in progress or waiting.

    After a request to stop, no further item is started, and those in progress are yielded first.

    Raises:
        KeyboardInterrupt: A stop was requested, and everything in progress has been yielded.
    """
    pending: deque[Future[U]] = deque()
    source = iter(items)
    try:
        while True:
            with stop.waiting():
                new = list(islice(source, 1))
            pending.extend(pool.submit(function, item) for item in new)
            if not pending:
                return
            if not new or len(pending) == limit:
                with stop.waiting():
                    wait([pending[0]])
                yield pending.popleft().result()
    except KeyboardInterrupt:
        for future in [future for future in pending if not future.cancel()]:
            yield future.result()
        raise
