"""The current engine of a collection: an answer never comes from a generation replaced before the question."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from math import inf

from gallery.errors import GalleryError
from search.engine import SearchEngine

_TRY_AGAIN_AFTER = 2.0


class NotReadyError(GalleryError):
    """The encoder is being loaded, or the collection is not there yet."""


class CurrentEngine:
    """Opens a collection, and reopens it after a new publication or calibration.

    Thread-safe. A replaced engine stays open for the requests that are using it, and is closed after the last of them.
    Later requests never get it, even if the new one cannot be opened.
    """

    def __init__(
        self, opener: Callable[[Sequence[SearchEngine]], SearchEngine], *, patience: float = inf, at_first: float = inf
    ) -> None:
        """Open nothing yet.

        Args:
            opener: Opens an engine. It gets the previous engine, if there is one, whose encoder it may keep using.
            patience: Seconds that a request waits for an engine to be reopened.
            at_first: Seconds that a request waits for the first engine.
        """
        self._opener = opener
        self._patience = patience
        self._at_first = at_first
        self._engine: SearchEngine | None = None
        self._opening: Future[SearchEngine] | None = None
        self._failed_at = -inf
        self._lock = threading.Lock()

    @property
    def engines(self) -> Sequence[SearchEngine]:
        """The engine that was opened last, if the collection could ever be opened."""
        return (self._engine,) if self._engine else ()

    def get(self) -> SearchEngine:
        """Return the engine of the current state.

        Raises:
            NotReadyError: It is still being opened.
            GalleryError: It cannot be opened, or its server cannot be reached.
        """
        end = time.monotonic() + (self._patience if self._engine else self._at_first)
        while not (engine := self._engine) or not _is_current(engine):
            try:
                wait = end - time.monotonic()
                self._begun().result(None if wait == inf else max(wait, 0))
            except TimeoutError as error:
                raise NotReadyError("the encoder is being loaded, which takes a few seconds") from error
        return engine

    def begin(self) -> None:
        """Start opening, without waiting."""
        self._begun()

    def close(self) -> None:
        """Close what is open."""
        if self._engine:
            self._engine.close()
            self._engine = None

    def _begun(self) -> "Future[SearchEngine]":
        """Return the opening in progress, a new one, or, for a moment, one that failed."""
        with self._lock:
            failed_just_now = time.monotonic() < self._failed_at + _TRY_AGAIN_AFTER
            if self._opening is None or (self._opening.done() and not failed_just_now):
                self._opening = Future()
                threading.Thread(target=self._open, args=(self._opening,), name="opening", daemon=True).start()
            return self._opening

    def _open(self, opening: "Future[SearchEngine]") -> None:
        try:
            self._engine = self._opener(self.engines)
            opening.set_result(self._engine)
        except GalleryError as error:
            self._failed(opening, error)
        except Exception as error:  # noqa: BLE001 - whoever waits has to be told, and not to hang
            self._failed(opening, GalleryError(f"the encoder cannot be loaded: {type(error).__name__}: {error}"))

    def _failed(self, opening: "Future[SearchEngine]", error: GalleryError) -> None:
        self._failed_at = time.monotonic()
        opening.set_exception(error)


def _is_current(engine: SearchEngine) -> bool:
    """Whether an engine is current; one whose disk is away counts as current, as it answers from memory.

    A server that is away cannot answer; what is remembered of it may be from before another ingest.
    """
    try:
        return engine.is_current()
    except OSError:
        return True
