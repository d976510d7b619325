"""The page, served: one process, one model, until it is told to stop."""

import ipaddress
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from urllib.parse import urlsplit

import uvicorn

from gallery.calibration import calibration_state, load_calibration
from gallery.errors import BadInput
from gallery.settings import Settings
from gallery.stores.collection import ImageCollection, open_collection
from search.engine import SearchEngine
from search.strict import strict_score
from search.towers import Towers
from search.web.api import create_app
from search.web.batching import BatchingTexts
from search.web.limits import Limits, local_hosts
from search.web.live import Live, Opened
from search.web.service import collection_name, remove_note, write_note

SECONDS_TO_END = 5
_CONNECTIONS = 512


def serve(settings: Settings, name: str | None, host: str, port: int, say: Callable[[str], None]) -> None:
    """Serve one collection until the process is told to stop.

    Raises:
        BadInput: The address cannot be listened on.
        CollectionError: There is none of that name, or none can be chosen.
    """
    name = collection_name(settings, name)
    listening = listen(host, port)
    port = listening.getsockname()[1]

    def open_towers(collection: ImageCollection) -> Towers:
        return Towers.of_collection(collection, settings, None, say)

    live = Live(lambda before: opened_now(settings, name, before, open_towers))
    public = urlsplit(settings.public_url or "").hostname
    hosts = local_hosts(public) if _is_loopback(host) else None
    app = create_app(live, settings, Limits(token=settings.search_token, hosts=hosts))
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        h11_max_incomplete_event_size=2**20,  # a long query in percent signs; beyond that it answers in plain text
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=SECONDS_TO_END,
    )
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    # When it has ended its requests, uvicorn raises the signal once more: that must not skip the end of this block.
    signal.signal(signal.SIGTERM, _end)
    with suppress(KeyboardInterrupt), listening, _noted(settings, name, host, port):
        say(f"{name} is at {address(host, port)} until Ctrl-C; the model is being loaded meanwhile.")
        if hosts is None and not settings.search_token:
            say("Whoever reaches this machine may look at the pictures: set SEARCH_TOKEN to ask for a password.")
        uvicorn.Server(config).run(sockets=[listening])


def address(host: str, port: int) -> str:
    """Return the page's address for a browser on this machine."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}/"


def opened_now(
    settings: Settings, name: str, before: Opened | None, open_towers: Callable[[ImageCollection], Towers]
) -> Opened:
    """Open the collection as it is now; the model stays unless the collection is of another."""
    collection = open_collection(settings, name)
    if before and before.collection.spec == collection.spec:
        towers = before.engine.towers
    else:
        towers = open_towers(collection)
        towers.texts = BatchingTexts(towers.texts)
    spec = towers.texts.spec
    state = calibration_state(settings, spec)  # before it is read: what comes meanwhile is noticed later
    calibration = load_calibration(settings, spec)
    engine = SearchEngine(towers, collection, calibration, settings)
    least_score = strict_score(towers.texts, collection, settings, calibration)
    opened = Opened(engine, collection, least_score, lambda: calibration_state(settings, spec) == state)
    opened.engine.search("a picture", 1)  # the first answer of a model takes longest
    return opened


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to an address.

    Raises:
        BadInput: The address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Where TCP is not named, asyncio leaves Nagle's algorithm on, and each answer comes 40 ms late.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise BadInput(f"{host} port {port} cannot be listened on ({error}); give another --port or --host") from error
    return listening


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def _noted(settings: Settings, name: str, host: str, port: int) -> Iterator[None]:
    """Tell the command of this machine where the page is, while it is there."""
    write_note(settings, name, address(host, port))
    try:
        yield
    finally:
        remove_note(settings, name)
