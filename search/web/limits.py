"""What stands between the network and the app: who may ask, how much, how many at once, and what browsers may do."""

import base64
import binascii
import contextlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from search.web.metrics import Metrics

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

POLICY = (
    "default-src 'none'; img-src 'self' blob:; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
_LOCAL = ("localhost", "127.0.0.1", "[::1]", "testserver")
_UNCAPPED = ("/health", "/ready", "/metrics", "/static/", "/thumbs/")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is too much.

    Attributes:
        token: What clients have to know, as bearer token or as the password of a browser's question; None asks for
            nothing.
        hosts: Names under which the page may be asked for; None for any. Without it a hostile website could point
            its own name to this machine, and read what a browser here gets.
        concurrent: Requests that are answered at once; more get 429.
        upload_bytes: The largest body.
    """

    token: str | None = None
    hosts: tuple[str, ...] | None = None
    concurrent: int = 32
    upload_bytes: int = 20_000_000


def local_hosts(public_host: str | None) -> tuple[str, ...]:
    """Return the names of this machine for itself, and the one under which the page is published."""
    return (*_LOCAL, public_host.lower()) if public_host else _LOCAL


class Gate:
    """The outermost layer of the app."""

    def __init__(self, app: App, limits: Limits, metrics: Metrics) -> None:
        self._app = app
        self._limits = limits
        self._metrics = metrics
        self._busy = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status = time.monotonic(), 500

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *_security_headers(scope["path"])]
            await send(message)

        self._metrics.begin()
        try:
            await self._let_in(scope, receive, note)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            self._metrics.end(route, status, time.monotonic() - start)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        limits = self._limits
        path: str = scope["path"]
        if limits.hosts is not None and _host(headers) not in limits.hosts:
            await _refuse(send, 403, "this name is not one of the page's; set PUBLIC_URL to the page's address")
        elif path != "/health" and not self._knows_token(headers):
            challenge = (b"www-authenticate", b'Basic realm="gallery-search", charset="UTF-8"')
            await _refuse(send, 401, "give SEARCH_TOKEN as bearer token, or as password with any name", challenge)
        elif _length(headers) > limits.upload_bytes:
            await self._refuse_length(send)
        elif path.startswith(_UNCAPPED):
            await self._app(scope, receive, send)
        elif self._busy >= limits.concurrent:
            await _refuse(send, 429, "too many are asking at once; try again in a second", (b"retry-after", b"1"))
        else:
            self._busy += 1
            try:
                await self._app_bounded(scope, receive, send)
            finally:
                self._busy -= 1

    async def _app_bounded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app, but cut off a body that did not say how long it is; whatever the app makes of that."""
        most, came = self._limits.upload_bytes, 0

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > most:
                raise _TooMuchError
            return message

        async def unless_cut(message: Message) -> None:
            if came <= most:
                await send(message)

        with contextlib.suppress(_TooMuchError):
            await self._app(scope, counted, unless_cut)
        if came > most:
            await self._refuse_length(send)

    async def _refuse_length(self, send: Send) -> None:
        await _refuse(send, 413, f"that is over {self._limits.upload_bytes / 1e6:.0f} MB; send a smaller picture")

    def _knows_token(self, headers: dict[bytes, bytes]) -> bool:
        if self._limits.token is None:
            return True
        kind, _, given = headers.get(b"authorization", b"").partition(b" ")
        if kind.lower() == b"basic":
            try:
                given = base64.b64decode(given, validate=True).partition(b":")[2]
            except binascii.Error:
                return False
        elif kind.lower() != b"bearer":
            return False
        return hmac.compare_digest(given.strip(), self._limits.token.encode())


def _security_headers(path: str) -> list[tuple[bytes, bytes]]:
    # Qdrant's dashboard, under another address, shows thumbnails.
    shared = "cross-origin" if path.startswith("/thumbs/") else "same-origin"
    headers = _HEADERS | {"cross-origin-resource-policy": shared}
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def _host(headers: dict[bytes, bytes]) -> str:
    host = headers.get(b"host", b"").decode("latin-1").lower()
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def _length(headers: dict[bytes, bytes]) -> int:
    said = headers.get(b"content-length", b"0")
    return int(said) if said.isdigit() and len(said) < 20 else 0


class _TooMuchError(Exception):
    """More came than may come."""


async def _refuse(send: Send, status: int, why: str, *headers: tuple[bytes, bytes]) -> None:
    body = json.dumps({"error": why}).encode()
    own = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *own]})
    await send({"type": "http.response.body", "body": body})
