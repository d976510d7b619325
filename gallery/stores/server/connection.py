"""The connection to a Qdrant server or cluster: addresses, patience, and errors in a sentence."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ParamSpec, TypeVar, cast
from urllib.parse import urlsplit

import grpc
import tenacity
from qdrant_client import QdrantClient
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from gallery.errors import CollectionError
from gallery.settings import Settings

SEARCH_PATIENCE = 10.0
"""Seconds for which a search asks again when the server does not answer."""
_HTTP_PORT = 6333
_PASSING_CODES = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.ABORTED,
)

P = ParamSpec("P")
T = TypeVar("T")


def connect(settings: Settings, timeout: float = SEARCH_PATIENCE) -> QdrantClient:
    """Return a client for the server of the settings, which waits `timeout` seconds for an answer; nothing is sent yet.

    With several addresses in `QDRANT_URL` it stays with the first that answers, until that does not.

    Raises:
        CollectionError: `QDRANT_URL` is no address, or one of several is none.
    """
    clients = [_client(url, settings.qdrant_api_key, timeout) for url in node_urls(settings)]
    return clients[0] if len(clients) == 1 else cast(QdrantClient, AnyNode(clients))


def node_urls(settings: Settings) -> list[str]:
    """Return the addresses of `QDRANT_URL`; one that is empty if there is none."""
    return [url.strip() for url in (settings.qdrant_url or "").split(",") if url.strip()] or [""]


def reading(settings: Settings) -> Settings:
    """Return the settings with the key that may only read in the place of the other, if there is one."""
    return replace(settings, qdrant_api_key=settings.qdrant_read_only_api_key or settings.qdrant_api_key)


def _client(url: str, api_key: str | None, timeout: float) -> QdrantClient:
    try:
        address = urlsplit(url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise ValueError("it must begin with http:// or https:// and name a host")
        return QdrantClient(
            url=url,
            grpc_port=(address.port or _HTTP_PORT) + 1,  # as Qdrant has them, and docker/compose.cluster.yaml
            api_key=api_key,
            prefer_grpc=True,
            timeout=math.ceil(timeout),
            check_compatibility=False,
        )
    except ValueError as error:
        raise CollectionError(f"QDRANT_URL {url!r} is no address: {error}") from error


class AnyNode:
    """The nodes of a cluster as one client: each answers for all, so a call goes to the next when one is away.

    A write that a node took before it went away is written again by the next, which changes nothing: ids are those of
    the contents.
    """

    def __init__(self, clients: Sequence[QdrantClient]) -> None:
        self._clients = clients
        self._current = 0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever the client's function takes and gives
            for attempt in range(len(self._clients)):
                node = self._current
                try:
                    return getattr(self._clients[node], name)(*args, **kwargs)
                except Exception as error:
                    if not _is_passing(error) or attempt == len(self._clients) - 1:
                        raise
                    self._current = (node + 1) % len(self._clients)
            raise AssertionError

        return call

    def close(self) -> None:
        """Let go of all connections."""
        for client in self._clients:
            client.close()


class Caller:
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
        """Return what `function` returns; raises `CollectionError` where the server will not have it."""
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


def read_metadata(client: QdrantClient, call: Caller, name: str) -> dict[str, Any]:
    """Return the metadata of a collection."""
    return call(client.get_collection, name).config.metadata or {}
