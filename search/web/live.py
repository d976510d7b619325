"""The engine behind a page: opened beside it, and again when its collection was published or calibrated anew."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from gallery.errors import GalleryError
from gallery.stores.collection import ImageCollection
from search.engine import SearchEngine

_LOOK_EVERY = 1.0
_TRY_AGAIN_AFTER = 10.0
_log = logging.getLogger("uvicorn.error")


class NotReadyError(GalleryError):
    """The model is being loaded, or could not be."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An engine and what it works on.

    Attributes:
        least_score: The least cosine of a picture that answers a single text, see `search.strict`; None where nobody
            measured.
        is_calibrated: Says whether the calibration that was read is still the encoder's.
    """

    engine: SearchEngine
    collection: ImageCollection
    least_score: float | None = None
    is_calibrated: Callable[[], bool] = lambda: True


class Live:
    """What is open at the moment. Safe to use from several threads.

    A collection that another one took the place of stays open for those who are in the middle of asking it, and is
    closed when the last of them lets go of it. On a server there is nothing to stay: where the encoder became another
    one, nothing is answered until that is loaded.
    """

    def __init__(self, opener: Callable[[Opened | None], Opened]) -> None:
        """Begin to open in a thread.

        Args:
            opener: Opens everything; is given what was open before, whose encoder can be used on.
        """
        self._opener = opener
        self._opened: Opened | None = None
        self._failure = "the model is being loaded; try again in a few seconds"
        self._look_at = 0.0
        self._opening = threading.Lock()
        self._closed = False
        self._begin()

    def get(self) -> Opened:
        """Return what is open.

        Raises:
            NotReadyError: Nothing is open yet; the message says whether it will be.
        """
        if not self._closed and time.monotonic() > self._look_at:
            self._look_at = time.monotonic() + _LOOK_EVERY
            self._look()
        opened = self._opened
        if opened is None:
            raise NotReadyError(self._failure)
        return opened

    def is_open(self) -> bool:
        """Whether anything is open."""
        return self._opened is not None

    def close(self) -> None:
        """Open nothing more. What is open goes with the process: a request may still be at it."""
        self._closed = True

    def _look(self) -> None:
        opened = self._opened
        if opened is not None:
            same = _holds(opened.collection.is_current)
            if same and _holds(opened.is_calibrated):
                return
            if not same and opened.collection.generation is None and self._opened is opened:
                # Not one more answer: to what the name leads to now, the old encoder's vectors mean nothing.
                self._failure = "the collection has another encoder now, which is being loaded; try again"
                self._opened = None
        self._begin()

    def _begin(self) -> None:
        if self._opening.acquire(blocking=False):
            threading.Thread(target=self._open, name="opening", daemon=True).start()

    def _open(self) -> None:
        try:
            self._opened = self._opener(self._opened)
        except GalleryError as error:
            self._failed(str(error))
            _log.error("%s", error)
        except Exception as error:  # noqa: BLE001 - a page that cannot open its model has to say so, not to hang
            self._failed(f"the model cannot be loaded: {type(error).__name__}: {error}; see the log")
            _log.exception("opening failed")
        finally:
            self._opening.release()

    def _failed(self, why: str) -> None:
        self._failure = why
        self._look_at = time.monotonic() + _TRY_AGAIN_AFTER


def _holds(question: Callable[[], bool]) -> bool:
    """Whether something is as it was; what cannot be asked, as on a disk that is away, is left as it is."""
    try:
        return question()
    except (GalleryError, OSError):
        return True
