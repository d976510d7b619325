"""A page of a collection, served from a thread, for what measures or looks at it."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import uvicorn

from gallery.collection import open_collection
from gallery.encoder import Encoder, load_encoder
from gallery.settings import Settings
from search.api import create_app
from search.batching import BatchingEncoder
from search.engine import SearchEngine
from search.live import Live, Opened


@contextlib.contextmanager
def served(settings: Settings, collection: str, encoder: Encoder | None = None) -> Iterator[str]:
    """Serve a collection with its own encoder, or with another; yield the address once it answers."""

    def opener(_before: Opened | None) -> Opened:
        opened = open_collection(settings, collection)
        batching = BatchingEncoder(encoder or load_encoder(opened.spec.encoder, settings.device))
        return Opened(SearchEngine(batching, opened), batching, opened)

    live = Live(opener)
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listening:
        config = uvicorn.Config(
            create_app(live, settings), log_level="warning", access_log=False, h11_max_incomplete_event_size=2**20
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not live.is_open():
                time.sleep(0.1)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
