"""What shall become of points, held until it is written durably, batch by batch."""

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
"""New pictures between two durable writes: what a crash can cost."""


@dataclass(slots=True)
class _Held:
    """A picture as it shall be: without any place, it shall go. `unseen` are paths that were not asked for yet."""

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
    """Places and displaces files; a picture that no file holds any more is removed with the next write.

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
        self._unknown: Counter[str] = Counter()  # digests of displaced pictures that cannot be seen
        self._seen: set[str] = set()
        self._new = self._most_places = 0

    def known(self, ids: Iterable[str]) -> set[str]:
        """Return those of the ids whose picture is in the collection, or about to be."""
        wanted = set(ids)
        found = self._collection.points.get(sorted(wanted - self._held.keys()))
        self._held |= {id: _Held.of(record) for id, record in found.items()}
        return wanted & self._held.keys()

    def add(self, record: ImageRecord, vector: Vectors) -> None:
        """Take in a new picture; its files are placed one by one."""
        self._held[record.id] = _Held(record, {}, vector, changed=True)
        self._new += 1

    def files(self, id: str) -> tuple[ImageFile, ...]:
        """Return the places of a known picture."""
        return tuple(self._held[id].places.values())

    def unseen_places(self, id: str) -> Iterator[ImageFile]:
        """Yield the places of a known picture that were not asked for before: copies are many."""
        held = self._held[id]
        paths, held.unseen = held.unseen, []
        for path in paths:
            if path not in self._seen and path in held.places:
                self._seen.add(path)
                yield held.places[path]

    def place(
        self, id: str, entry: Entry, captions: tuple[str, ...] | None = None, beside: Facts | None = None
    ) -> None:
        """Note that a file holds a known picture, and no longer the one that it held before.

        Args:
            id: Of the picture.
            entry: Of the file.
            captions: What a captions file has for this file; without them the file keeps those that it has.
            beside: What lies beside the file and speaks of the picture.
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
        """Note that the file at `path` no longer holds the picture with this digest."""
        id = point_id(sha256)
        if self.known([id]):
            self._held[id].changed |= self._held[id].places.pop(path, None) is not None
        else:
            self._unknown[sha256] += 1

    def note(self, entry: Entry) -> None:
        """Note what came of a file that is no picture."""
        self._entries.append(entry)

    def forget(self, entry: Entry) -> None:
        """Note that a file is gone, and with it its place."""
        if entry.sha256:
            self.displace(entry.sha256, entry.file.path)
        self._forgotten.append(entry.file.path)

    def flush_if_full(self) -> bool:
        """Write when enough is held, and return whether that was so.

        A picture with thousands of copies is written whole with each new one, so that more of these are waited for.
        """
        waiting = len(self._entries) + len(self._forgotten)
        is_full = self._new >= WRITE_EVERY or waiting >= max(WRITE_EVERY, self._most_places // 2)
        if is_full:
            self.flush()
        return is_full

    def flush(self) -> None:
        """Write what is held; then, as it will survive a crash, tell the journal."""
        if not (self._entries or self._forgotten):
            return
        kept = [held for held in self._held.values() if held.places and held.changed]
        new = [(self._locate(held.whole()), held.vector) for held in kept if held.vector is not None]
        if new:
            self._collection.upsert([record for record, _ in new], np.stack([vector for _, vector in new]))
        self._collection.update([self._locate(held.whole()) for held in kept if held.vector is None])
        gone = [held.record.sha256 for held in self._held.values() if not held.places]
        # Of a cluster, one replica alone may have a picture: it goes, whether it is seen or not.
        gone += [digest for digest, lost in self._unknown.items() if self._collection.journal.places(digest) <= lost]
        self._collection.delete([point_id(digest) for digest in gone])
        self._collection.flush()
        self._collection.journal.write(self._entries, forgotten=self._forgotten)
        self.removed += gone
        self._new = self._most_places = 0
        for collected in (self._held, self._entries, self._forgotten, self._unknown):
            collected.clear()
