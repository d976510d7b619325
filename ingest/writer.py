"""Pending changes to points, kept until they are written durably, batch by batch."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from gallery.pictures import Facts
from gallery.records import ImageFile, ImageRecord
from gallery.stores import Editor, Entry, point_id
from gallery.vectors import Vectors
from ingest.facts import known_beside, with_files
from ingest.locating import Locator

WRITE_EVERY = 256
"""New pictures between two durable writes: the most that a crash can lose."""


@dataclass(slots=True)
class _Held:
    """A picture as it should be; one without a place is to be removed. `unseen` are paths not asked for yet."""

    record: ImageRecord
    places: dict[str, ImageFile]
    vector: Vectors | None = None
    changed: bool = False
    unseen: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, record: ImageRecord) -> "_Held":
        places = {file.path: file for file in record.files}
        return cls(record, places, unseen=list(places))

    def whole(self) -> ImageRecord:
        return with_files(self.record, self.places.values())


class Writer:
    """Adds files to pictures and removes them; a picture without a file is removed with the next write.

    Attributes:
        removed: The digests of the pictures that were removed.
    """

    def __init__(self, collection: Editor, locate: Locator | None = None) -> None:
        self.removed: list[str] = []
        self._collection = collection
        self._locate = locate or Locator()
        self._held: dict[str, _Held] = {}
        self._entries: list[Entry] = []
        self._forgotten: list[str] = []
        self._unknown: Counter[str] = Counter()  # digests of removed pictures that no replica shows
        self._seen: set[str] = set()
        self._new = self._most_places = 0

    def known(self, ids: Iterable[str]) -> set[str]:
        """Return the ids whose picture is in the collection, or about to be."""
        wanted = set(ids)
        found = self._collection.points.get(sorted(wanted - self._held.keys()))
        self._held |= {id: _Held.of(record) for id, record in found.items()}
        return wanted & self._held.keys()

    def add(self, record: ImageRecord, vector: Vectors) -> None:
        """Add a new picture; its files are added one by one."""
        self._held[record.id] = _Held(record, {}, vector, changed=True)
        self._new += 1

    def files(self, id: str) -> tuple[ImageFile, ...]:
        """Return the places of a known picture."""
        return tuple(self._held[id].places.values())

    def unseen_places(self, id: str) -> Iterator[ImageFile]:
        """Yield the places of a known picture that were not asked for before, as there may be many copies."""
        held = self._held[id]
        paths, held.unseen = held.unseen, []
        for path in paths:
            if path not in self._seen and path in held.places:
                self._seen.add(path)
                yield held.places[path]

    def place(
        self, id: str, entry: Entry, captions: tuple[str, ...] | None = None, beside: Facts | None = None
    ) -> None:
        """Record that a file holds a known picture, and no longer its former one.

        Args:
            id: The picture's id.
            entry: The file's entry.
            captions: The captions file's sentences for this file; without them, the file keeps its own.
            beside: The facts from side-car files.
        """
        path = entry.file.path
        before = self._collection.journal.entry(path)
        if before and before.sha256 and before.sha256 != entry.sha256:
            self.displace(before.sha256, path)
        held = self._held[id]
        if beside:
            held.record = known_beside(held.record, beside)
        if captions is None and path in held.places:
            captions = held.places[path].captions
        held.places[path] = replace(entry.file, captions=captions or ())
        held.changed = True
        self._most_places = max(self._most_places, len(held.places))
        self._seen.add(path)
        self._entries.append(entry)

    def displace(self, sha256: str, path: str) -> None:
        """Record that the file at `path` no longer holds the picture with this digest."""
        id = point_id(sha256)
        if self.known([id]):
            self._held[id].changed |= self._held[id].places.pop(path, None) is not None
        else:
            self._unknown[sha256] += 1

    def note(self, entry: Entry) -> None:
        """Record the result for a file that is not a picture."""
        self._entries.append(entry)

    def forget(self, entry: Entry) -> None:
        """Record that a file, and with it a place, is gone."""
        if entry.sha256:
            self.displace(entry.sha256, entry.file.path)
        self._forgotten.append(entry.file.path)

    def flush_if_full(self) -> bool:
        """Write if enough changes are pending; return whether they were written.

        A picture with thousands of copies is written whole with each new one, so more of those are collected first.
        """
        waiting = len(self._entries) + len(self._forgotten)
        is_full = self._new >= WRITE_EVERY or waiting >= max(WRITE_EVERY, self._most_places // 2)
        if is_full:
            self.flush()
        return is_full

    def flush(self) -> None:
        """Write the pending changes; once they will survive a crash, tell the journal."""
        if not (self._entries or self._forgotten):
            return
        kept = [held for held in self._held.values() if held.places and held.changed]
        new = [(self._locate(held.whole()), held.vector) for held in kept if held.vector is not None]
        if new:
            self._collection.upsert([record for record, _ in new], np.stack([vector for _, vector in new]))
        self._collection.update([self._locate(held.whole()) for held in kept if held.vector is None])
        gone = [held.record.sha256 for held in self._held.values() if not held.places]
        # In a cluster, only one replica may have a picture: remove it whether it is seen or not.
        gone += [digest for digest, lost in self._unknown.items() if self._collection.journal.places(digest) <= lost]
        self._collection.delete([point_id(digest) for digest in gone])
        self._collection.flush()
        self._collection.journal.write(self._entries, forgotten=self._forgotten)
        self.removed += gone
        self._new = self._most_places = 0
        for collected in (self._held, self._entries, self._forgotten, self._unknown):
            collected.clear()
