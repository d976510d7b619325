"""How the command finds the page that is running for its collection, and asks it.

    DATA_DIR/collections/NAME/page.json     {"address": …, "process": …, "store": …}

The note holds no secret: whoever asks needs SEARCH_TOKEN, as everybody does.
"""

import http.client
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from gallery.errors import CollectionError
from gallery.settings import DEFAULT_COLLECTION, Settings
from gallery.stores.embedded.generations import published_collections
from search.answer import Answer, Group
from search.answers import to_hit
from search.query import parse_query

_NOTE = "page.json"
_SECONDS_TO_ANSWER = 30.0
_SECONDS_TO_CONNECT = 0.5


def collection_name(settings: Settings, name: str | None) -> str:
    """Return the name of the collection that would be opened.

    Raises:
        CollectionError: There is none of that name, or none can be chosen.
    """
    names = _collection_names(settings)
    wanted = name or (names[0] if len(names) == 1 else DEFAULT_COLLECTION)
    if wanted not in names:
        others = f"; give one of: {', '.join(names)}" if names else "; make one: ingest FOLDER"
        raise CollectionError(f"there is no collection {wanted}{others}")
    return wanted


def write_note(settings: Settings, name: str, address: str) -> None:
    """Say where the page of a collection is; where that cannot be written, the command goes alone."""
    note = {"address": address, "process": os.getpid(), "store": settings.qdrant_url}
    path = settings.collection_folder(name) / _NOTE
    draft = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(note))
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)


def remove_note(settings: Settings, name: str) -> None:
    """Take this process' note away; another one's stays."""
    path = settings.collection_folder(name) / _NOTE
    note = _read(path)
    if note and note.get("process") == os.getpid():
        path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class RunningPage:
    """A page that answers for a collection.

    Attributes:
        host: A name or an address.
    """

    host: str
    port: int
    token: str | None

    def ask(self, path: str, parameters: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the page's answer, or None where it gives none: then one goes alone."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=_SECONDS_TO_CONNECT)
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            connection.connect()
            connection.sock.settimeout(_SECONDS_TO_ANSWER)
            query = urlencode({key: value for key, value in parameters.items() if value is not None}, doseq=True)
            connection.request("GET", f"{path}?{query}", headers=headers)
            response = connection.getresponse()
            answer = json.loads(response.read()) if response.status == http.client.OK else None
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()
        return answer if isinstance(answer, dict) else None


@dataclass(frozen=True, slots=True)
class PageAnswer:
    """What a running page answered, and the names of its encoder and its collection."""

    answer: Answer
    encoder: str
    collection: str


def running_page(settings: Settings, name: str) -> RunningPage | None:
    """Return the page that says it is there for a collection, after it said so itself."""
    note = _read(settings.collection_folder(name) / _NOTE)
    if not note or note.get("store") != settings.qdrant_url or not _lives(note.get("process")):
        return None
    parts = urlsplit(str(note.get("address")))
    if not parts.hostname or not parts.port:
        return None
    page = RunningPage(parts.hostname, parts.port, settings.search_token)
    said = page.ask("/api/collection", {})
    return page if said and said.get("name") == name else None


def ask_page(settings: Settings, name: str | None, line: str, parameters: Mapping[str, Any]) -> PageAnswer | None:
    """Ask the page that is running for a collection, if there is one; None where it cannot answer this.

    Raises:
        CollectionError: There is no such collection.
    """
    # A server need not be asked for its collections where the note beside the name is of a page that answers.
    page = running_page(settings, name) if name and settings.qdrant_url else None
    page = page or running_page(settings, collection_name(settings, name))
    said = page.ask("/api/search", {"q": line, **parameters}) if page else None
    if said is None:
        return None
    try:
        return _read_answer(line, said)
    except (KeyError, TypeError, ValueError):  # the page is of another version
        return None


def _read_answer(line: str, said: Mapping[str, Any]) -> PageAnswer | None:
    if said["wrong"]:
        return None
    answer = Answer(
        hits=[to_hit(hit) for hit in said["hits"]],
        query=parse_query(line),
        tokens=said["tokens"],
        text_limit=said["text_limit"],
        seconds=said["seconds"],
        groups=tuple(Group(group["name"], tuple(map(to_hit, group["hits"]))) for group in said["groups"]),
        meanings=tuple(said["meanings"]),
    )
    return PageAnswer(answer, said["encoder"], said["collection"])


def _collection_names(settings: Settings) -> list[str]:
    if not settings.qdrant_url:
        return published_collections(settings.data_dir)
    from gallery.stores.collection import collection_names  # numpy and the client take half a second

    return collection_names(settings)


def _lives(process: object) -> bool:
    """Whether the process of a note is there: the token is not for whoever has its port after it."""
    try:
        os.kill(int(str(process)), 0)
    except (ValueError, OverflowError, ProcessLookupError):
        return False
    except OSError:  # there, but another user's
        return True
    return True


def _read(path: Path) -> dict[str, Any] | None:
    try:
        note = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return note if isinstance(note, dict) else None
