"""What shall become of points, held until it is written durably, batch by batch."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from gallery.pictures import Facts
from gallery.records import ImageFile, ImageRecord
from gallery.stores.editor import Editor
from gallery.stores.journal import Entry
from gallery.stores.payload import point_id
from gallery.vectors import Vectors
from ingest.facts import known_beside, with_files

WRITE_EVERY = 256
"""Files between two durable writes: what a crash can cost."""


class Writer:
    """Places and displaces files; a picture that no file holds any more is removed with the next write."""

    def __init__(self, collection: Editor) -> None:
        self._collection = collection
        self._records: dict[str, ImageRecord] = {}  # as they shall be; without files, they shall go
        self._vectors: dict[str, Vectors] = {}
        self._entries: list[Entry] = []
        self._forgotten: list[str] = []

    def known(self, ids: Iterable[str]) -> set[str]:
        """Return those of the ids whose picture is in the collection, or about to be."""
        wanted = set(ids)
        self._records |= self._collection.get(sorted(wanted - self._records.keys()))
        return wanted & self._records.keys()

    def add(self, record: ImageRecord, vector: Vectors) -> None:
        """Take in a new picture; its files are placed one by one."""
        self._records[record.id] = with_files(record, ())
        self._vectors[record.id] = vector

    def files(self, id: str) -> tuple[ImageFile, ...]:
        """Return the places of a known picture."""
        return self._records[id].files

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
        before = self._collection.journal.entry(entry.file.path)
        if before and before.sha256 and before.sha256 != entry.sha256:
            self.displace(before.sha256, entry.file.path)
        record = known_beside(self._records[id], beside) if beside else self._records[id]
        places = {file.path: file for file in record.files}
        if captions is None and entry.file.path in places:
            captions = places[entry.file.path].captions
        places[entry.file.path] = replace(entry.file, captions=captions or ())
        self._records[id] = with_files(record, places.values())
        self._entries.append(entry)

    def displace(self, sha256: str, path: str) -> None:
        """Note that the file at `path` no longer holds the picture with this digest."""
        id = point_id(sha256)
        if self.known([id]):
            record = self._records[id]
            self._records[id] = with_files(record, (file for file in record.files if file.path != path))

    def note(self, entry: Entry) -> None:
        """Note what came of a file that is no picture."""
        self._entries.append(entry)

    def forget(self, entry: Entry) -> None:
        """Note that a file is gone, and with it its place."""
        if entry.sha256:
            self.displace(entry.sha256, entry.file.path)
        self._forgotten.append(entry.file.path)

    def flush_if_full(self) -> None:
        """Write when enough is held."""
        if len(self._entries) + len(self._forgotten) >= WRITE_EVERY:
            self.flush()

    def flush(self) -> None:
        """Write what is held; then, as it will survive a crash, tell the journal."""
        kept = [record for record in self._records.values() if record.files]
        new = [record for record in kept if record.id in self._vectors]
        if new:
            self._collection.upsert(new, np.stack([self._vectors[record.id] for record in new]))
        self._collection.update([record for record in kept if record.id not in self._vectors])
        self._collection.delete([id for id, record in self._records.items() if not record.files])
        self._collection.flush()
        self._collection.journal.write(self._entries, forgotten=self._forgotten)
        for held in (self._records, self._vectors, self._entries, self._forgotten):
            held.clear()
