"""A model hub on 127.0.0.1: it lists repositories, sends large files through a second host, and fails on request."""

import contextlib
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = 10_000
"""Files from this size on lie on the second host, as those in LFS do."""


@dataclass
class TinyHub:
    """What the server gives, and what it was asked.

    Attributes:
        repositories: Name of a repository -> its files.
        breaks: Names of files -> after how many bytes each of the next connections ends, as long as there are any.
        silent: Names of files, or `api`, that are never answered.
        refusals: Name of a repository -> status and error code.
        asked: Method, path and headers of each request.
    """

    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    breaks: dict[str, list[int]] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    refusals: dict[str, tuple[int, str]] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    endpoint: str = ""
    second: str = ""

    def add(self, repository: str, folder: Path) -> None:
        """Serve the files of a folder."""
        self.repositories[repository] = {
            path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
        }

    def downloads(self) -> list[str]:
        """Return the paths of the files that were sent, with the requested range."""
        return [
            f"{path.rsplit('/', 1)[-1]} {headers.get('Range', '')}".strip()
            for method, path, headers in self.asked
            if method == "GET" and not path.startswith("/api/") and "/resolve/" not in path
        ]


@contextlib.contextmanager
def tiny_hub() -> Iterator[TinyHub]:
    """Serve a hub on two ports of this machine."""
    hub = TinyHub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    servers = [_Server(("127.0.0.1", 0), handler) for _ in range(2)]
    hub.endpoint, hub.second = (f"http://127.0.0.1:{server.server_port}" for server in servers)
    for server in servers:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield hub
    finally:
        hub.silent.clear()
        for server in servers:
            server.shutdown()
            server.server_close()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that gives up on a silent server resets the connection; this is not the server's error."""


class _Handler(BaseHTTPRequestHandler):
    hub: TinyHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(self.path.partition("?")[0])
        self.hub.asked.append((self.command, path, dict(self.headers)))
        if path.startswith("/api/models/"):
            self._list(path.removeprefix("/api/models/").partition("/revision/")[0])
        elif "/resolve/" in path:
            repository, _, rest = path[1:].partition("/resolve/")
            self._resolve(repository, rest.partition("/")[2])
        else:
            repository, _, name = path[1:].partition("/blob/")
            self._send(name, self.hub.repositories[repository][name], {})

    def _list(self, repository: str) -> None:
        self._wait("api")
        if self._refused(repository):
            return
        files = self.hub.repositories[repository]
        siblings = [
            {"rfilename": name, "size": len(content), "blobId": _blob(content)}
            | ({"lfs": {"size": len(content), "sha256": _sha256(content), "pointerSize": 1}} if _large(content) else {})
            for name, content in files.items()
        ]
        answer = {"id": repository, "sha": COMMIT, "siblings": siblings, "private": False, "tags": [], "downloads": 0}
        self._send("", json.dumps(answer).encode(), {"Content-Type": "application/json"})

    def _resolve(self, repository: str, name: str) -> None:
        if self._refused(repository):
            return
        content = self.hub.repositories[repository].get(name)
        if content is None:
            self._error(404, "EntryNotFound")
        elif _large(content):
            self.send_response(302)
            self.send_header("Location", f"{self.hub.second}/{repository}/blob/{name}")
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("X-Linked-Size", str(len(content)))
            self.send_header("X-Linked-Etag", f'"{_sha256(content)}"')
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._send(name, content, {"X-Repo-Commit": COMMIT, "ETag": f'"{_blob(content)}"'})

    def _send(self, name: str, content: bytes, headers: dict[str, str]) -> None:
        self._wait(name)
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if self.command == "HEAD":
            return
        end = len(content)
        if self.hub.breaks.get(name):
            end = start + self.hub.breaks[name].pop(0)
        self.wfile.write(content[start:end])
        self.close_connection = self.close_connection or end < len(content)

    def _refused(self, repository: str) -> bool:
        if repository in self.hub.refusals:
            self._error(*self.hub.refusals[repository])
        elif repository not in self.hub.repositories:
            self._error(401, "RepoNotFound")  # so the real one answers those who may not know
        else:
            return False
        return True

    def _error(self, status: int, code: str) -> None:
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _wait(self, name: str) -> None:
        while name in self.hub.silent:
            time.sleep(0.01)


def _large(content: bytes) -> bool:
    return len(content) >= LARGE


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _blob(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
