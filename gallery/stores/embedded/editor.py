"""Writing to embedded collections, generation by generation."""

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import UUID

import numpy as np
import qdrant_edge as q
from numpy.typing import NDArray

from gallery.errors import CollectionError
from gallery.records import ImageRecord
from gallery.settings import Settings
from gallery.spec import Spec
from gallery.stores.collection import check_vectors
from gallery.stores.editor import Former
from gallery.stores.embedded.edge import (
    JOURNAL,
    SHARD,
    SPEC,
    EdgeCollection,
    collections_folder,
    engine_errors,
    get_records,
    get_vectors,
    load_shard,
    read_spec,
    scan_records,
)
from gallery.stores.embedded.generations import Workshop, next_generation, published
from gallery.stores.embedded.tuning import config, optimised, payload_index
from gallery.stores.journal import Journal
from gallery.stores.payload import INDEXED_KEYS, to_payload


def edit_edge(settings: Settings, name: str) -> "EdgeEditor":
    """Open a collection to write to it; it need not be there yet."""
    return EdgeEditor(name, collections_folder(settings) / name, settings.public_url)


def drop_edge(settings: Settings, name: str) -> None:
    """Remove an embedded collection, unless another process is writing to it."""
    workshop = Workshop(collections_folder(settings) / name)
    try:
        workshop.remove_all()
    finally:
        workshop.close()


def edge_journal(settings: Settings, name: str) -> Journal:
    """Return the journal of what would be gone on with, only to be read; one that knows nothing without a collection.

    Another process may publish meanwhile, and remove what is about to be opened.
    """
    folder = collections_folder(settings) / name
    while True:
        current = published(folder)
        unfinished = next_generation(folder)
        generation = unfinished if unfinished.is_dir() else current
        if generation is None:
            return Journal(None)
        try:
            return Journal(generation / JOURNAL, new=False)
        except CollectionError:
            if published(folder) == current:
                raise


class EdgeEditor:
    """A collection that this process writes to: the next generation is begun with the first write.

    A generation in the making whose space is not that of the published one is a change of the encoder: it began
    empty, and what it has not read yet is known to `former`.
    """

    def __init__(self, name: str, folder: Path, public_url: str | None) -> None:
        self.name = name
        self._public_url = public_url
        self._folder = folder
        self._workshop = Workshop(folder)
        self._shard: q.EdgeShard | None = None
        self.former: Former | None = None
        self.journal = Journal(None)
        try:
            self._open()
        except CollectionError:
            self._workshop.close()
            raise

    def _open(self) -> None:
        """Take up what is there: what an interrupted run left, else what is published."""
        self._unfinished = self._sound_unfinished()
        current = published(self._folder)
        self._base = self._unfinished or current
        self._finished = False
        self._generation: Path | None = None
        self.spec: Spec | None = read_spec(self._base, self.name) if self._base else None
        self.journal.close()
        self.journal = Journal(self._base / JOURNAL if self._base else None)
        if self._unfinished and current and self.spec and not self.spec.fits(read_spec(current, self.name)):
            self._set_former(current)

    def _set_former(self, current: Path | None) -> None:
        if self.former:
            self.former.close()
        self.former = None
        if current:
            collection = EdgeCollection(self.name, read_spec(current, self.name), load_shard(current))
            self.former = Former(collection, Journal(current / JOURNAL, new=False))

    def change(self, spec: Spec) -> None:
        if self.spec is None or self.spec.fits(spec):
            return
        if self.former and self._unfinished:
            shutil.rmtree(self._unfinished)  # a change to yet another encoder, or one that is taken back
        else:
            self.finish()  # what an interrupted run knew is known to the former then
        self._set_former(None)
        self._open()
        if self.spec and not self.spec.fits(spec):
            self._set_former(self._base)
            self._base, self.spec = None, spec
            self.journal.close()
            self.journal = Journal(None)

    @property
    def changing(self) -> str | None:
        return self.spec.encoder if self.former and self.spec else None

    def begin(self, spec: Spec) -> None:
        if self.spec:
            self.spec.check(spec, self.name)
        if self._finished:
            raise RuntimeError("what is finished is not begun again")
        if self._shard:
            return
        self._generation = self._unfinished or self._next_generation(spec)
        self._shard = load_shard(self._generation)
        self.spec = spec

    def get(self, ids: Sequence[str]) -> dict[str, ImageRecord]:
        return get_records(self._open_shard(), ids)

    def scan(self) -> Iterator[ImageRecord]:
        return scan_records(self._open_shard())

    def vectors(self, ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        return get_vectors(self._open_shard(), ids)

    def upsert(self, records: Sequence[ImageRecord], vectors: NDArray[np.float32]) -> None:
        shard = self._open_shard()
        self._workshop.check_room()
        check_vectors(vectors, len(records), self.spec.dimension if self.spec else 0)
        points = [
            q.Point(record.id, vector.tolist(), to_payload(record, self._public_url))
            for record, vector in zip(records, vectors, strict=True)
        ]
        self._apply(shard, q.UpdateOperation.upsert_points(points))

    def update(self, records: Sequence[ImageRecord]) -> None:
        shard = self._open_shard()
        for record in records:
            payload = to_payload(record, self._public_url)
            self._apply(shard, q.UpdateOperation.overwrite_payload([UUID(record.id)], payload))

    def delete(self, ids: Sequence[str]) -> None:
        self._apply(self._open_shard(), q.UpdateOperation.delete_points([UUID(id) for id in ids]))

    def flush(self) -> None:
        with engine_errors(self.name):
            self._open_shard().flush()

    def finish(self) -> None:
        """Complete the generation and publish it; without one, there is nothing to do."""
        if self._unfinished and self.spec:
            self.begin(self.spec)  # an earlier run wrote all there was, and was stopped before this
        if not self._shard or not self._generation:
            return
        with engine_errors(self.name):
            self._shard.flush()
            self._shard = optimised(self._shard, self._generation / SHARD, self.spec.dimension if self.spec else 0)
        self._shard.close()
        self._shard = None
        self.journal.close()
        self._set_former(None)
        self._workshop.publish(self._generation)
        self._finished = True

    def close(self) -> None:
        """Let go of the files and the lock; what was flushed waits for the next run."""
        if self._shard:
            self._shard.close()
        self._set_former(None)
        self.journal.close()
        self._workshop.close()

    def _sound_unfinished(self) -> Path | None:
        """Return what an interrupted run left, unless that is damaged: then it is removed, as it can be made again."""
        unfinished = self._workshop.unfinished()
        if unfinished:
            try:
                read_spec(unfinished, self.name)
                Journal(unfinished / JOURNAL).close()
                load_shard(unfinished).close()
            except CollectionError:
                shutil.rmtree(unfinished)
                return None
        return unfinished

    def _next_generation(self, spec: Spec) -> Path:
        draft = self._workshop.draft(self._base)
        if not self._base:
            (draft / SPEC).write_text(json.dumps(spec.to_dict(), indent=1))
            _create(draft, spec)
        generation = self._workshop.settle(draft)
        self.journal.move_to(generation / JOURNAL)
        return generation

    def _open_shard(self) -> q.EdgeShard:
        if self._shard is None:
            raise RuntimeError("begin() comes before reading and writing")
        return self._shard

    def _apply(self, shard: q.EdgeShard, operation: q.UpdateOperation) -> None:
        with engine_errors(self.name):
            shard.update(operation)


def _create(generation: Path, spec: Spec) -> None:
    with engine_errors(generation.parent.name):
        shard = q.EdgeShard.create(str(generation / SHARD), config(spec.dimension))
        for key, kind in INDEXED_KEYS.items():
            shard.update(payload_index(key, kind))
        shard.flush()
        shard.close()
