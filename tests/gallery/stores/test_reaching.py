"""Reaching a server: addresses, probes, and immediate errors."""

import http.server
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from gallery.errors import CollectionError
from gallery.stores.server.reaching import Address, addresses, greeting, reach


@pytest.fixture
def listen() -> Iterator[Callable[[bytes], int]]:
    """Return a function that starts an HTTP server with one answer, and returns its port; the next one listens, too."""
    started: list[http.server.HTTPServer] = []
    others: list[socket.socket] = []

    def start(body: bytes, grpc: bool = True) -> int:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        while True:
            server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
            if not grpc:
                break
            try:
                others.append(socket.create_server(("127.0.0.1", server.server_port + 1)))
                break
            except OSError:
                server.server_close()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        started.append(server)
        return server.server_port

    yield start
    for server in started:
        server.shutdown()
        server.server_close()
    for other in others:
        other.close()


def qdrant(version: str = "1.20.0") -> bytes:
    return json.dumps({"title": "qdrant - vector search engine", "version": version}).encode()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://user:secret@host:6333", "must hold no user name or password"),
        ("http://host:6333/path", "must end after the host and the port"),
        ("host:6333", "must begin with http://"),
        ("http://host:port", "is not an address"),
    ],
)
def test_what_is_no_address_is_refused_and_no_password_repeated(url: str, said: str) -> None:
    with pytest.raises(CollectionError, match=said) as error:
        addresses(f"http://a:1,{url}")
    assert "secret" not in str(error.value)


def test_addresses_are_read() -> None:
    assert [str(address) for address in addresses("http://a, https://b:1/,http://[::1]:2,")] == [
        "http://a:6333",
        "https://b:1",
        "http://[::1]:2",
    ]


def test_a_server_says_its_version(listen: Callable[..., int]) -> None:
    assert greeting(Address("http", "127.0.0.1", listen(qdrant("1.18.3"))), 5) == "1.18.3"


def test_nobody_there_is_said_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    started = time.monotonic()
    with pytest.raises(CollectionError, match=r"no Qdrant server answers at http://127\.0\.0\.1:"):
        reach([Address("http", "127.0.0.1", port)], None, 10)
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("body", [b"<html>", b"{}", b"[1]", json.dumps({"title": "other", "version": "1"}).encode()])
def test_what_is_no_qdrant_is_said(listen: Callable[..., int], body: bytes) -> None:
    with pytest.raises(CollectionError, match="is not a Qdrant server"):
        greeting(Address("http", "127.0.0.1", listen(body)), 5)


def test_a_closed_grpc_port_is_said(listen: Callable[..., int]) -> None:
    port = listen(qdrant(), grpc=False)
    with pytest.raises(CollectionError, match=f"the gRPC port {port + 1} of .* is closed"):
        greeting(Address("http", "127.0.0.1", port), 5)


def test_a_hung_node_is_passed_over_within_seconds(listen: Callable[..., int]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hung:
        nodes = [Address("http", "127.0.0.1", port) for port in (hung.getsockname()[1], listen(qdrant()))]
        started = time.monotonic()
        client = reach(nodes, None, 10)
        assert time.monotonic() - started < 8, "one that is alone gets ten seconds"
        assert client.nodes[0]._client.rest_uri.endswith(str(nodes[1].port))  # type: ignore[attr-defined]
        client.close()


def test_a_version_that_is_too_old_is_said_once(listen: Callable[..., int], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for version in ("1.18.3", "1.17.1", "2.0.0"):
            node = Address("http", "127.0.0.1", listen(qdrant(version)))
            for _ in range(2):  # for reading and for writing
                reach([node], "key", 10).close()
    assert [record.getMessage().split(",")[0].rpartition(" ")[2] for record in caplog.records] == ["1.17.1"]


def test_a_server_that_is_back_is_found_within_seconds(listen: Callable[..., int]) -> None:
    with closing(reach([Address("http", "127.0.0.1", listen(qdrant()))], None, 10)) as client:
        options = client._client._grpc_options  # type: ignore[attr-defined]  # the client shows them nowhere else
    assert options["grpc.max_reconnect_backoff_ms"] <= 2000, "of itself gRPC waits for up to two minutes"
