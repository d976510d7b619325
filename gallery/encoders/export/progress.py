"""Reports the current step, and again every two seconds while it lasts."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

SECONDS = 2.0


@contextlib.contextmanager
def told(say: Callable[[str], None], what: str, seconds: float = SECONDS) -> Iterator[None]:
    """Say `what`, and then, every `seconds`, how long it has taken."""
    done = threading.Event()
    began = time.monotonic()

    def repeat() -> None:
        while not done.wait(seconds):
            say(f"{what} … {time.monotonic() - began:.0f} s")

    say(f"{what} …")
    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
