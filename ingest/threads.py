"""Iterators that work ahead of who takes from them."""

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")


def in_background(items: Iterable[T]) -> Iterator[T]:
    """Run through `items` in a thread, however slowly they are taken; what it raises is raised here."""
    ready: queue.SimpleQueue[tuple[T] | BaseException | None] = queue.SimpleQueue()
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


def ahead(pool: ThreadPoolExecutor, function: Callable[[T], U], items: Iterable[T], limit: int) -> Iterator[U]:
    """Yield `function(item)` in the order of the items, with at most `limit` of them at work or waiting."""
    pending: deque[Future[U]] = deque()
    for item in items:
        pending.append(pool.submit(function, item))
        if len(pending) == limit:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()
