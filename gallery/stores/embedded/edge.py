"""Embedded collections: Qdrant Edge in this process, one generation a folder (see the module `generations`).

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

from gallery.errors import CollectionError
from gallery.records import Hit, ImageRecord
from gallery.settings import Settings
from gallery.spec import Spec
from gallery.stores.collection import Where, best_first, check_facet, newest_first
from gallery.stores.embedded.generations import bytes_below, published, published_collections, published_state
from gallery.stores.embedded.tuning import search_params
from gallery.stores.filters import Condition, Filter, as_filter
from gallery.stores.payload import INDEXED_KEYS, public_url_of, rfc3339, to_record

_OPEN_ATTEMPTS = 20
_PAGE = 500
SPEC, JOURNAL, SHARD = "spec.json", "journal.sqlite", "shard"


def edge_collections(settings: Settings) -> list[str]:
    """Return the names of the embedded collections that have been published, sorted."""
    return published_collections(settings.data_dir)


def open_edge(settings: Settings, name: str) -> "EdgeCollection":
    """Open the published generation of a collection to search it."""
    folder = collections_folder(settings) / name
    for attempt in range(_OPEN_ATTEMPTS):
        generation = published(folder)
        if generation is None:
            break
        try:
            collection = EdgeCollection(
                name, read_spec(generation, name), load_shard(generation), published_state(folder), folder
            )
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


def edge_folder(settings: Settings, name: str) -> tuple[float, str]:
    """Return the megabytes of an embedded collection, and when it was published last, as RFC 3339."""
    folder = collections_folder(settings) / name
    return bytes_below(folder) / 1e6, rfc3339((folder / "CURRENT").stat().st_mtime_ns)


class EdgeCollection:
    """One generation, opened to be read."""

    def __init__(
        self, name: str, spec: Spec, shard: q.EdgeShard, generation: str | None = None, folder: Path | None = None
    ) -> None:
        self.name = name
        self.spec = spec
        self.generation = generation
        self._shard = shard
        self._folder = folder

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
            params=search_params(exact=exact),
            with_payload=True,
        )
        with engine_errors(self.name):
            points = self._shard.query(request)
        return best_first(Hit(to_record(str(point.id), point.payload or {}), point.score) for point in points)

    def get(self, ids: Sequence[str]) -> dict[str, ImageRecord]:
        return get_records(self._shard, ids)

    def vectors(self, ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        with engine_errors(self.name):
            points = self._shard.retrieve([UUID(id) for id in ids], with_payload=False, with_vector=True)
        return {str(point.id): np.asarray(point.vector, np.float32) for point in points}

    def newest(self, limit: int, *, where: Where | None = None) -> list[ImageRecord]:
        return newest_first(self._page, limit, where)

    def _page(self, where: Filter, limit: int, by_date: bool) -> list[ImageRecord]:
        order = q.OrderBy("date", q.Direction.Desc) if by_date else None
        request = q.ScrollRequest(limit=limit, filter=_filter(where), with_payload=True, order_by=order)
        with engine_errors(self.name):
            points, _ = self._shard.scroll(request)
        return [to_record(str(point.id), point.payload or {}) for point in points]

    def public_url(self) -> str | None:
        with engine_errors(self.name):
            points, _ = self._shard.scroll(q.ScrollRequest(limit=1, with_payload=True, with_vector=False))
        return public_url_of(points[0].payload or {}) if points else None

    def scan(self, where: Where | None = None) -> Iterator[tuple[ImageRecord, NDArray[np.float32]]]:
        for point in self._points(where, with_vector=True):
            yield to_record(str(point.id), point.payload or {}), np.asarray(point.vector, np.float32)

    def records(self, where: Where | None = None) -> Iterator[ImageRecord]:
        for point in self._points(where, with_vector=False):
            yield to_record(str(point.id), point.payload or {})

    def _points(self, where: Where | None, *, with_vector: bool) -> Iterator[q.Record]:
        """Yield every point with its payload, in the order of the ids."""
        offset = None
        while True:
            request = q.ScrollRequest(
                offset=offset, limit=_PAGE, filter=_filter(where), with_payload=True, with_vector=with_vector
            )
            with engine_errors(self.name):
                points, offset = self._shard.scroll(request)
            yield from points
            if offset is None:
                return

    def count(self, where: Where | None = None) -> int:
        with engine_errors(self.name):
            return self._shard.count(q.CountRequest(exact=True, filter=_filter(where)))

    def facet(self, key: str, limit: int = 20, *, least: int = 1) -> dict[str | int, int]:
        check_facet(key)
        with engine_errors(self.name):
            hits = self._shard.facet(q.FacetRequest(key=key, limit=limit, exact=True)).hits
        return {hit.value: hit.count for hit in hits if hit.count >= least}

    def is_current(self) -> bool:
        return self._folder is None or published_state(self._folder) == self.generation

    def close(self) -> None:
        self._shard.close()


def collections_folder(settings: Settings) -> Path:
    """Return where the embedded collections are."""
    return settings.data_dir / "collections"


def read_spec(generation: Path, name: str) -> Spec:
    """Return the spec of a generation of the collection `name`."""
    try:
        values = json.loads((generation / SPEC).read_text())
        if not isinstance(values, dict):
            raise ValueError("not a JSON object")
    except (OSError, ValueError) as error:
        raise CollectionError(
            f"collection {name} is damaged ({generation / SPEC}: {error}); restore a backup, or remove its folder"
        ) from error
    return Spec.from_dict(values, name)


def load_shard(generation: Path) -> q.EdgeShard:
    """Open the engine's part of a generation."""
    folder = generation / SHARD
    # What a crash in the middle of optimize() leaves; the engine would keep it for ever.
    shutil.rmtree(folder / "temp_segments", ignore_errors=True)
    if folder.is_dir() and not os.access(folder, os.W_OK):
        raise CollectionError(f"{folder} is read-only, and the engine writes there when it opens; allow writing")
    with engine_errors(generation.parent.name):
        return q.EdgeShard.load(str(folder))


def get_records(shard: q.EdgeShard, ids: Sequence[str]) -> dict[str, ImageRecord]:
    """Return the pictures with these ids, those that are there."""
    points = shard.retrieve([UUID(id) for id in ids], with_payload=True, with_vector=False)
    return {str(point.id): to_record(str(point.id), point.payload or {}) for point in points}


def get_vectors(shard: q.EdgeShard, ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """Return the vectors of the pictures with these ids, those that are there."""
    points = shard.retrieve([UUID(id) for id in ids], with_payload=False, with_vector=True)
    return {str(point.id): np.asarray(point.vector, np.float32) for point in points}


def scan_records(shard: q.EdgeShard) -> Iterator[ImageRecord]:
    """Yield every picture, in the order of the ids."""
    offset = None
    while True:
        points, offset = shard.scroll(q.ScrollRequest(offset=offset, limit=_PAGE, with_payload=True))
        for point in points:
            yield to_record(str(point.id), point.payload or {})
        if offset is None:
            return


def _filter(where: Where | None) -> q.Filter | None:
    wanted = as_filter(where)
    if not wanted:
        return None
    unwanted = [_condition(condition) for condition in wanted.must_not]
    without = [q.HasIdCondition({UUID(id) for id in wanted.without})] if wanted.without else []
    within = [] if wanted.within is None else [q.HasIdCondition({UUID(id) for id in wanted.within})]
    must = [_condition(condition) for condition in wanted.must]
    either = [q.Filter(should=[_filter(each) or q.Filter() for each in choice]) for choice in wanted.either]
    neither = [_filter(each) or q.Filter() for each in wanted.neither]
    return q.Filter(must=[*must, *within, *either], must_not=[*unwanted, *without, *neither])


def _condition(condition: Condition) -> q.FieldCondition | q.IsEmptyCondition:
    key, wanted = condition
    if wanted is None:
        return q.IsEmptyCondition(key)
    if isinstance(wanted, Mapping):
        kind = q.RangeDateTime if INDEXED_KEYS.get(key) == "datetime" else q.RangeFloat
        return q.FieldCondition(key=key, range=kind(**wanted))
    if isinstance(wanted, str | int):
        return q.FieldCondition(key=key, match=q.MatchValue(wanted))
    return q.FieldCondition(key=key, match=q.MatchAny(wanted))


@contextlib.contextmanager
def engine_errors(name: str) -> Iterator[None]:
    """Turn what the engine raises, bare exceptions told apart by their text only, into our own."""
    try:
        yield
    except Exception as error:
        remedy = "free some space" if "No space left" in str(error) else "see that its folder is whole and yours"
        raise CollectionError(f"collection {name}: the engine says: {error}; {remedy}") from error
