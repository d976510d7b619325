"""Embedded collections: Qdrant's own engine in this process, one generation a folder (see `gallery.generations`).

gen-000001/spec.json         the Spec
gen-000001/journal.sqlite    what ingest knows of the files
gen-000001/shard/            the engine's
"""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from uuid import UUID

import numpy as np
import qdrant_edge as q
from numpy.typing import NDArray

from gallery.collection import WantedValue, Where, best_first, check_facet, check_vectors
from gallery.errors import CollectionError
from gallery.generations import Workshop, published
from gallery.journal import Journal
from gallery.payload import INDEXED_KEYS, to_payload, to_record
from gallery.records import Hit, ImageRecord
from gallery.settings import Settings
from gallery.spec import Spec

_OPEN_ATTEMPTS = 20
_PAGE = 500
_SPEC, _JOURNAL, _SHARD = "spec.json", "journal.sqlite", "shard"
_INDEX = {
    "keyword": q.PayloadSchemaType.Keyword,
    "integer": q.PayloadSchemaType.Integer,
    "datetime": q.PayloadSchemaType.Datetime,
}


def edge_collections(settings: Settings) -> list[str]:
    """Return the names of the embedded collections that have been published, sorted."""
    folder = _collections_folder(settings)
    return sorted(path.parent.name for path in folder.glob("*/CURRENT")) if folder.is_dir() else []


def open_edge(settings: Settings, name: str) -> "EdgeCollection":
    """Open the published generation of a collection to search it."""
    folder = _collections_folder(settings) / name
    for attempt in range(_OPEN_ATTEMPTS):
        generation = published(folder)
        if generation is None:
            break
        try:
            collection = EdgeCollection(name, _read_spec(generation, name), _load(generation))
        except CollectionError:
            if published(folder) == generation or attempt == _OPEN_ATTEMPTS - 1:
                raise
            continue
        if published(folder) == generation:
            return collection
        # Another process has published the next generation and is removing this one, of which the engine may
        # have opened what was left.
        collection.close()
    raise CollectionError(f"there is no collection {name}; make it: ingest FOLDER --collection {name}")


def edit_edge(settings: Settings, name: str) -> "EdgeEditor":
    """Open a collection to write to it; it need not be there yet."""
    return EdgeEditor(name, _collections_folder(settings) / name, settings.public_url)


class EdgeCollection:
    """One generation, opened to be read."""

    def __init__(self, name: str, spec: Spec, shard: q.EdgeShard) -> None:
        self.name = name
        self.spec = spec
        self._shard = shard

    def nearest(
        self,
        vector: NDArray[np.float32],
        limit: int,
        *,
        where: Where | None = None,
        min_score: float | None = None,
        exact: bool = False,
    ) -> list[Hit]:
        request = q.QueryRequest(
            query=q.Query.Nearest(vector.tolist()),
            limit=limit,
            filter=_filter(where),
            score_threshold=min_score,
            params=q.SearchParams(exact=exact),
            with_payload=True,
        )
        with _engine_errors(self.name):
            points = self._shard.query(request)
        return best_first(Hit(to_record(str(point.id), point.payload or {}), point.score) for point in points)

    def get(self, ids: Sequence[str]) -> dict[str, ImageRecord]:
        return _get(self._shard, ids)

    def scan(self, where: Where | None = None) -> Iterator[tuple[ImageRecord, NDArray[np.float32]]]:
        offset = None
        while True:
            request = q.ScrollRequest(
                offset=offset, limit=_PAGE, filter=_filter(where), with_payload=True, with_vector=True
            )
            with _engine_errors(self.name):
                points, offset = self._shard.scroll(request)
            for point in points:
                yield to_record(str(point.id), point.payload or {}), np.asarray(point.vector, np.float32)
            if offset is None:
                return

    def count(self, where: Where | None = None) -> int:
        with _engine_errors(self.name):
            return self._shard.count(q.CountRequest(exact=True, filter=_filter(where)))

    def facet(self, key: str, limit: int = 20) -> dict[str | int, int]:
        check_facet(key)
        with _engine_errors(self.name):
            hits = self._shard.facet(q.FacetRequest(key=key, limit=limit, exact=True)).hits
        return {hit.value: hit.count for hit in hits}

    def close(self) -> None:
        self._shard.close()


class EdgeEditor:
    """A collection that this process writes to: the next generation is begun with the first write."""

    def __init__(self, name: str, folder: Path, public_url: str | None) -> None:
        self.name = name
        self._public_url = public_url
        self._workshop = Workshop(folder)
        self._unfinished = self._workshop.unfinished()
        self._base = self._unfinished or published(folder)
        self._finished = False
        self._generation: Path | None = None
        self._shard: q.EdgeShard | None = None
        self.spec = _read_spec(self._base, name) if self._base else None
        self.journal = Journal(self._base / _JOURNAL if self._base else None)

    def begin(self, spec: Spec) -> None:
        if self.spec:
            self.spec.check(spec, self.name)
        if self._finished:
            raise RuntimeError("what is finished is not begun again")
        if self._shard:
            return
        self._generation = self._unfinished or self._next_generation(spec)
        self._shard = _load(self._generation)
        self.spec = spec

    def get(self, ids: Sequence[str]) -> dict[str, ImageRecord]:
        return _get(self._open_shard(), ids)

    def upsert(self, records: Sequence[ImageRecord], vectors: NDArray[np.float32]) -> None:
        shard = self._open_shard()
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
        with _engine_errors(self.name):
            self._open_shard().flush()

    def finish(self) -> None:
        """Complete the generation and publish it; without one, there is nothing to do."""
        if self._unfinished and self.spec:
            self.begin(self.spec)  # an earlier run wrote all there was, and was stopped before this
        if not self._shard or not self._generation:
            return
        with _engine_errors(self.name):
            self._shard.flush()
            self._shard.optimize()
            self._shard.flush()
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

    def _next_generation(self, spec: Spec) -> Path:
        draft = self._workshop.draft(self._base)
        if not self._base:
            (draft / _SPEC).write_text(json.dumps(spec.to_dict(), indent=1))
            _create(draft, spec)
        generation = self._workshop.settle(draft)
        self.journal.move_to(generation / _JOURNAL)
        return generation

    def _open_shard(self) -> q.EdgeShard:
        if self._shard is None:
            raise RuntimeError("begin() comes before reading and writing")
        return self._shard

    def _apply(self, shard: q.EdgeShard, operation: q.UpdateOperation) -> None:
        with _engine_errors(self.name):
            shard.update(operation)


def _collections_folder(settings: Settings) -> Path:
    return settings.data_dir / "collections"


def _read_spec(generation: Path, name: str) -> Spec:
    try:
        values = json.loads((generation / _SPEC).read_text())
    except (OSError, ValueError) as error:
        raise CollectionError(
            f"collection {name} is damaged ({generation / _SPEC}: {error}); restore a backup, or remove its folder"
        ) from error
    return Spec.from_dict(values, name)


def _create(generation: Path, spec: Spec) -> None:
    config = q.EdgeConfig(
        vectors=q.EdgeVectorParams(size=spec.dimension, distance=q.Distance.Cosine),
        wal_enabled=False,  # flush() makes batches durable; with a log only one process could open the folder
    )
    with _engine_errors(generation.parent.name):
        shard = q.EdgeShard.create(str(generation / _SHARD), config)
        for key, kind in INDEXED_KEYS.items():
            shard.update(q.UpdateOperation.create_field_index(key, _INDEX[kind]))
        shard.flush()
        shard.close()


def _load(generation: Path) -> q.EdgeShard:
    folder = generation / _SHARD
    # What a crash in the middle of optimize() leaves; the engine would keep it for ever.
    shutil.rmtree(folder / "temp_segments", ignore_errors=True)
    if folder.is_dir() and not os.access(folder, os.W_OK):
        raise CollectionError(f"{folder} is read-only, and the engine writes there when it opens; allow writing")
    with _engine_errors(generation.parent.name):
        return q.EdgeShard.load(str(folder))


def _get(shard: q.EdgeShard, ids: Sequence[str]) -> dict[str, ImageRecord]:
    points = shard.retrieve([UUID(id) for id in ids], with_payload=True, with_vector=False)
    return {str(point.id): to_record(str(point.id), point.payload or {}) for point in points}


def _filter(where: Where | None) -> q.Filter | None:
    return q.Filter(must=[_condition(key, wanted) for key, wanted in where.items()]) if where else None


def _condition(key: str, wanted: WantedValue) -> q.FieldCondition:
    if isinstance(wanted, Mapping):
        kind = q.RangeDateTime if INDEXED_KEYS.get(key) == "datetime" else q.RangeFloat
        return q.FieldCondition(key=key, range=kind(**wanted))
    if isinstance(wanted, str | int):
        return q.FieldCondition(key=key, match=q.MatchValue(wanted))
    return q.FieldCondition(key=key, match=q.MatchAny(wanted))


@contextlib.contextmanager
def _engine_errors(name: str) -> Iterator[None]:
    """The engine raises bare exceptions, told apart by their text only."""
    try:
        yield
    except Exception as error:
        remedy = "free some space" if "No space left" in str(error) else "see that its folder is whole and yours"
        raise CollectionError(f"collection {name}: the engine says: {error}; {remedy}") from error
