"""The contract: what every store, every collection and every editor can do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from gallery.records import Hit, ImageRecord
from gallery.stores.filters import Where
from gallery.stores.journal import Journal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gallery.spec import Spec


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of an ingest when it last published.

    Attributes:
        done: How many files are indexed, or cannot be.
        found: How many files it had found by then.
    """

    done: int
    found: int


class ImageCollection(Protocol):
    """Pictures and their vectors, readable by any number of processes and threads.

    Attributes:
        generation: Changes whenever an ingest has changed the collection; None if unknown.
        has_words: Whether words can be searched; false for a collection last written by an earlier version.
        progress: The progress of the ingest that wrote this; None if it had finished.
    """

    name: str
    spec: Spec
    generation: str | None
    has_words: bool
    progress: Progress | None

    def nearest(
        self,
        vector: NDArray[np.float32],
        limit: int,
        *,
        where: Where | None = None,
        min_score: float | None = None,
        exact: bool = False,
    ) -> list[Hit]:
        """Return the pictures whose vectors have the highest cosine with `vector`, shape `(dimension,)`.

        Best first, ties by id; fewer than `limit` only where no more match. `exact` compares with every vector.
        """
        ...

    def by_words(self, text: str, limit: int, *, where: Where | None = None) -> list[Hit]:
        """Return the pictures that share words with a text, by BM25, see `gallery.stores.words`.

        Best first, ties by id; fewer than `limit` only where no more match. Only where the collection `has_words`.
        """
        ...

    def get(self, ids: Sequence[str]) -> dict[str, ImageRecord]:
        """Return the pictures with these ids, skipping missing ones."""
        ...

    def present(self, ids: Sequence[str]) -> set[str]:
        """Return the ids that exist, without reading their payloads."""
        ...

    def vectors(self, ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Return the unit vectors of the pictures with these ids, skipping missing ones."""
        ...

    def newest(self, limit: int, *, where: Where | None = None) -> list[ImageRecord]:
        """Return at most `limit` pictures, newest first, equal dates by id."""
        ...

    def public_url(self) -> str | None:
        """Return the address under which thumbnails are served, from the first picture by id."""
        ...

    def scan(self, where: Where | None = None) -> Iterator[tuple[ImageRecord, NDArray[np.float32]]]:
        """Yield every picture with its vector, in the order of ids."""
        ...

    def records(self, where: Where | None = None) -> Iterator[ImageRecord]:
        """Yield every picture in the order of ids, without the vectors: a million of them take 2 GB."""
        ...

    def count(self, where: Where | None = None) -> int:
        """Return how many pictures match."""
        ...

    def facet(self, key: str, limit: int = 20, *, least: int = 1, where: Where | None = None) -> dict[str | int, int]:
        """Return the most frequent values of a key and how many points that match have them: at least `least`.

        Raises:
            BadInput: Values of this key cannot be counted.
        """
        ...

    def is_current(self) -> bool:
        """Whether the name still leads to the opened collection, and no ingest has changed it since.

        Raises:
            Unreachable: The server does not answer, so nobody can tell.
        """
        ...

    def close(self) -> None:
        """Close files and connections."""
        ...


@dataclass(frozen=True, slots=True)
class Former:
    """A collection with the encoder that is being replaced: published until the new one is complete, and read-only."""

    collection: ImageCollection
    journal: Journal

    def close(self) -> None:
        """Close it."""
        self.collection.close()
        self.journal.close()


class Editor(Protocol):
    """A collection that is being written to; by one process at a time, if it is embedded.

    Attributes:
        spec: The spec of what is written; None for a new collection.
        journal: The journal of what is written.
        former: While the encoder is being changed, the published collection.
    """

    name: str
    spec: Spec | None
    journal: Journal
    former: Former | None

    @property
    def points(self) -> ImageCollection:
        """Everything written so far, for reading. Not available before `begin`."""
        ...

    def changing(self) -> str | None:
        """Return the new encoder if the collection's is being changed, by this or by an interrupted run."""
        ...

    def begin(self, spec: Spec) -> None:
        """Prepare to write vectors of `spec`, with the indexes that they need; called before the first write.

        Raises:
            SpecMismatch: The collection holds vectors of another space.
        """
        ...

    def change(self, spec: Spec) -> None:
        """Prepare to rebuild the collection with vectors of `spec`, beside the published one.

        Does nothing if the space is the same. An earlier change to the same space is continued; one to another space is
        dropped. `finish` replaces the former collection with the new one.
        """
        ...

    def upsert(self, records: Sequence[ImageRecord], vectors: NDArray[np.float32]) -> None:
        """Write pictures and their vectors, shape `(n, dimension)`, replacing those with the same ids.

        Raises:
            EncoderError: The vectors are not finite unit rows of the right shape; nothing was written.
        """
        ...

    def update(self, records: Sequence[ImageRecord]) -> None:
        """Replace the payload and the words of existing pictures; their dense vectors stay."""
        ...

    def delete(self, ids: Sequence[str]) -> None:
        """Remove pictures; missing ids are ignored."""
        ...

    def flush(self) -> None:
        """Return when everything written so far will survive a crash."""
        ...

    def share(self, progress: Progress) -> None:
        """Publish what was written so far, and continue writing; nobody may read `points` meanwhile.

        Does nothing while the encoder is being changed, or if the disk has no room for a copy.
        """
        ...

    def finish(self) -> None:
        """Complete and publish what was written."""
        ...

    def close(self) -> None:
        """Close files and connections; the next run continues with what was flushed but not finished."""
        ...


@dataclass(frozen=True, slots=True)
class CollectionInfo:
    """The facts about a collection.

    Attributes:
        encoder: Its name, or why the collection cannot be read.
        pictures: How many it has.
        megabytes: Its size on this machine's disk; None on a server.
        changed_at: When its last ingest ended, in RFC 3339; None if unknown.
    """

    name: str
    encoder: str
    pictures: int
    megabytes: float | None = None
    changed_at: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault of a collection.

    Attributes:
        what: What is wrong, as a sentence without a full stop.
        cure: What `repair` does about it, as a sentence without a full stop; None if it can do nothing.
    """

    what: str
    cure: str | None = None


class Store(Protocol):
    """All collections of one place."""

    def names(self) -> list[str]:
        """Return the names of the collections that can be searched, sorted."""
        ...

    def overview(self) -> list[CollectionInfo]:
        """Return the facts about all collections, including unfinished ones, sorted by name."""
        ...

    def open(self, name: str | None = None) -> ImageCollection:
        """Open a collection to search it. Default: the only one, or else `photos`.

        Raises:
            CollectionError: It does not exist or is damaged, or there are several to choose from.
        """
        ...

    def edit(self, name: str, *, new: bool = True) -> Editor:
        """Open a collection to write to it; it need not exist unless `new` is false. The caller closes it.

        Raises:
            BadInput: `name` is not a valid name for a collection.
            CollectionError: Another process is writing to it, or it cannot be reached, or it is damaged.
        """
        ...

    def drop(self, name: str) -> None:
        """Remove a collection with its vectors and journal, even if it is unfinished or damaged.

        Raises:
            CollectionError: It does not exist, `ingest` did not make it, or another process is writing to it.
        """
        ...

    def journal(self, name: str, *, new: bool = True) -> Journal:
        """Return a read-only journal of a collection, without disturbing its writer.

        Raises:
            CollectionError: There is no collection of that name; with `new`, the journal is empty instead.
        """
        ...

    def check(self, name: str) -> list[Finding]:
        """Return everything that is wrong with a collection, after reading all of it."""
        ...

    def repair(self, name: str) -> None:
        """Repair what `check` finds, as far as intact data allows."""
        ...
