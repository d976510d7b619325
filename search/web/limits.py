"""Between the network and the app: who may send requests, how large and how many at once, and what browsers may do."""

import asyncio
import base64
import binascii
import hmac
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.authentication import AuthCredentials, AuthenticationBackend, AuthenticationError, BaseUser, SimpleUser
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from search.web.logs import log_request
from search.web.metrics import Metrics
from search.web.problems import PROBLEM, problem
from search.web.running import PROOF

POLICY = (
    "default-src 'none'; img-src 'self' blob:; media-src 'self'; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
LOCAL = ("localhost", "127.0.0.1", "::1", "[::1]")
OPEN_TO_ALL = ("/health", "/ready", PROOF)
_UNCAPPED = ("/health", "/ready", "/metrics", "/static/", PROOF)


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits on requests.

    Attributes:
        token: What clients must send, as a bearer token or as the password in the browser's login prompt; None for no
            token.
        hosts: Host names under which the page may be reached; None for any. Without it a hostile website could point
            its own name to this machine, and read what a browser here gets.
        shares_thumbnails: Whether pages of other origins may show thumbnails, as Qdrant's dashboard does.
        concurrent: How many requests are answered at once; more get 429.
        upload_bytes: The largest body.
        waiting_bytes: The total size of all bodies held in memory.
        body_seconds: How long a body may take to arrive.
    """

    token: str | None = None
    hosts: tuple[str, ...] | None = None
    shares_thumbnails: bool = False
    concurrent: int = 32
    upload_bytes: int = 20_000_000
    waiting_bytes: int = 100_000_000
    body_seconds: float = 30.0


class Observed:
    """The outermost layer: counts and logs requests, answers HEAD like GET, and sets security headers."""

    def __init__(self, app: ASGIApp, metrics: Metrics, *, shares_thumbnails: bool) -> None:
        self._app = app
        self._metrics = metrics
        self._shares_thumbnails = shares_thumbnails

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status = time.monotonic(), 500
        # The server leaves the body of the answer out by itself.
        asked = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
        shared = self._shares_thumbnails and "/thumbs/" in scope["path"]
        policy = _HEADERS | {"cross-origin-resource-policy": "cross-origin" if shared else "same-origin"}

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message).update(policy)
            await send(message)

        self._metrics.begin()
        try:
            await self._app(asked, receive, note)
        finally:
            route = getattr(asked.get("route"), "path", "none")
            seconds = time.monotonic() - start
            self._metrics.end(route, status, seconds)
            log_request(scope["method"], scope["path"], status, seconds, asked.get(PROBLEM))


class SameOrigin:
    """Refuses requests that a page of another origin makes a browser send, except links that a user follows."""

    def __init__(self, app: ASGIApp, *, shares_thumbnails: bool) -> None:
        self._app = app
        self._shares_thumbnails = shares_thumbnails

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and self._is_foreign(scope):
            refusal = problem(403, "a page of another site sent this request; open this page directly")
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _is_foreign(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        site, origin = headers.get("sec-fetch-site", ""), headers.get("origin")
        foreign = site in ("cross-site", "same-site")
        if scope["method"] not in ("GET", "HEAD"):
            return foreign or (origin is not None and _netloc(origin) != headers.get("host"))
        if self._shares_thumbnails and "/thumbs/" in scope["path"]:
            return False
        return foreign and headers.get("sec-fetch-mode") != "navigate"


class TokenBackend(AuthenticationBackend):
    """Asks for the token, as a bearer token or as a password with any name."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser] | None:
        """Return if the token is right, or else raise."""
        path = conn.url.path
        if self._token is None or path in OPEN_TO_ALL or path.startswith("/static/"):
            return None
        if not self._is_known(conn.headers.get("authorization", "").encode("latin-1"), self._token.encode()):
            raise AuthenticationError("give SEARCH_TOKEN as bearer token, or as the password in the browser's prompt")
        return AuthCredentials(["changes"]), SimpleUser("token")

    def _is_known(self, authorization: bytes, token: bytes) -> bool:
        kind, _, given = authorization.partition(b" ")
        if kind.lower() == b"basic":
            try:
                given = base64.b64decode(given, validate=True).partition(b":")[2]
            except binascii.Error:
                return False
        elif kind.lower() != b"bearer":
            return False
        return hmac.compare_digest(given.strip(), token)


class Gate:
    """Reads bodies completely before any other work, and limits how many requests are answered at once."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits
        self._busy = 0
        self._waiting_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] != "http" or scope["path"].startswith(_UNCAPPED) or "/thumbs/" in scope["path"]:
            await self._app(scope, receive, send)
        elif scope["method"] in ("GET", "HEAD"):
            await self._let_in(scope, receive, send)
        else:
            await self._with_body(scope, receive, send)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._busy >= self._limits.concurrent:
            refusal = problem(429, "too many requests at once; try again in a second", {"retry-after": "1"})
            await refusal(scope, receive, send)
            return
        self._busy += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._busy -= 1

    async def _with_body(self, scope: Scope, receive: Receive, send: Send) -> None:
        length, most = Headers(scope=scope).get("content-length", ""), self._limits.upload_bytes
        expected = int(length) if length.isdigit() else most
        if expected > most:
            await self._too_large()(scope, receive, send)
            return
        if self._waiting_bytes + expected > self._limits.waiting_bytes:
            refusal = problem(429, "too much is being sent at once; try again in a second", {"retry-after": "1"})
            await refusal(scope, receive, send)
            return
        self._waiting_bytes += expected
        try:
            body = await self._body(receive)
            if body is None:
                refusal = problem(408, "the body did not come in time; send it again", {"connection": "close"})
                await refusal(scope, receive, send)
            elif len(body) > most:
                await self._too_large()(scope, receive, send)
            else:
                await self._let_in(scope, _replayed(body, receive), send)
        finally:
            self._waiting_bytes -= expected

    async def _body(self, receive: Receive) -> bytes | None:
        body, more = bytearray(), True
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                while more and len(body) <= self._limits.upload_bytes:
                    message = await receive()
                    body += message.get("body", b"")
                    more = message.get("more_body", False)
        except TimeoutError:
            return None
        return bytes(body)

    def _too_large(self) -> Response:
        said = f"the body is too large; send at most {self._limits.upload_bytes // 1_000_000} MB"
        return problem(413, said, {"connection": "close"})


def _replayed(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""
