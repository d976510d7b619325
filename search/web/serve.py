"""The page, served: one process, one model, until it is told to stop."""

import asyncio
import ipaddress
import secrets
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from gallery.errors import BadInput
from gallery.settings import Settings
from gallery.stores import open_store
from search.collections import Collections, check_choice
from search.engine import SearchEngine
from search.request import Request
from search.towers import Towers
from search.web.api import create_app
from search.web.batching import BatchingTexts
from search.web.limits import LOCAL, Limits
from search.web.logs import log_to_stderr
from search.web.running import noted

SECONDS_TO_END, SECONDS_FOR_HEAD = 5, 10.0
_CONNECTIONS = 512


def serve(
    settings: Settings,
    name: str | None,
    host: str,
    port: int,
    say: Callable[[str], None],
    changes: Path | None = None,
    *,
    hide_places: bool = False,
    allow_no_token: bool = False,
) -> None:
    """Serve all collections until the process is told to stop.

    Args:
        settings: Folders, addresses and the device.
        name: The collection for addresses that name none. Default: the only one, or else `photos`.
        host: Where to listen.
        port: Where to listen; 0 for any.
        say: Called with messages for the user.
        changes: Folder for pictures that are added through the API; without it, none can be added.
        hide_places: Hide from visitors the coordinates at which pictures were taken.
        allow_no_token: Let other machines reach the page although no token is set.

    Raises:
        BadInput: The address cannot be listened on, or other machines could reach a page without a token.
        CollectionError: There are others, but none of that name, or none can be chosen.
    """
    is_local = _is_loopback(host)
    if not (is_local or settings.search_token or allow_no_token):
        raise BadInput(
            f"with --host {host} other machines can see the pictures: set SEARCH_TOKEN to the password that they need, "
            "or add --allow-no-token to let everyone look"
        )
    log_to_stderr(settings.log_level)
    store = open_store(settings)
    names = store.names()
    # Only the overview also lists collections in which nothing can be searched yet, and it opens all of them.
    if name is None or (name not in names and name not in [info.name for info in store.overview()]):
        check_choice(names, name)

    def opener(one: str, loaded: Sequence[SearchEngine]) -> SearchEngine:
        return opened(settings, one, loaded, say)

    collections = Collections(name, store.names, opener)
    first = collections.first
    listening = listen(host, port)
    port = listening.getsockname()[1]
    public = urlsplit(settings.public_url or "").hostname
    hosts = tuple({*LOCAL, host.lower(), *([public.lower()] if public else [])}) if is_local else None
    limits = Limits(token=settings.search_token, hosts=hosts, shares_thumbnails=settings.public_url is not None)
    secret = secrets.token_hex(32)
    app = create_app(collections, settings, limits, secret=secret, changes=changes, hide_places=hide_places)
    config = uvicorn.Config(
        app,
        http=PatientProtocol,
        log_config=None,
        access_log=False,  # it holds queries
        server_header=False,
        h11_max_incomplete_event_size=2**20,  # for long percent-encoded queries; longer ones get a plain error
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=SECONDS_TO_END,
    )
    # When it has ended its requests, uvicorn raises the signal once more: that must not skip the end of this block.
    signal.signal(signal.SIGTERM, _end)
    # The owner's commands show everything, so they do not use a page that hides something.
    known = nullcontext() if hide_places else noted(settings, address(host, port), secret)
    with suppress(KeyboardInterrupt), listening, known:
        say(f"{first} is at {address(host, port)} until Ctrl-C; the encoder is being loaded meanwhile.")
        if first not in names:
            say("Nothing is indexed there yet; pictures appear once you run ingest FOLDER.")
        if others := [other for other in names if other != first]:
            say(f"Other collections are at {address(host, port)}c/NAME/: {', '.join(others)}.")
        if hosts is None and not settings.search_token:
            say("Anyone who can reach this machine can see the pictures.")
        uvicorn.Server(config).run(sockets=[listening])


def address(host: str, port: int) -> str:
    """Return the page's address for a browser on this machine."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}/"


def batching(towers: Towers) -> Towers:
    """Return towers for many threads."""
    towers.texts = BatchingTexts(towers.texts)
    return towers


def opened(settings: Settings, name: str, loaded: Sequence[SearchEngine], say: Callable[[str], None]) -> SearchEngine:
    """Open a collection's current state; an encoder that is loaded already is not loaded again."""
    engine = SearchEngine.open(settings, name, loaded=loaded, prepared=batching, say=say)
    engine.least_score()
    engine.answer(Request(q="a picture", limit=1))  # the first answer of an encoder takes longest
    return engine


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


class PatientProtocol(H11Protocol):
    """Closes connections whose request's head does not come within `SECONDS_FOR_HEAD`."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start waiting for a head."""
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """Take a part of a request."""
        self._await_head()
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._come()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._come()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(SECONDS_FOR_HEAD, self.transport.close)

    def _come(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens at an address.

    Raises:
        BadInput: The address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Where TCP is not named, asyncio leaves Nagle's algorithm on, and each answer comes 40 ms late.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(2048)  # listen at once: two processes can bind a port, but only one can listen
    except OSError as error:
        listening.close()
        raise BadInput(
            f"{host} port {port} cannot be used ({error.strerror or error}); give another --port or --host"
        ) from error
    return listening


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
