"""Collections on a Qdrant server or cluster."""

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import grpc
import numpy as np
import tenacity
from numpy.typing import NDArray
from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from gallery.collection import WantedValue, Where, best_first, check_facet, check_vectors
from gallery.errors import CollectionError
from gallery.journal import Journal
from gallery.payload import INDEXED_KEYS, to_payload, to_record
from gallery.records import Hit, ImageRecord
from gallery.settings import Settings
from gallery.spec import Spec

SEARCH_PATIENCE = 10.0
"""Seconds for which a search asks again when the server does not answer."""
INGEST_PATIENCE = 90.0
INGEST_TIMEOUT = 60.0
"""Seconds to wait for the answer to a write."""
_PAGE = 500
_WRITTEN_AT_ONCE = 256
_PASSING_CODES = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.ABORTED,
)

P = ParamSpec("P")
T = TypeVar("T")


def server_collections(settings: Settings) -> list[str]:
    """Return the names of the server's collections, sorted."""
    client = connect(settings)
    try:
        call = _Caller(settings.qdrant_url, SEARCH_PATIENCE)
        names = {collection.name for collection in call(client.get_collections).collections}
        return sorted(names | {alias.alias_name for alias in call(client.get_aliases).aliases})
    finally:
        client.close()


def open_server(settings: Settings, name: str) -> "ServerCollection":
    """Open a collection of the server to search it."""
    return ServerCollection(name, connect(settings), _Caller(settings.qdrant_url, SEARCH_PATIENCE))


def edit_server(settings: Settings, name: str) -> "ServerEditor":
    """Open a collection of the server to write to it; it need not be there yet."""
    return ServerEditor(name, connect(settings, INGEST_TIMEOUT), settings)


def drop_server(settings: Settings, name: str) -> None:
    """Remove a collection from the server."""
    client = connect(settings)
    try:
        _Caller(settings.qdrant_url, SEARCH_PATIENCE)(client.delete_collection, name)
    finally:
        client.close()


def connect(settings: Settings, timeout: float = SEARCH_PATIENCE) -> QdrantClient:
    """Return a client for the server of the settings, which waits `timeout` seconds for an answer; nothing is sent yet.

    Raises:
        CollectionError: `QDRANT_URL` is no address.
    """
    try:
        address = urlsplit(settings.qdrant_url or "")
        if address.scheme not in ("http", "https") or not address.hostname:
            raise ValueError("it must begin with http:// or https:// and name a host")
        return QdrantClient(
            url=settings.qdrant_url,
            api_key=settings.qdrant_api_key,
            prefer_grpc=True,
            timeout=math.ceil(timeout),
            check_compatibility=False,
        )
    except ValueError as error:
        raise CollectionError(f"QDRANT_URL {settings.qdrant_url!r} is no address: {error}") from error


class ServerCollection:
    """A collection of a server, to be searched."""

    def __init__(self, name: str, client: QdrantClient, call: "_Caller") -> None:
        self.name = name
        self._client = client
        self._call = call
        self.spec = Spec.from_dict(_metadata(client, call, name), name)

    def nearest(
        self,
        vector: NDArray[np.float32],
        limit: int,
        *,
        where: Where | None = None,
        min_score: float | None = None,
        exact: bool = False,
    ) -> list[Hit]:
        answer = self._call(
            self._client.query_points,
            self.name,
            query=vector.tolist(),
            limit=limit,
            query_filter=_filter(where),
            score_threshold=min_score,
            search_params=models.SearchParams(exact=True) if exact else None,
            with_payload=True,
        )
        return best_first(Hit(to_record(str(p.id), p.payload or {}), p.score) for p in answer.points)

    def get(self, ids: Sequence[str]) -> dict[str, ImageRecord]:
        return _get(self._client, self._call, self.name, ids)

    def scan(self, where: Where | None = None) -> Iterator[tuple[ImageRecord, NDArray[np.float32]]]:
        offset = None
        while True:
            points, offset = self._call(
                self._client.scroll,
                self.name,
                scroll_filter=_filter(where),
                limit=_PAGE,
                offset=offset,
                with_payload=True,
                with_vectors=True,
            )
            for point in points:
                yield to_record(str(point.id), point.payload or {}), np.asarray(point.vector, np.float32)
            if offset is None:
                return

    def count(self, where: Where | None = None) -> int:
        return self._call(self._client.count, self.name, count_filter=_filter(where), exact=True).count

    def facet(self, key: str, limit: int = 20) -> dict[str | int, int]:
        check_facet(key)
        answer = self._call(self._client.facet, self.name, key=key, limit=limit, exact=True)
        return {hit.value: hit.count for hit in answer.hits}

    def close(self) -> None:
        self._client.close()


class ServerEditor:
    """A collection of a server that is written to, perhaps by several processes at once.

    Ids are content digests, so they cannot double anything. Two that place copies of one picture at the same moment
    may note only one of the places, until the other file is next looked at.
    """

    def __init__(self, name: str, client: QdrantClient, settings: Settings) -> None:
        self.name = name
        self._client = client
        self._call = _Caller(settings.qdrant_url, INGEST_PATIENCE)
        self._public_url = settings.public_url
        self._journals = settings.data_dir / "journals"
        self.spec: Spec | None = None
        self.journal = Journal(None)
        if self._call(client.collection_exists, name):
            self._adopt()

    def begin(self, spec: Spec) -> None:
        """Make ready to write vectors of `spec`."""
        if self.spec is None:
            self._create(spec)
            self._adopt()
        if self.spec:
            self.spec.check(spec, self.name)
        for key, kind in INDEXED_KEYS.items():  # also on one that is there: a crash may have left it without
            schema = models.PayloadSchemaType(kind)
            self._call(self._client.create_payload_index, self.name, key, field_schema=schema, wait=True)

    def get(self, ids: Sequence[str]) -> dict[str, ImageRecord]:
        return _get(self._client, self._call, self.name, ids)

    def upsert(self, records: Sequence[ImageRecord], vectors: NDArray[np.float32]) -> None:
        check_vectors(vectors, len(records), self.spec.dimension if self.spec else 0)
        if not records:  # the server refuses to do nothing
            return
        points = [
            models.PointStruct(id=record.id, vector=vector.tolist(), payload=to_payload(record, self._public_url))
            for record, vector in zip(records, vectors, strict=True)
        ]
        for start in range(0, len(points), _WRITTEN_AT_ONCE):
            batch = points[start : start + _WRITTEN_AT_ONCE]
            self._call(self._client.upsert, self.name, points=batch, wait=True)

    def update(self, records: Sequence[ImageRecord]) -> None:
        for record in records:
            payload = to_payload(record, self._public_url)
            self._call(self._client.overwrite_payload, self.name, payload=payload, points=[record.id], wait=True)

    def delete(self, ids: Sequence[str]) -> None:
        if ids:
            self._call(self._client.delete, self.name, points_selector=list(ids), wait=True)

    def flush(self) -> None:
        """The server's log is durable once a write has been answered: nothing to do."""

    def finish(self) -> None:
        """Points of a server are seen as soon as they are written: nothing to do."""

    def close(self) -> None:
        self.journal.close()
        self._client.close()

    def _create(self, spec: Spec) -> None:
        try:
            self._call(
                self._client.create_collection,
                self.name,
                vectors_config=models.VectorParams(size=spec.dimension, distance=models.Distance.COSINE),
                metadata={**spec.to_dict(), "made": str(uuid4())},
            )
        except CollectionError:
            if not self._call(self._client.collection_exists, self.name):
                raise  # otherwise another process was faster by a moment

    def _adopt(self) -> None:
        """Take over a collection that is there, with this machine's journal of it.

        The journal goes by the mark that the collection got when it was made, so that it does not speak of a
        collection that has since been dropped and made again.
        """
        metadata = _metadata(self._client, self._call, self.name)
        self.spec = Spec.from_dict(metadata, self.name)
        self._journals.mkdir(parents=True, exist_ok=True)
        self.journal.move_to(self._journals / _journal_name(str(metadata.get("made"))))


class _Caller:
    """Calls the server; asks again, at growing distances, while it cannot be reached, and then says so."""

    def __init__(self, address: str | None, patience: float) -> None:
        self._address = address
        self._retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_is_passing),
            wait=tenacity.wait_exponential(multiplier=0.25, max=10),
            stop=tenacity.stop_after_delay(patience),
            reraise=True,
        )

    def __call__(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return self._retrying(function, *args, **kwargs)
        except (grpc.RpcError, ResourceExhaustedResponse, ResponseHandlingException, UnexpectedResponse) as error:
            reason = error.details() if isinstance(error, grpc.Call) else str(error)
            raise CollectionError(
                f"the Qdrant server at {self._address} says: {' '.join(str(reason).split())[:300]}; "
                "see that it runs (make up) and that QDRANT_URL and QDRANT_API_KEY are right"
            ) from error


def _is_passing(error: BaseException) -> bool:
    if isinstance(error, grpc.Call):
        return error.code() in _PASSING_CODES
    if isinstance(error, UnexpectedResponse):
        return error.status_code in (429, 500, 502, 503, 504)
    return isinstance(error, ResponseHandlingException | ResourceExhaustedResponse)


def _journal_name(made: str) -> str:
    return f"{hashlib.sha256(made.encode()).hexdigest()[:16]}.sqlite"


def _metadata(client: QdrantClient, call: _Caller, name: str) -> dict[str, Any]:
    return call(client.get_collection, name).config.metadata or {}


def _get(client: QdrantClient, call: _Caller, name: str, ids: Sequence[str]) -> dict[str, ImageRecord]:
    points = call(client.retrieve, name, ids=list(ids), with_payload=True)
    return {str(point.id): to_record(str(point.id), point.payload or {}) for point in points}


def _filter(where: Where | None) -> models.Filter | None:
    return models.Filter(must=[_condition(key, wanted) for key, wanted in where.items()]) if where else None


def _condition(key: str, wanted: WantedValue) -> models.FieldCondition:
    if isinstance(wanted, Mapping):
        kind = models.DatetimeRange if INDEXED_KEYS.get(key) == "datetime" else models.Range
        return models.FieldCondition(key=key, range=kind(**wanted))
    if isinstance(wanted, str | int):
        return models.FieldCondition(key=key, match=models.MatchValue(value=wanted))
    return models.FieldCondition(key=key, match=models.MatchAny(any=wanted))
