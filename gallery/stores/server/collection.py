"""Collections on a Qdrant server or cluster, to be searched.

A server limits the points per request, so larger requests are split. Points that other programs wrote are skipped.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from qdrant_client import models

from gallery.errors import CollectionError
from gallery.records import Hit, ImageRecord
from gallery.spec import Spec
from gallery.stores.common import best_first, check_facet, count_values, newest_first
from gallery.stores.contract import Progress
from gallery.stores.filters import Filter, Where
from gallery.stores.payload import public_url_of, to_record
from gallery.stores.server.connection import Link, NotThere
from gallery.stores.server.directory import Directory
from gallery.stores.server.filtering import to_filter
from gallery.stores.server.options import Limits
from gallery.stores.words import WORDS, weights_of_query

_LOG = logging.getLogger(__name__)
_PAGE = 500
_ASKED_AT_ONCE = 1000
_DENSE = [""]
"""The names of the vectors to read: the dense one is unnamed."""

T = TypeVar("T")


class ServerCollection:
    """A collection on a server, for searching.

    It keeps to the points that it was opened with: once a new encoder has replaced them, it stops answering, because
    the two encoders' vectors cannot be compared.
    """

    def __init__(self, name: str, target: str, link: Link, *, every_replica: bool = False) -> None:
        """Open a collection.

        Args:
            name: What users call it.
            target: Where its points lie.
            link: The connection.
            every_replica: Count a picture as present only if all answering replicas have it.

        Raises:
            SpecMismatch: It was not made by ingest.
            CollectionError: It does not exist, or cannot be read.
        """
        self.name = name
        self.target = target
        info = link.call(link.client.get_collection, target)
        metadata = info.config.metadata or {}
        self.generation: str | None = _generation(target, metadata)
        self.progress = Progress(**metadata["progress"]) if metadata.get("progress") else None
        self.spec = Spec.from_dict(metadata, name)
        changed = str(metadata.get("changed"))
        self.changed_at = f"{changed[:19]}Z" if "T" in changed else None  # earlier versions stored an id there
        self.limits = Limits.of(info.config.strict_mode_config)
        self._indexed = info.payload_schema.keys()
        self.has_words = WORDS in (info.config.params.sparse_vectors or {})
        self._link = link
        self._call = link.call
        self._client = link.client
        self._every_replica = every_replica and (info.config.params.replication_factor or 1) > 1
        self._warned = False

    def nearest(
        self,
        vector: NDArray[np.float32],
        limit: int,
        *,
        where: Where | None = None,
        min_score: float | None = None,
        exact: bool = False,
    ) -> list[Hit]:
        params = self.limits.search_params(exact=exact)
        return self._ranked(limit, where, query=vector.tolist(), score_threshold=min_score, search_params=params)

    def by_words(self, text: str, limit: int, *, where: Where | None = None) -> list[Hit]:
        indices, values = weights_of_query(text)
        words = models.SparseVector(indices=indices, values=values)
        return self._ranked(limit, where, query=words, using=WORDS) if indices else []

    def _ranked(
        self,
        limit: int,
        where: Where | None,
        **options: Any,  # noqa: ANN401 - the client's own
    ) -> list[Hit]:
        found: dict[str, Hit] = {}
        seen = 0
        while len(found) < limit:
            size = min(limit - len(found), self.limits.hits)
            points = self._read(
                self._client.query_points,
                limit=size,
                offset=seen,
                query_filter=to_filter(where),
                with_payload=True,
                **options,
            ).points
            # A deeper search may find new hits, and return a hit again.
            for point in points:
                if record := self._record(point):
                    found[record.id] = Hit(record, point.score)
            seen += len(points)
            if len(points) < size:
                break
        return best_first(found.values())

    def get(self, ids: Sequence[str]) -> dict[str, ImageRecord]:
        records = map(self._record, self._retrieve(ids, with_payload=True))
        return {record.id: record for record in records if record}

    def present(self, ids: Sequence[str]) -> set[str]:
        return {str(point.id) for point in self._retrieve(ids, with_payload=False)}

    def vectors(self, ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        points = self._retrieve(ids, with_payload=False, with_vectors=_DENSE)
        return {str(point.id): _dense(point) for point in points}

    def newest(self, limit: int, *, where: Where | None = None) -> list[ImageRecord]:
        return newest_first(self._page, limit, where, self.limits.hits)

    def _page(self, where: Filter, limit: int, by_date: bool) -> list[ImageRecord]:
        if by_date:
            order = models.OrderBy(key="date", direction=models.Direction.DESC)
            return self._records(self._scroll(_ours(where), limit, order_by=order)[0])
        found: list[ImageRecord] = []
        for points in self._pages(where, min(limit, self.limits.hits)):
            found += self._records(points)
            if len(found) >= limit:
                break
        return found[:limit]

    def public_url(self) -> str | None:
        points, _ = self._scroll(None, 1)
        return public_url_of(points[0].payload or {}) if points else None

    def scan(self, where: Where | None = None) -> Iterator[tuple[ImageRecord, NDArray[np.float32]]]:
        for points in self._pages(where, min(_PAGE, self.limits.hits), with_vectors=_DENSE):
            for point in points:
                if record := self._record(point):
                    yield record, _dense(point)

    def records(self, where: Where | None = None) -> Iterator[ImageRecord]:
        for points in self._pages(where, min(_PAGE, self.limits.hits), with_vectors=False):
            yield from self._records(points)

    def _pages(
        self,
        where: Where | None,
        size: int,
        **options: Any,  # noqa: ANN401 - the client's own
    ) -> Iterator[list[models.Record]]:
        """Yield all points in the order of ids, `size` at a time."""
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
        return self._read(
            self._client.scroll, scroll_filter=to_filter(where), limit=limit, **{"with_payload": True, **options}
        )

    def count(self, where: Where | None = None) -> int:
        if not self.limits.exact:  # also limits counting
            return sum(map(len, self._pages(where, self.limits.hits, with_payload=False)))
        return self._read(self._client.count, count_filter=to_filter(where), exact=True).count

    def facet(self, key: str, limit: int = 20, *, least: int = 1, where: Where | None = None) -> dict[str | int, int]:
        check_facet(key)
        if self._indexed and key not in self._indexed:  # from an earlier version, which had no such key
            return {}
        counts: dict[str | int, int] = {}
        if self.limits.exact:
            # Every shard cuts its own list at the limit, so a short one would be wrong by what the others cut off.
            wanted = to_filter(where)
            hits = self._read(self._client.facet, key=key, facet_filter=wanted, limit=self.limits.hits, exact=True).hits
            counts = {hit.value: hit.count for hit in hits}
        if not self.limits.exact or len(counts) >= self.limits.hits:
            # There may be more values than the server returns, so they are counted here.
            pages = self._pages(where, self.limits.hits, with_payload=[key])
            counts = count_values((point.payload for points in pages for point in points), key)
        most = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))[:limit]
        return {value: count for value, count in most if count >= least}

    def is_current(self) -> bool:
        target = Directory(self._link).target_of(self.name)
        return target == self.target and _generation(target, self._link.metadata(target)) == self.generation

    def close(self) -> None:
        """Do nothing: the connection belongs to the store."""

    def _read(self, function: Callable[..., T], **options: Any) -> T:  # noqa: ANN401 - the client's own
        try:
            return self._call(function, self.target, **options)
        except NotThere as error:
            raise CollectionError(
                f"what collection {self.name} led to is there no more: it was dropped, or has another encoder now; "
                "try again"
            ) from error

    def _retrieve(self, ids: Sequence[str], **options: Any) -> list[models.Record]:  # noqa: ANN401 - the client's own
        """Return the points with these ids, in requests small enough for any server."""
        found: list[models.Record] = []
        for start in range(0, len(ids), _ASKED_AT_ONCE):
            found += self._retrieved(list(ids[start : start + _ASKED_AT_ONCE]), **options)
        return found

    def _retrieved(self, ids: list[str], **options: Any) -> list[models.Record]:  # noqa: ANN401 - the client's own
        if self._every_replica:
            try:
                return self._call.once(
                    self._client.retrieve, self.target, ids=ids, consistency=models.ReadConsistencyType.ALL, **options
                )
            except NotThere:
                raise
            except CollectionError:
                _LOG.debug("A replica of %s is away: the others answer.", self.target)
        return self._read(self._client.retrieve, ids=ids, **options)

    def _records(self, points: Sequence[models.Record]) -> list[ImageRecord]:
        return [record for record in map(self._record, points) if record]

    def _record(self, point: models.Record | models.ScoredPoint) -> ImageRecord | None:
        """Return the picture in a point; None for a point that another program wrote."""
        try:
            return to_record(str(point.id), point.payload or {})
        except (KeyError, TypeError, ValueError, AttributeError):
            if not self._warned:
                self._warned = True
                _LOG.warning("Point %s of %s was not written by ingest; such points are left out.", point.id, self.name)
            return None


def _dense(point: models.Record) -> NDArray[np.float32]:
    vector: Any = point.vector
    return np.asarray(vector[""] if isinstance(vector, dict) else vector, np.float32)


def _generation(target: str, metadata: Mapping[str, Any]) -> str:
    """Return a mark that changes with every ingest and change of the encoder."""
    return f"{target} {metadata.get('changed') or metadata.get('made')}"


def _ours(where: Filter) -> Filter:
    """Pass only points with a date: sorting by date drops the others, but counts them in a page."""
    return where & Filter(must_not=(("sha256", None),))
