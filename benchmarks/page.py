"""Serves a collection's page from a thread or a process, for measurements and screenshots."""

import contextlib
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.request import urlopen

import httpx
import uvicorn

from gallery.settings import Settings
from search.collections import Collections
from search.current import NotReadyError
from search.engine import SearchEngine
from search.towers import Towers
from search.web.api import create_app
from search.web.serve import batching, listen


@contextlib.contextmanager
def served(settings: Settings, collection: str, towers: Towers | None = None) -> Iterator[str]:
    """Serve a collection with its own encoder, or with another; yield the address once it answers."""

    def opener(name: str, before: SearchEngine | None) -> SearchEngine:
        return SearchEngine.open(settings, name, text_encoder=towers, before=before, prepared=batching)

    collections = Collections(collection, lambda: [collection], opener)
    with listen("127.0.0.1", 0) as listening:
        config = uvicorn.Config(
            create_app(collections, settings),
            log_level="warning",
            access_log=False,
            h11_max_incomplete_event_size=2**20,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not _opens(collections):
                time.sleep(0.1)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def _opens(collections: Collections) -> bool:
    try:
        collections.engine()
    except NotReadyError:
        return False
    return True


@contextlib.contextmanager
def page_running(environment: Mapping[str, str], options: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Run `search --serve` on a free port; yield its address and its process id once its model answers."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    command = [sys.executable, "-m", "search", "--serve", "--port", str(port), *options]
    page = subprocess.Popen(command, env=dict(environment), stderr=subprocess.DEVNULL)
    try:
        while page.poll() is None:
            with contextlib.suppress(OSError), urlopen(f"http://127.0.0.1:{port}/ready") as answer:
                if answer.status == 200:
                    break
            time.sleep(0.2)
        else:
            raise SystemExit("the page did not start")
        yield f"http://127.0.0.1:{port}", page.pid
    finally:
        page.send_signal(signal.SIGTERM)
        page.wait(30)


def picture_query(address: str, path: Path) -> None:
    """Search a page with a picture file."""
    httpx.post(f"{address}/api/search/image", files={"file": path.read_bytes()}, timeout=60).raise_for_status()
