"""The contract of writing: what every store does for a collection that is brought up to date."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from gallery.records import ImageRecord
from gallery.spec import Spec
from gallery.stores.journal import Journal

if TYPE_CHECKING:
    from gallery.stores.collection import ImageCollection


@dataclass(frozen=True, slots=True)
class Former:
    """A collection with the encoder that is being left: published until the new one is whole, and only read."""

    collection: "ImageCollection"
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
    def changing(self) -> str | None:
        """The encoder to which the collection is being changed, here or by a run that was interrupted."""
        ...

    def begin(self, spec: Spec) -> None:
        """Make ready to write vectors of `spec`; called before the first write.

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

    def get(self, ids: Sequence[str]) -> dict[str, ImageRecord]:
        """Return the pictures with these ids, those that are there."""
        ...

    def scan(self) -> Iterator[ImageRecord]:
        """Yield every picture, in the order of the ids."""
        ...

    def vectors(self, ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Return the vectors of the pictures with these ids, those that are there."""
        ...

    def upsert(self, records: Sequence[ImageRecord], vectors: NDArray[np.float32]) -> None:
        """Write pictures and their vectors, shape `(n, dimension)`, replacing those with the same ids.

        Raises:
            EncoderError: The vectors are not finite unit rows of the right shape; nothing was written.
        """
        ...

    def update(self, records: Sequence[ImageRecord]) -> None:
        """Replace the payload of pictures that are there, leaving their vectors."""
        ...

    def delete(self, ids: Sequence[str]) -> None:
        """Remove pictures; ids that are not there are ignored."""
        ...

    def flush(self) -> None:
        """Return once everything written so far will survive a crash."""
        ...

    def finish(self) -> None:
        """Complete what was begun, and show it to those who search."""
        ...

    def close(self) -> None:
        """Let go of files and connections; what was flushed and not finished is gone on with next time."""
        ...
