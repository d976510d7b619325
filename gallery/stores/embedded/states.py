"""The states of a collection that is open for writing."""

from dataclasses import dataclass
from pathlib import Path

from gallery.stores.embedded.collection import EmbeddedCollection
from gallery.stores.embedded.generations import PROGRESS


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing was written yet.

    Attributes:
        begun: What an interrupted run left, to be continued.
        base: Otherwise the published generation, to be copied; None for a new collection or encoder.
    """

    begun: Path | None
    base: Path | None

    @property
    def is_incomplete(self) -> bool:
        """Whether an earlier run left something to publish."""
        return self.begun is not None or (self.base is not None and (self.base / PROGRESS).exists())


@dataclass(frozen=True, slots=True)
class Writing:
    """A generation is being written."""

    generation: Path
    points: EmbeddedCollection
    public_url: str | None


@dataclass(frozen=True, slots=True)
class Published:
    """The generation has been published."""
