"""Collections on a Qdrant server or cluster, to be searched.

A server refuses to give more than `options.MOST_HITS` at once; whoever wants more gets it in parts.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qdrant_client import QdrantClient, models

from gallery.records import Hit, ImageRecord
from gallery.settings import Settings
from gallery.spec import Spec
from gallery.stores.collection import Where, best_first, check_facet, newest_first
from gallery.stores.filters import Condition, Filter, as_filter
from gallery.stores.payload import INDEXED_KEYS, public_url_of, to_record
from gallery.stores.server import connection as server_connection
from gallery.stores.server import options as server_options
from gallery.stores.server.connection import SEARCH_PATIENCE, Caller, read_metadata, reading
from gallery.stores.server.names import listed_names

_PAGE = 500


def server_collections(settings: Settings) -> list[str]:
    """Return the names of the server's collections, sorted."""
    client = server_connection.connect(reading(settings))
    try:
        return listed_names(client, Caller(settings.qdrant_url, SEARCH_PATIENCE))
    finally:
        client.close()


def open_server(settings: Settings, name: str) -> "ServerCollection":
    """Open a collection of the server to search it."""
    return ServerCollection(
        name, server_connection.connect(reading(settings)), Caller(settings.qdrant_url, SEARCH_PATIENCE)
    )


class ServerCollection:
    """A collection of a server, to be searched."""

    def __init__(self, name: str, client: QdrantClient, call: Caller) -> None:
        self.name = name
        self.generation: str | None = None
        self._client = client
        self._call = call
        self.spec = Spec.from_dict(read_metadata(client, call, name), name)

    def nearest(
        self,
        vector: NDArray[np.float32],
        limit: int,
        *,
        where: Where | None = None,
        min_score: float | None = None,
        exact: bool = False,
    ) -> list[Hit]:
        found: dict[str, Hit] = {}
        seen = 0
        while len(found) < limit:
            size = min(limit - len(found), server_options.MOST_HITS)
            points = self._call(
                self._client.query_points,
                self.name,
                query=vector.tolist(),
                limit=size,
                offset=seen,
                query_filter=_filter(where),
                score_threshold=min_score,
                search_params=server_options.search_params(exact=exact),
                with_payload=True,
            ).points
            # A deeper search may find what the one before it did not, and give a hit once more.
            found |= {str(p.id): Hit(to_record(str(p.id), p.payload or {}), p.score) for p in points}
            seen += len(points)
            if len(points) < size:
                break
        return best_first(found.values())

    def get(self, ids: Sequence[str]) -> dict[str, ImageRecord]:
        return get_records(self._client, self._call, self.name, ids)

    def vectors(self, ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        points = self._call(self._client.retrieve, self.name, ids=list(ids), with_payload=False, with_vectors=True)
        return {str(point.id): np.asarray(point.vector, np.float32) for point in points}

    def newest(self, limit: int, *, where: Where | None = None) -> list[ImageRecord]:
        return newest_first(self._page, limit, where, server_options.MOST_HITS)

    def _page(self, where: Filter, limit: int, by_date: bool) -> list[ImageRecord]:
        if by_date:
            order = models.OrderBy(key="date", direction=models.Direction.DESC)
            return _records(self._scroll(where, limit, order_by=order)[0])
        found: list[ImageRecord] = []
        for points in self._pages(where, min(limit, server_options.MOST_HITS)):
            found += _records(points)
            if len(found) >= limit:
                break
        return found[:limit]

    def public_url(self) -> str | None:
        points, _ = self._scroll(None, 1)
        return public_url_of(points[0].payload or {}) if points else None

    def scan(self, where: Where | None = None) -> Iterator[tuple[ImageRecord, NDArray[np.float32]]]:
        for points in self._pages(where, _PAGE, with_vectors=True):
            for point in points:
                yield to_record(str(point.id), point.payload or {}), np.asarray(point.vector, np.float32)

    def records(self, where: Where | None = None) -> Iterator[ImageRecord]:
        for points in self._pages(where, _PAGE, with_vectors=False):
            yield from _records(points)

    def _pages(
        self,
        where: Where | None,
        size: int,
        **options: Any,  # noqa: ANN401 - the client's own
    ) -> Iterator[list[models.Record]]:
        """Yield all points in the order of their ids, `size` at once."""
        offset = None
        while True:
            points, offset = self._scroll(where, size, offset=offset, **options)
            yield points
            if offset is None:
                return

    def _scroll(
        self,
        where: Where | None,
        limit: int,
        **options: Any,  # noqa: ANN401 - the client's own
    ) -> tuple[list[models.Record], Any]:
        """Return a page of points with their payloads, and where the next one begins."""
        return self._call(
            self._client.scroll,
            self.name,
            scroll_filter=_filter(where),
            limit=limit,
            **{"with_payload": True, **options},
        )

    def count(self, where: Where | None = None) -> int:
        return self._call(self._client.count, self.name, count_filter=_filter(where), exact=True).count

    def facet(self, key: str, limit: int = 20, *, least: int = 1) -> dict[str | int, int]:
        check_facet(key)
        most = server_options.MOST_HITS
        hits = self._call(self._client.facet, self.name, key=key, limit=min(limit, most), exact=True).hits
        counts: dict[str | int, int] = {hit.value: hit.count for hit in hits}
        if len(counts) == most < limit and min(counts.values()) >= least:  # there may be more of them
            counts = self._counted(key, limit)
        return {value: count for value, count in counts.items() if count >= least}

    def _counted(self, key: str, limit: int) -> dict[str | int, int]:
        """Count the values of a key here, as there are more than the server would tell."""
        counts: Counter[str | int] = Counter()
        for points in self._pages(None, server_options.MOST_HITS, with_payload=[key]):
            for point in points:
                values = (point.payload or {}).get(key, ())
                counts.update(set(values) if isinstance(values, list | tuple) else (values,))
        return dict(sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))[:limit])

    def is_current(self) -> bool:
        return Spec.from_dict(read_metadata(self._client, self._call, self.name), self.name) == self.spec

    def close(self) -> None:
        self._client.close()


def get_records(client: QdrantClient, call: Caller, name: str, ids: Sequence[str]) -> dict[str, ImageRecord]:
    """Return the pictures with these ids, those that are there."""
    points = call(client.retrieve, name, ids=list(ids), with_payload=True)
    return {str(point.id): to_record(str(point.id), point.payload or {}) for point in points}


def _records(points: Sequence[models.Record]) -> list[ImageRecord]:
    return [to_record(str(point.id), point.payload or {}) for point in points]


def _filter(where: Where | None) -> models.Filter | None:
    wanted = as_filter(where)
    if not wanted:
        return None
    conditions: list[models.Condition] = list(map(_condition, wanted.must))
    if wanted.within is not None:
        conditions.append(models.HasIdCondition(has_id=list(wanted.within)))
    unwanted: list[models.Condition] = list(map(_condition, wanted.must_not))
    if wanted.without:
        unwanted.append(models.HasIdCondition(has_id=list(wanted.without)))
    conditions += [
        models.Filter(should=[_filter(each) or models.Filter() for each in choice]) for choice in wanted.either
    ]
    unwanted += [_filter(each) or models.Filter() for each in wanted.neither]
    return models.Filter(must=conditions, must_not=unwanted)


def _condition(condition: Condition) -> models.FieldCondition | models.IsEmptyCondition:
    key, wanted = condition
    if wanted is None:
        return models.IsEmptyCondition(is_empty=models.PayloadField(key=key))
    if isinstance(wanted, Mapping):
        kind = models.DatetimeRange if INDEXED_KEYS.get(key) == "datetime" else models.Range
        return models.FieldCondition(key=key, range=kind(**wanted))
    if isinstance(wanted, str | int):
        return models.FieldCondition(key=key, match=models.MatchValue(value=wanted))
    return models.FieldCondition(key=key, match=models.MatchAny(any=wanted))
