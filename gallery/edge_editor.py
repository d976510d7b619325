"""Writing to embedded collections, generation by generation."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import numpy as np
import qdrant_edge as q
from numpy.typing import NDArray

from gallery.collection import check_vectors
from gallery.edge import JOURNAL, SHARD, SPEC, collections_folder, engine_errors, get_records, load_shard, read_spec
from gallery.edge_tuning import config, optimised, payload_index
from gallery.errors import CollectionError
from gallery.generations import Workshop, published
from gallery.journal import Journal
from gallery.payload import INDEXED_KEYS, to_payload
from gallery.records import ImageRecord
from gallery.settings import Settings
from gallery.spec import Spec


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


class EdgeEditor:
    """A collection that this process writes to: the next generation is begun with the first write."""

    def __init__(self, name: str, folder: Path, public_url: str | None) -> None:
        self.name = name
        self._public_url = public_url
        self._workshop = Workshop(folder)
        self._unfinished = self._sound_unfinished()
        self._base = self._unfinished or published(folder)
        self._finished = False
        self._generation: Path | None = None
        self._shard: q.EdgeShard | None = None
        try:
            self.spec = read_spec(self._base, name) if self._base else None
            self.journal = Journal(self._base / JOURNAL if self._base else None)
        except CollectionError:
            self._workshop.close()
            raise

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
        self._workshop.publish(self._generation)
        self._finished = True

    def close(self) -> None:
        """Let go of the files and the lock; what was flushed waits for the next run."""
        if self._shard:
            self._shard.close()
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
