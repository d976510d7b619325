"""The result of a run."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from gallery.errors import Reason
from gallery.pictures import is_damage
from gallery.records import ImageRecord


@dataclass(slots=True)
class IngestReport:
    """The result of a run. Every file found is counted once.

    Attributes:
        to_read: Files that are new, changed, or to be verified, of those found so far.
        indexed: Pictures that were encoded.
        videos: How many of these are videos; and `frames`, how many frames stand for them.
        damaged: Path and damage of those of which only a part could be read.
        updated: Files whose picture was there already: copied and moved files, and new captions.
        unchanged: Files that have not changed since they were last read, and were skipped.
        unreadable: Path, reason and detail of each file that is not a usable picture.
        remembered: How many of these failed in an earlier run, have not changed, and were not opened.
        not_walked: Path and reason of each folder or entry that could not be read.
        elsewhere: Files whose content is in another part of the library.
        pruned: Files that were removed because they are gone.
        gone: Pictures that have no file any more, and were not pruned.
        removed: The digests of pictures that were removed with them.
        left_out: Files that a new encoder could not read any more.
        verified: Files that were read again and are unchanged.
        skipped: How many files were skipped, by kind: `{"videos": 12}`.
        gone_elsewhere: Missing places, outside the walked folders, of pictures that were found.
        moved: The old and the new folder of the first of these.
        walking: Whether files are still being looked for.
    """

    to_read: int = 0
    indexed: int = 0
    videos: int = 0
    frames: int = 0
    damaged: list[tuple[str, str]] = field(default_factory=list)
    updated: int = 0
    unchanged: int = 0
    unreadable: list[tuple[str, Reason, str]] = field(default_factory=list)
    remembered: int = 0
    not_walked: list[tuple[str, str]] = field(default_factory=list)
    elsewhere: int = 0
    pruned: int = 0
    gone: int = 0
    removed: list[str] = field(default_factory=list)
    left_out: int = 0
    verified: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    gone_elsewhere: int = 0
    moved: tuple[str, str] | None = None
    walking: bool = True

    @property
    def done(self) -> int:
        """How many of the files to read are done."""
        return self.indexed + self.updated + self.verified + self.elsewhere + len(self.unreadable) - self.remembered

    def left(self, taken: int) -> int | None:
        """Return how many of the files to read remain after `taken` of them, or None while files are looked for."""
        return None if self.walking else self.to_read - taken

    @property
    def known(self) -> int:
        """How many of the files found does the journal know at the end."""
        return self.indexed + self.updated + self.verified + self.unchanged + len(self.unreadable)

    def count(self, records: Sequence[ImageRecord]) -> None:
        """Count what is indexed of a file: the frames of a video, or a picture, which may be damaged."""
        self.damaged += [(record.path, note) for record in records[:1] for note in record.notes if is_damage(note)]
        frames = sum(record.frame is not None for record in records)
        self.frames += frames
        self.videos += frames > 0
