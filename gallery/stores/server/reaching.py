"""Reaching a Qdrant server: parses addresses, and checks at once whether a server answers.

First, every address is probed over HTTP, without a key: so a server that is missing, hangs, is not Qdrant or has a
closed gRPC port is reported within about a second, instead of after all retries.
"""

import copy
import http.client
import json
import logging
import math
import socket
import ssl
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, cast
from urllib.parse import SplitResult, urlsplit

from qdrant_client import QdrantClient

from gallery.errors import CollectionError
from gallery.stores.server.connection import AnyNode

_LOG = logging.getLogger(__name__)
_HTTP_PORT = 6333
OLDEST = (1, 18, 3)
"""The oldest version of the server that is tested with."""
_HUNG_AFTER, _ALONE_HUNG_AFTER = 1.0, 10.0
"""Seconds to wait for the probe of a node in a cluster, and of a single server."""
_GRPC_OPTIONS = {  # its own back-off lasts up to two minutes, during which a returned server goes unnoticed
    "grpc.initial_reconnect_backoff_ms": 200,
    "grpc.min_reconnect_backoff_ms": 1000,
    "grpc.max_reconnect_backoff_ms": 2000,
}
_GRPC_OPTIONS_OF_MANY = {  # after 3 s without a ping, a hanging node is given up for another
    **_GRPC_OPTIONS,
    "grpc.keepalive_time_ms": 1000,
    "grpc.http2.max_pings_without_data": 0,
    "grpc.http2.ping_timeout_ms": 2000,
}


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a node's REST port. gRPC uses the next port, as in Qdrant and docker/compose.cluster.yaml."""

    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, url: str) -> "Address":
        """Read an address from QDRANT_URL.

        Raises:
            CollectionError: It is invalid, or has a password or a path, which would be ignored. The message repeats
            neither.
        """
        try:
            parts = urlsplit(url)
            port = parts.port or _HTTP_PORT
        except ValueError as error:
            raise CollectionError(f"QDRANT_URL is not an address: {error}") from error
        if parts.username or parts.password:
            raise CollectionError("QDRANT_URL must hold no user name or password; put the key into QDRANT_API_KEY")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise CollectionError(f"QDRANT_URL {url!r} is not an address: it must begin with http:// or https://")
        if _rest(parts):
            raise CollectionError(f"QDRANT_URL {url!r} must end after the host and the port")
        return cls(parts.scheme, parts.hostname, port)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def _rest(parts: SplitResult) -> str:
    return parts.path.strip("/") + parts.query + parts.fragment


def addresses(url: str | None) -> list[Address]:
    """Return the addresses in QDRANT_URL, which separates a cluster's nodes by commas."""
    urls = [part.strip() for part in (url or "").split(",") if part.strip()]
    return [Address.parse(part) for part in urls]


Greet = Callable[[Address, float], str | None]


def reach(
    nodes: list[Address],
    api_key: str | None,
    timeout: float,
    greet: Greet | None = None,
    *,
    in_order: bool = False,
) -> QdrantClient:
    """Return a client for a server, or for all nodes of a cluster, starting with one that answers.

    Args:
        nodes: Where they listen.
        api_key: The key for the nodes.
        timeout: Seconds to wait for an answer.
        greet: Asks a node for its version; by default over HTTP.
        in_order: Keep the order of a payload's keys, in which the dashboard shows them: REST does so, gRPC does not.
            The nodes of a cluster talk gRPC among themselves, so only a server that is alone can.

    Raises:
        CollectionError: None of them answers, or one is not a Qdrant server.
    """
    first = _first_that_answers(nodes, greet or greeting)
    alone = len(nodes) == 1
    options = {
        "api_key": api_key,
        "prefer_grpc": not (alone and in_order),
        "timeout": math.ceil(timeout),
        "check_compatibility": False,
        "grpc_options": _GRPC_OPTIONS if alone else _GRPC_OPTIONS_OF_MANY,
    }
    clients = [_client(node, options) for node in [*nodes[first:], *nodes[:first]]]
    return clients[0] if len(clients) == 1 else cast(QdrantClient, AnyNode(clients))


def _first_that_answers(nodes: list[Address], greet: Greet) -> int:
    failure = CollectionError("QDRANT_URL names no server")
    patience = [_ALONE_HUNG_AFTER] if len(nodes) == 1 else [_HUNG_AFTER, _ALONE_HUNG_AFTER]
    for seconds in patience:
        for number, node in enumerate(nodes):
            try:
                found = greet(node, seconds)
            except CollectionError as error:
                failure = error
            else:
                _check_version(node, found)
                return number
        if not isinstance(failure, _Hung):
            break
    raise failure


class _Hung(CollectionError):
    """A server accepted the connection but did not answer."""


def greeting(node: Address, seconds: float) -> str | None:
    """Return the version of the server at an address; None if its certificate prevents asking.

    Raises:
        CollectionError: Nothing listens there, it hangs, it is not a Qdrant server, or its gRPC port is closed.
    """
    kind = http.client.HTTPSConnection if node.scheme == "https" else http.client.HTTPConnection
    connection = kind(node.host, node.port, timeout=seconds)
    try:
        connection.request("GET", "/")
        found = json.loads(connection.getresponse().read(10_000))
        if "qdrant" not in str(found["title"]).lower():
            raise ValueError("another title")
        socket.create_connection((node.host, node.port + 1), seconds).close()
        return str(found["version"])
    except ssl.SSLCertVerificationError:
        return None  # gRPC has its own root certificates, GRPC_DEFAULT_SSL_ROOTS_FILE_PATH
    except TimeoutError as error:
        raise _Hung(f"the Qdrant server at {node} does not answer; see its log, or start it again") from error
    except (ssl.SSLError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
        raise CollectionError(f"what answers at {node} is not a Qdrant server; check QDRANT_URL") from error
    except OSError as error:
        raise CollectionError(_nobody(node, error)) from error
    finally:
        connection.close()


def _nobody(node: Address, error: OSError) -> str:
    try:
        socket.create_connection((node.host, node.port), 1).close()
    except OSError:
        return f"no Qdrant server answers at {node} ({error.strerror or error}); start it (make up), or see QDRANT_URL"
    return f"the gRPC port {node.port + 1} of {node} is closed; publish it as well as {node.port}"


def _client(node: Address, options: dict[str, Any]) -> QdrantClient:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Api key is used with an insecure connection")
        return QdrantClient(url=str(node), grpc_port=node.port + 1, **copy.deepcopy(options))  # the client changes them


@cache  # said once, although a command connects for reading and for writing
def _check_version(node: Address, server: str | None) -> None:
    if server and _is_older(server):
        oldest = ".".join(map(str, OLDEST))
        _LOG.warning("The server at %s is Qdrant %s, which was not tested; upgrade it to %s.", node, server, oldest)


def _is_older(version: str) -> bool:
    """Return whether a server's version is older than the oldest that is tested with.

    >>> _is_older("1.17.9"), _is_older("1.18.3"), _is_older("2.0.0"), _is_older("1.19.0-dev"), _is_older("dev")
    (True, False, False, False, False)
    """
    try:
        return tuple(int(part) for part in version.partition("-")[0].split(".")) < OLDEST
    except ValueError:
        return False  # a development version
