"""How the command finds the page that runs here, and asks it.

    DATA_DIR/page.json      {"address": …, "process": …, "store": …, "secret": …}, for its owner only

Whoever listens at the address has to prove first that it knows the secret: a note may be older than what listens now.
"""

import contextlib
import hmac
import http.client
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from gallery.settings import Settings
from search.answer import Answer, from_json
from search.request import Request

PROOF = "/api/proof"
_FAILURES = (OSError, http.client.HTTPException, ValueError, RecursionError)
_SECONDS_TO_CONNECT, _SECONDS_TO_PROVE, _SECONDS_TO_ANSWER = 0.5, 1.0, 30.0


def proof_of(secret: str, nonce: str) -> str:
    """Return what nobody can say of a nonce who does not know the secret."""
    return hmac.new(secret.encode(), nonce.encode(), sha256).hexdigest()


@contextlib.contextmanager
def noted(settings: Settings, address: str, secret: str) -> Iterator[None]:
    """Tell the commands of this machine where the page is, while it is there and no other one is.

    Where that cannot be written, they do without the page.
    """
    path = settings.page_note()
    mine = {"address": address, "process": os.getpid(), "store": _store(settings), "secret": secret}
    with _proven(settings) as other, contextlib.suppress(OSError):
        if not other:
            _write(path, json.dumps(mine))
    try:
        yield
    finally:
        if _read(path) == mine:
            path.unlink(missing_ok=True)


def ask_page(settings: Settings, name: str | None, request: Request) -> Answer | None:
    """Ask the page that runs here, if there is one; None where it cannot answer this."""
    given = request.model_dump(mode="json", exclude_defaults=True)
    with _proven(settings) as page:
        if page is None:
            return None
        name = name or page.collection
        if name is None:
            return None
        page.connection.sock.settimeout(_SECONDS_TO_ANSWER)
        headers = {"Authorization": f"Bearer {settings.search_token}"} if settings.search_token else {}
        address = f"/c/{quote(name, safe='')}/api/search?{urlencode(given, doseq=True)}"
        try:
            said = _get(page.connection, address, headers)
            return from_json(said) if said else None
        except (*_FAILURES, KeyError, TypeError):  # the last ones where the page is of another version
            return None


@dataclass(frozen=True, slots=True)
class _Page:
    """A page that has proved to be the one that runs here, and the collection that it takes where none is named."""

    connection: http.client.HTTPConnection
    collection: str | None


@contextlib.contextmanager
def _proven(settings: Settings) -> Iterator[_Page | None]:
    note = _read(settings.page_note())
    if not note or note.get("store") != _store(settings) or not _lives(note.get("process")):
        yield None
        return
    connection, page = None, None
    try:
        parts = urlsplit(str(note.get("address")))
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_SECONDS_TO_CONNECT)
        connection.connect()
        connection.sock.settimeout(_SECONDS_TO_PROVE)
        nonce = secrets.token_hex(16)
        said = _get(connection, f"{PROOF}?nonce={nonce}", {}) or {}
        if hmac.compare_digest(str(said.get("proof")).encode(), proof_of(str(note.get("secret")), nonce).encode()):
            page = _Page(connection, said.get("collection"))
    except _FAILURES:
        page = None
    try:
        yield page
    finally:
        if connection:
            connection.close()


def _get(connection: http.client.HTTPConnection, path: str, headers: Mapping[str, str]) -> Mapping[str, Any] | None:
    connection.request("GET", path, headers=dict(headers))
    response = connection.getresponse()
    body = response.read()
    answer = json.loads(body) if response.status == http.client.OK else None
    return answer if isinstance(answer, dict) else None


def _store(settings: Settings) -> str | None:
    """Return what tells one server from another, without its password."""
    return sha256(settings.qdrant_url.encode()).hexdigest() if settings.qdrant_url else None


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return note if isinstance(note, dict) else None


def _lives(process: object) -> bool:
    """Whether the process of a note is there: another one may have its port after it."""
    try:
        os.kill(int(str(process)), 0)
    except (ValueError, OverflowError, ProcessLookupError):
        return False
    except OSError:  # there, but another user's
        return True
    return True
