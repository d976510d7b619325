"""Pending changes to points, kept until they are written durably, batch by batch."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from gallery.pictures import Facts
from gallery.records import ImageFile, ImageRecord
from gallery.stores import Editor, Entry, ids_of_content, point_id, point_ids
from gallery.vectors import Vectors
from ingest.facts import known_beside, of_the_same_file, with_files
from ingest.locating import Locator

WRITE_EVERY = 256
"""New pictures between two durable writes: the most that a crash can lose."""


@dataclass(slots=True)
class _Held:
    """A picture's pending state; without places, it will be removed. `unseen` are paths that were not asked for yet.

    For a video, `record` belongs to the first frame, and `others` to the rest, once they were looked up.
    """

    record: ImageRecord
    places: dict[str, ImageFile]
    vectors: Vectors | None = None
    others: Sequence[ImageRecord] = ()
    changed: bool = False
    unseen: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, record: ImageRecord) -> "_Held":
        places = {file.path: file for file in record.files}
        return cls(record, places, unseen=list(places))

    def whole(self, locate: Locator) -> list[ImageRecord]:
        first = locate(with_files(self.record, self.places.values()))
        return [first, *(of_the_same_file(other, first) for other in self.others)]


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
        self._unknown: Counter[tuple[str, int]] = Counter()  # displaced pictures that cannot be seen, and their points
        self._seen: set[str] = set()
        self._new = self._most_places = 0

    def known(self, ids: Iterable[str]) -> set[str]:
        """Return the ids whose picture is in the collection, or about to be."""
        wanted = set(ids)
        found = self._collection.points.get(sorted(wanted - self._held.keys()))
        frames = {id: set(point_ids(record)) for id, record in found.items() if record.points > 1}
        there = self._collection.points.present([each for ids in frames.values() for each in ids]) if frames else set()
        # A video that has lost a frame is not known: all of them are written again.
        self._held |= {id: _Held.of(record) for id, record in found.items() if frames.get(id, set()) <= there}
        return wanted & self._held.keys()

    def add(self, records: Sequence[ImageRecord], vectors: Vectors) -> None:
        """Take in a new picture, or the frames of a new video; its files are placed one by one."""
        self._held[records[0].id] = _Held(records[0], {}, vectors, records[1:], changed=True)
        self._new += len(records)

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
            self.displace(before)
        held = self._held[id]
        if beside:
            held.record = known_beside(held.record, beside)
        if captions is None and path in held.places:
            captions = held.places[path].captions
        held.places[path] = replace(entry.file, captions=captions or ())
        held.changed = True
        self._most_places = max(self._most_places, len(held.places))
        self._seen.add(path)
        self._entries.append(replace(entry, points=held.record.points))

    def displace(self, entry: Entry) -> None:
        """Note that a file no longer holds the picture that it held."""
        assert entry.sha256
        id = point_id(entry.sha256)
        if self.known([id]):
            self._held[id].changed |= self._held[id].places.pop(entry.file.path, None) is not None
        else:
            self._unknown[entry.sha256, entry.points] += 1

    def note(self, entry: Entry) -> None:
        """Record the result for a file that is not a picture."""
        self._entries.append(entry)

    def forget(self, entry: Entry) -> None:
        """Record that a file, and with it a place, is gone."""
        if entry.sha256:
            self.displace(entry)
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
        new = [held for held in kept if held.vectors is not None]
        if new:
            records = [record for held in new for record in held.whole(self._locate)]
            self._collection.upsert(records, np.concatenate([held.vectors for held in new if held.vectors is not None]))
        known = [held for held in kept if held.vectors is None]
        self._look_up_frames(known)
        self._collection.update([record for held in known for record in held.whole(self._locate)])
        gone = {held.record.sha256: held.record.points for held in self._held.values() if not held.places}
        # In a cluster, only one replica may have a picture: it is removed, whether it is seen or not.
        for (digest, points), lost in self._unknown.items():
            if self._collection.journal.places(digest) <= lost:
                gone[digest] = points
        self._collection.delete([id for digest, points in gone.items() for id in ids_of_content(digest, points)])
        self._collection.flush()
        self._collection.journal.write(self._entries, forgotten=self._forgotten)
        self.removed += gone
        self._new = self._most_places = 0
        for collected in (self._held, self._entries, self._forgotten, self._unknown):
            collected.clear()

    def _look_up_frames(self, changed: Sequence[_Held]) -> None:
        """Look up the other frames of changed videos, because a change applies to all of them."""
        ids = {held.record.id: point_ids(held.record)[1:] for held in changed}
        found = self._collection.points.get([id for each in ids.values() for id in each])
        for held in changed:
            held.others = [found[id] for id in ids[held.record.id] if id in found]
