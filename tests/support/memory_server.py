"""A Qdrant server's double for a whole test: real addresses that greet as a server does, and one database in memory."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version

import pytest
from lasting_client import LastingClient
from qdrant_client import QdrantClient

from gallery.stores.server import reaching


class _Greeting(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"title": "qdrant", "version": version("qdrant-client")}).encode())

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def memory_server(client: QdrantClient | None = None) -> Iterator[str]:
    """Yield the address of a server whose collections are those of `client`, which is closed in the end.

    What it stands in for is `qdrant_client.QdrantClient` alone; everything of ours is the real one.
    """
    client = client or LastingClient(":memory:")
    server, grpc = _two_ports()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(reaching, "QdrantClient", lambda **_: client)
            yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        grpc.close()
        QdrantClient.close(client)


def _two_ports() -> tuple[HTTPServer, socket.socket]:
    """Listen on a free port whose neighbour is free as well: a server takes HTTP on one and gRPC on the next."""
    while True:
        server = HTTPServer(("127.0.0.1", 0), _Greeting)
        try:
            return server, socket.create_server(("127.0.0.1", server.server_port + 1))
        except (OSError, OverflowError):
            server.server_close()
