"""How the command finds a page running on this machine, and has it answer.

    DATA_DIR/page.json      {"address": …, "process": …, "store": …, "secret": …}, for its owner only

Whoever listens at the address must first prove that it knows the secret, because the file may be left over from an
earlier process.
"""

import contextlib
import hmac
import http.client
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from gallery.settings import Settings
from search.answer import Answer, from_json
from search.asked import AskedLine

PROOF = "/api/proof"
_FAILURES = (OSError, http.client.HTTPException, ValueError, RecursionError)
_SECONDS_TO_CONNECT, _SECONDS_TO_PROVE, _SECONDS_TO_ANSWER = 0.5, 1.0, 30.0


def proof_of(secret: str, nonce: str) -> str:
    """Return the proof that one knows the secret, for a nonce."""
    return hmac.new(secret.encode(), nonce.encode(), sha256).hexdigest()


@contextlib.contextmanager
def noted(settings: Settings, address: str, secret: str) -> Iterator[None]:
    """Tell this machine's commands where the page is, while it runs and no other page does.

    If the file cannot be written, the commands work without the page.
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


def ask_page(settings: Settings, name: str | None, request: AskedLine) -> Answer | None:
    """Ask the page running here, if there is one; None if it cannot answer this request."""
    options = ((field, getattr(request, field.name)) for field in fields(request))
    given = {field.name: value for field, value in options if value != field.default}
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
        except (*_FAILURES, KeyError, TypeError):  # the last two come from a page of another version
            return None


@dataclass(frozen=True, slots=True)
class _Page:
    """A page that has proved to run on this machine, and its default collection."""

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
    """Return the identity of a server, without its password."""
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
    """Whether the process named in the file still runs: another one may have taken over its port."""
    try:
        os.kill(int(str(process)), 0)
    except (ValueError, OverflowError, ProcessLookupError):
        return False
    except OSError:  # it runs, but belongs to another user
        return True
    return True
