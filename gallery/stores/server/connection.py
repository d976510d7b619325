"""The connection to a Qdrant server or cluster: retries, and errors in a sentence that fits their cause."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ParamSpec, TypeVar

import grpc
import tenacity
from qdrant_client import QdrantClient
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from gallery.errors import CollectionError, Unreachable

SEARCH_PATIENCE, INGEST_PATIENCE = 10.0, 90.0
"""Seconds for which a search or an ingest keeps retrying a server that has stopped answering."""
_AWAY = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.ABORTED,
)
_REFUSED = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)
_REPLIES = (grpc.RpcError, ResourceExhaustedResponse, ResponseHandlingException, UnexpectedResponse)

P = ParamSpec("P")
T = TypeVar("T")


class NotThere(CollectionError):
    """The server does not have a collection or a point."""


class AnyNode:
    """The nodes of a cluster as one client: each answers for all, so if one is down, a call goes to the next.

    A write that a node accepted before it went down is repeated on the next, which is harmless, because ids depend on
    contents. Thread-safe.
    """

    def __init__(self, nodes: Sequence[Any]) -> None:
        self.nodes = nodes
        self._current = 0
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever the client's function takes and gives
            for attempt in range(len(self.nodes)):
                node = self._current
                try:
                    return getattr(self.nodes[node], name)(*args, **kwargs)
                except Exception as error:
                    if not is_away(error) or attempt == len(self.nodes) - 1:
                        raise
                    with self._lock:
                        if self._current == node:  # no other thread has noticed before
                            self._current = (node + 1) % len(self.nodes)
            raise AssertionError

        return call

    def close(self) -> None:
        """Close all connections."""
        for node in self.nodes:
            node.close()


class Caller:
    """Calls the server; while it cannot be reached, retries at growing intervals, and finally reports it."""

    def __init__(self, address: str, patience: float, *, writing: bool = False) -> None:
        """Take the server's name for messages, and the limits.

        Args:
            address: The address in messages; it cannot contain a password.
            patience: Seconds during which to retry.
            writing: A cluster with nodes going up and down returns temporary internal errors: writes retry these,
                searches do not.
        """
        self.address = address
        self._patience = patience
        self._passing = is_passing if writing else is_away

    def __call__(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return the result of `function`.

        Raises:
            NotThere: The server does not have the requested object.
            CollectionError: The server refuses, or is down.
        """
        return self.insist(self._passing, self._patience, function, *args, **kwargs)

    def once(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return the result of `function`, retrying only while no node can be reached; raises like a call."""
        return self.insist(is_away, self._patience, function, *args, **kwargs)

    def soon(self, seconds: float, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return the result of `function` for something that is being created, and will exist in some seconds."""
        return self.insist(_is_not_ready, seconds, function, *args, **kwargs)

    def insist(
        self,
        passing: Callable[[BaseException], bool],
        seconds: float,
        function: Callable[P, T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Return the result of `function`, retrying temporary errors for some seconds."""
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(passing),
            wait=tenacity.wait_exponential(multiplier=0.25, max=2),
            stop=tenacity.stop_before_delay(seconds),
            reraise=True,
        )
        try:
            return retrying(function, *args, **kwargs)
        except (*_REPLIES, ValueError) as error:
            if isinstance(error, ValueError) and not _is_not_there(error):
                raise
            raise self._sentence(error) from error

    def _sentence(self, error: Exception) -> CollectionError:
        said = f"the Qdrant server at {self.address} says: {' '.join(_reason(error).split())[:300]}"
        if _is_not_there(error):
            return NotThere(said)
        if _code(error) in _REFUSED or _status(error) in (401, 403):
            keys = "QDRANT_API_KEY, or with --copy-to QDRANT_COPY_API_KEY"
            return CollectionError(f"{said}; check the key for it ({keys}), and what it allows")
        if is_away(error):
            return Unreachable(f"{said}; check that it runs (make up) and that QDRANT_URL is right")
        if is_passing(error):
            return CollectionError(f"{said}; see the server's log, and run again")
        return CollectionError(said)


def _reason(error: Exception) -> str:
    if isinstance(error, grpc.Call):
        return str(error.details())
    if isinstance(error, UnexpectedResponse):
        try:
            return str(error.structured()["status"]["error"])
        except (ValueError, LookupError, TypeError):
            return str(error)
    return str(error)


def is_away(error: BaseException) -> bool:
    """Return whether a node cannot be reached at the moment, or is overloaded."""
    if isinstance(error, grpc.Call):
        return error.code() in _AWAY
    if isinstance(error, UnexpectedResponse):
        return error.status_code in (408, 429, 502, 503, 504)
    return isinstance(error, ResponseHandlingException | ResourceExhaustedResponse)


def is_passing(error: BaseException) -> bool:
    """Return whether the same call may succeed later, as when other nodes of a cluster are down."""
    return is_away(error) or _code(error) == grpc.StatusCode.INTERNAL or _status(error) == 500


def _is_not_there(error: BaseException) -> bool:
    if isinstance(error, ValueError):  # the client in memory
        return "not found" in str(error)
    return isinstance(error, NotThere) or _code(error) == grpc.StatusCode.NOT_FOUND or _status(error) == 404


def _is_not_ready(error: BaseException) -> bool:
    return is_passing(error) or _is_not_there(error)


def _code(error: BaseException) -> grpc.StatusCode | None:
    return error.code() if isinstance(error, grpc.Call) else None


def _status(error: BaseException) -> int | None:
    return error.status_code if isinstance(error, UnexpectedResponse) else None


@dataclass(frozen=True, slots=True)
class Link:
    """A client and how to call it.

    Attributes:
        client: The client of one server, or of any node of a cluster.
        nodes: How many addresses there are.
    """

    client: QdrantClient
    call: Caller
    nodes: int = 1

    def clients(self) -> list[QdrantClient]:
        """Return a client for each node."""
        return list(self.client.nodes) if isinstance(self.client, AnyNode) else [self.client]

    def impatient(self) -> "Link":
        """Return a link without retries, for calls that may fail."""
        return replace(self, call=Caller(self.call.address, 0))

    def metadata(self, collection: str) -> dict[str, Any]:
        """Return the metadata of a collection."""
        return self.call(self.client.get_collection, collection).config.metadata or {}
