"""The collections of a long-running process, each opened on first use."""

import threading
from collections.abc import Callable, Sequence

from gallery.errors import BadInput, CollectionError, Unreachable
from gallery.settings import DEFAULT_COLLECTION
from gallery.stores import default_name
from search.current import CurrentEngine, NotReadyError
from search.engine import SearchEngine

PATIENCE, AT_FIRST = 10.0, 1.0
"""Seconds that a request waits for a collection to be reopened, and to be opened for the first time."""
Opener = Callable[[str, Sequence[SearchEngine]], SearchEngine]


class UnknownCollectionError(BadInput):
    """The requested collection does not exist."""


def unnamed(names: Sequence[str]) -> str | None:
    """Return the collection that a command uses by default, if there is one."""
    name = default_name(names)
    return name if name in names else None


def check_choice(names: Sequence[str], name: str | None) -> None:
    """Refuse to choose a collection for requests that name none where there are others than the one that is meant.

    Raises:
        CollectionError: There are some, but none of that name, or none that can be chosen.
    """
    wanted = name or unnamed(names)
    if names and wanted not in names:
        wrong = f"there is no collection {wanted}" if wanted else "there are several collections"
        raise CollectionError(f"{wrong}; give --collection one of: {', '.join(names)}")


class Collections:
    """Engines by name. Thread-safe."""

    def __init__(
        self,
        first: str | None,
        names: Callable[[], Sequence[str]],
        opener: Opener,
        *,
        patience: float = PATIENCE,
        at_first: float = AT_FIRST,
    ) -> None:
        """Open nothing yet.

        Args:
            first: The collection of requests that name none; without it the only one there is, else `photos`.
            names: Returns the names of those there are.
            opener: Opens one; is given the engines that are open, whose encoders it may share.
            patience: Seconds that a request waits for a collection to be opened again.
            at_first: Seconds that it waits for the first time.
        """
        self.names = names
        self._first = first
        self._opener = opener
        self._patience, self._at_first = patience, at_first
        self._engines: dict[str, CurrentEngine] = {}
        self._lock = threading.Lock()

    @property
    def first(self) -> str:
        """The collection of requests that name none; once it is there it stays the same."""
        self._first = self._first or unnamed(self.names())
        return self._first or DEFAULT_COLLECTION

    def engine(self, name: str | None = None) -> SearchEngine:
        """Return the engine of a collection's current state.

        Raises:
            UnknownCollectionError: There is no such collection.
            Unreachable: Its server does not answer.
            NotReadyError: It is being opened; or it is the first one, which `ingest` may be about to make.
        """
        first = self.first
        name = name or first
        current = self._current(name)
        try:
            return current.get()
        except Unreachable:  # asking it for the names would take as long again
            raise
        except CollectionError as error:
            if name == first and not current.engines and name not in self.names():
                raise NotReadyError(str(error)) from error
            self._check(name, error)
            raise

    def begin(self) -> None:
        """Start opening the first collection."""
        self._current(self.first).begin()

    def _current(self, name: str) -> CurrentEngine:
        with self._lock:
            if name in self._engines:
                return self._engines[name]
        if name != self.first:
            self._check(name)
        with self._lock:
            current = CurrentEngine(
                lambda before: self._opener(name, [*before, *self._open()]),
                patience=self._patience,
                at_first=self._at_first,
            )
            return self._engines.setdefault(name, current)

    def _open(self) -> list[SearchEngine]:
        with self._lock:
            return [engine for current in self._engines.values() for engine in current.engines]

    def _check(self, name: str, error: Exception | None = None) -> None:
        names = self.names()
        if name not in names:
            others = f"; there are: {', '.join(names)}" if names else "; make one: ingest FOLDER"
            raise UnknownCollectionError(f"there is no collection {name}{others}") from error
