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
    """How far an ingest was when it last showed what it had written.

    Attributes:
        done: Files that are indexed, or cannot be.
        found: Files that it had found by then.
    """

    done: int
    found: int


class ImageCollection(Protocol):
    """Pictures and their vectors, to be read by any number of processes and threads.

    Attributes:
        generation: Changes whenever an ingest has changed the collection; None where nobody can tell.
        has_words: Whether words can be searched; not in a collection that an earlier version wrote last.
        progress: How far the ingest was that wrote this; None where it had ended.
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
        """Return the pictures with these ids, those that are there."""
        ...

    def present(self, ids: Sequence[str]) -> set[str]:
        """Return those of the ids that are there, without reading what is said of them."""
        ...

    def vectors(self, ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Return the unit vectors of the pictures with these ids, those that are there."""
        ...

    def newest(self, limit: int, *, where: Where | None = None) -> list[ImageRecord]:
        """Return the pictures by their date, newest first, those of one date by id; at most `limit`."""
        ...

    def public_url(self) -> str | None:
        """Return the address under which thumbnails are served, as the first picture by id has it."""
        ...

    def scan(self, where: Where | None = None) -> Iterator[tuple[ImageRecord, NDArray[np.float32]]]:
        """Yield every picture with its vector, in the order of the ids."""
        ...

    def records(self, where: Where | None = None) -> Iterator[ImageRecord]:
        """Yield every picture in the order of the ids, and fetch no vector: a million of them are 2 GB."""
        ...

    def count(self, where: Where | None = None) -> int:
        """Return how many pictures match."""
        ...

    def facet(self, key: str, limit: int = 20, *, least: int = 1, where: Where | None = None) -> dict[str | int, int]:
        """Return the most frequent values of a key and how many points that match have them: at least `least`.

        Raises:
            BadInput: The key has no index that counts values.
        """
        ...

    def is_current(self) -> bool:
        """Whether the name still leads to what was opened, and no ingest has changed that since."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


@dataclass(frozen=True, slots=True)
class Former:
    """A collection with the encoder that is being left: published until the new one is whole, and only read."""

    collection: ImageCollection
    journal: Journal

    def close(self) -> None:
        """Let go of it."""
        self.collection.close()
        self.journal.close()


class Editor(Protocol):
    """A collection that is being written to, by one process where it is embedded.

    Attributes:
        spec: Of what is written; None for a collection that is not there yet.
        journal: What is known of the files of what is written.
        former: While the encoder is being changed, what is still published.
    """

    name: str
    spec: Spec | None
    journal: Journal
    former: Former | None

    @property
    def points(self) -> ImageCollection:
        """What is being written, to be read: with everything written so far. There is none before `begin`."""
        ...

    def changing(self) -> str | None:
        """Return the encoder to which the collection is being changed, here or by a run that was interrupted."""
        ...

    def begin(self, spec: Spec) -> None:
        """Make ready to write vectors of `spec`, with an index for every key; called before the first write.

        Raises:
            SpecMismatch: The collection holds vectors of another space.
        """
        ...

    def change(self, spec: Spec) -> None:
        """Make ready to build the collection anew, with vectors of `spec`, beside what is published.

        Nothing happens where the space is the same. An earlier change to the same space is gone on with; one to
        another is dropped. `finish` puts the new one in the place of the former.
        """
        ...

    def upsert(self, records: Sequence[ImageRecord], vectors: NDArray[np.float32]) -> None:
        """Write pictures and their vectors, shape `(n, dimension)`, replacing those with the same ids.

        Raises:
            EncoderError: The vectors are not finite unit rows of the right shape; nothing was written.
        """
        ...

    def update(self, records: Sequence[ImageRecord]) -> None:
        """Replace the payload and the words of pictures that are there, leaving their dense vectors."""
        ...

    def delete(self, ids: Sequence[str]) -> None:
        """Remove pictures; ids that are not there are ignored."""
        ...

    def flush(self) -> None:
        """Return once everything written so far will survive a crash."""
        ...

    def share(self, progress: Progress) -> None:
        """Show what was written so far to those who search, and go on writing; nobody may read `points` meanwhile.

        Nothing happens while the encoder is being changed, or where the disk has no room for a copy.
        """
        ...

    def finish(self) -> None:
        """Complete what was begun, and show it to those who search."""
        ...

    def close(self) -> None:
        """Let go of files and connections; the next run goes on with what was flushed and not finished."""
        ...


@dataclass(frozen=True, slots=True)
class CollectionInfo:
    """What there is to know of a collection.

    Attributes:
        encoder: Its name, or why the collection cannot be read.
        pictures: How many.
        megabytes: On this machine's disk; None on a server.
        changed_at: RFC 3339, when its last ingest ended; None where that is not known.
    """

    name: str
    encoder: str
    pictures: int
    megabytes: float | None = None
    changed_at: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a collection that is not as it should be.

    Attributes:
        what: What is wrong, as a sentence without its full stop.
        cure: What `repair` does about it, as a sentence without its full stop; None where it can do nothing.
    """

    what: str
    cure: str | None = None


class Store(Protocol):
    """All collections of one place."""

    def names(self) -> list[str]:
        """Return the names of the collections that can be searched, sorted."""
        ...

    def overview(self) -> list[CollectionInfo]:
        """Return what there is to know of all collections, also of those never finished, sorted by name."""
        ...

    def open(self, name: str | None = None) -> ImageCollection:
        """Open a collection to search it. Without a name: the only one there is, else `photos`.

        Raises:
            CollectionError: There is none of that name, or none can be chosen, or it is damaged.
        """
        ...

    def edit(self, name: str, *, new: bool = True) -> Editor:
        """Open a collection to write to it; unless `new` is false it need not be there yet. The caller closes it.

        Raises:
            BadInput: `name` is no name for a collection.
            CollectionError: Another process is writing to it, or it cannot be reached, or it is damaged.
        """
        ...

    def drop(self, name: str) -> None:
        """Remove a collection, its vectors and its journal; also one that was never finished, or is damaged.

        Raises:
            CollectionError: There is none of that name, or `ingest` did not make it, or another process writes to it.
        """
        ...

    def journal(self, name: str, *, new: bool = True) -> Journal:
        """Return what is known of the files of a collection, only to be read; its writer is not disturbed.

        Raises:
            CollectionError: There is no collection of that name, unless `new`: then nothing is known.
        """
        ...

    def check(self, name: str) -> list[Finding]:
        """Return everything that is wrong with a collection, after reading all of it."""
        ...

    def repair(self, name: str) -> None:
        """Mend what `check` finds and can be mended from what is whole."""
        ...
