"""The contract of a collection: what a point is, and what every store of points can do.

A point is one picture. Its id is the UUIDv5 of the SHA-256 of the file's bytes, so the same bytes are one point,
however many files hold them. Its vector is a unit vector; distance is cosine. Its payload has these keys, in this
order, as Qdrant's dashboard shows the first eight:

    thumbnail   absolute http(s) URL ending in .jpg; only where PUBLIC_URL is set, and then the only top-level URL
    path        all its places, sorted
    folder      the folders of these, sorted
    date        when it was taken, else the oldest mtime of its files; RFC 3339; always there
    year        of that date
    width       pixels of the upright picture
    height
    format      JPEG, PNG, …
    camera      maker and model
    captions    sentences from a captions file
    sha256
    indexed_at  when the vector was made
    origin      {files: [{path, size, mtime in ns}], taken_at, orientation}; raw: true where a path is not UTF-8

Such paths are stored percent-encoded. Keys without a value are left out.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any, Protocol
from urllib.parse import quote_from_bytes, unquote_to_bytes
from uuid import UUID, uuid5

import numpy as np
from numpy.typing import NDArray

from gallery.errors import CollectionError, EncoderError
from gallery.journal import Journal
from gallery.records import Hit, ImageFile, ImageRecord
from gallery.settings import Settings
from gallery.spec import Spec

NAMESPACE = UUID("7a3c5f0e-54d0-5c6b-9a57-0b8f3f1f6f2d")
INDEXED_KEYS = {
    "path": "keyword",
    "folder": "keyword",
    "date": "datetime",
    "year": "integer",
    "width": "integer",
    "height": "integer",
    "format": "keyword",
    "camera": "keyword",
    "sha256": "keyword",
    "indexed_at": "datetime",
}
"""The payload keys that can be filtered by, and their index in Qdrant's words."""
DEFAULT_COLLECTION = "photos"
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799  # of the years 1 and 9999

Payload = dict[str, Any]
WantedValue = str | int | list[str] | list[int] | Mapping[str, Any]
Where = Mapping[str, WantedValue]
"""Key -> a value, a list of which one must match, or bounds such as `{"gte": 640}`. All keys must match."""


class ImageCollection(Protocol):
    """Pictures and their vectors, to be read by any number of processes."""

    name: str
    spec: Spec

    def nearest(
        self,
        vector: NDArray[np.float32],
        limit: int,
        *,
        where: Where | None = None,
        min_score: float | None = None,
        exact: bool = False,
    ) -> list[Hit]:
        """Return the pictures whose vectors have the highest cosine with `vector`, shape `(dimension,)`.

        Best first, ties by id; fewer than `limit` only where no more match. `exact` compares with every vector.
        """
        ...

    def get(self, ids: Sequence[str]) -> dict[str, ImageRecord]:
        """Return the pictures with these ids, those that are there."""
        ...

    def scan(self, where: Where | None = None) -> Iterator[tuple[ImageRecord, NDArray[np.float32]]]:
        """Yield every picture with its vector, in the order of the ids."""
        ...

    def count(self, where: Where | None = None) -> int:
        """Return how many pictures match."""
        ...

    def facet(self, key: str, limit: int = 20) -> dict[str | int, int]:
        """Return the most frequent values of a key of `INDEXED_KEYS` and how many pictures have them."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


class Editor(Protocol):
    """A collection that is being written to, by one process where it is embedded."""

    name: str
    spec: Spec | None
    journal: Journal

    def begin(self, spec: Spec) -> None:
        """Make ready to write vectors of `spec`; called before the first write.

        Raises:
            SpecMismatch: The collection holds vectors of another space.
        """
        ...

    def get(self, ids: Sequence[str]) -> dict[str, ImageRecord]:
        """Return the pictures with these ids, those that are there."""
        ...

    def upsert(self, records: Sequence[ImageRecord], vectors: NDArray[np.float32]) -> None:
        """Write pictures and their vectors, shape `(n, dimension)`, replacing those with the same ids.

        Raises:
            EncoderError: The vectors are not finite unit rows of the right shape; nothing was written.
        """
        ...

    def update(self, records: Sequence[ImageRecord]) -> None:
        """Replace the payload of pictures that are there, leaving their vectors."""
        ...

    def delete(self, ids: Sequence[str]) -> None:
        """Remove pictures; ids that are not there are ignored."""
        ...

    def flush(self) -> None:
        """Return once everything written so far will survive a crash."""
        ...

    def finish(self) -> None:
        """Complete what was begun, and show it to those who search."""
        ...

    def close(self) -> None:
        """Let go of files and connections; what was flushed and not finished is gone on with next time."""
        ...


def point_id(sha256: str) -> str:
    """Return the id of the picture whose file has this digest.

    >>> point_id("0" * 64)
    'bcb4ccbc-4e7d-5059-b88a-122052939318'
    """
    return str(uuid5(NAMESPACE, sha256))


def to_payload(record: ImageRecord, public_url: str | None = None) -> Payload:
    """Return what a point says of a picture, in the order of the contract."""
    date = record.taken_at or _rfc3339(min(file.mtime_ns for file in record.files))
    raw = any(not _is_utf8(file.path) for file in record.files)
    paths = [_stored(file.path, raw) for file in record.files]
    origin: Payload = {
        "files": [
            {"path": path, "size": file.size, "mtime": file.mtime_ns}
            for path, file in zip(paths, record.files, strict=True)
        ],
        "taken_at": record.taken_at,
        "orientation": record.orientation,
    }
    if raw:
        origin["raw"] = True
    payload = {
        "thumbnail": f"{public_url.rstrip('/')}/thumbs/{record.id}.jpg" if public_url else None,
        "path": paths,
        "folder": sorted({str(PurePath(path).parent) for path in paths}),
        "date": date,
        "year": int(date[:4]),
        "width": record.width,
        "height": record.height,
        "format": record.format,
        "camera": record.camera,
        "captions": list(record.captions) or None,
        "sha256": record.sha256,
        "indexed_at": record.indexed_at,
        "origin": origin,
    }
    return {key: value for key, value in payload.items() if value is not None}


def to_record(id: str, payload: Payload) -> ImageRecord:
    """Read what `to_payload` wrote."""
    origin = payload["origin"]
    raw = origin.get("raw", False)
    return ImageRecord(
        id=id,
        sha256=payload["sha256"],
        files=tuple(ImageFile(_restored(f["path"], raw), f["size"], f["mtime"]) for f in origin["files"]),
        width=payload["width"],
        height=payload["height"],
        format=payload["format"],
        camera=payload.get("camera"),
        taken_at=origin["taken_at"],
        orientation=origin["orientation"],
        captions=tuple(payload.get("captions", ())),
        indexed_at=payload["indexed_at"],
    )


def now() -> str:
    """Return the time, in UTC, to the second, as RFC 3339."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def check_vectors(vectors: NDArray[np.float32], count: int, dimension: int) -> None:
    """Refuse what the engines would take or drop without a word.

    Raises:
        EncoderError: The vectors are not `count` finite rows of length one.
    """
    if vectors.shape != (count, dimension):
        raise EncoderError(f"the encoder gave vectors of shape {vectors.shape}, not ({count}, {dimension})")
    if not np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3):
        raise EncoderError("the encoder gave a vector that is not finite and of length one; nothing was written")


def best_first(hits: Iterable[Hit]) -> list[Hit]:
    """Sort hits by score, and those of one score by id."""
    return sorted(hits, key=lambda hit: (-hit.score, hit.image.id))


def collection_names(settings: Settings) -> list[str]:
    """Return the names of all collections, sorted."""
    if settings.qdrant_url:
        from gallery.server import server_collections

        return server_collections(settings)
    from gallery.edge import edge_collections

    return edge_collections(settings)


def open_collection(settings: Settings, name: str | None = None) -> ImageCollection:
    """Open a collection to search it. Without a name: the only one there is, else `photos`.

    Raises:
        CollectionError: There is none of that name, or none can be chosen.
    """
    names = collection_names(settings)
    if not names:
        raise CollectionError("there is no collection yet; make one: ingest FOLDER")
    if name is None:
        name = names[0] if len(names) == 1 else DEFAULT_COLLECTION
    if name not in names:
        raise CollectionError(f"there is no collection {name}; give --collection, one of: {', '.join(names)}")
    if settings.qdrant_url:
        from gallery.server import open_server

        return open_server(settings, name)
    from gallery.edge import open_edge

    return open_edge(settings, name)


def edit_collection(settings: Settings, name: str) -> Editor:
    """Open a collection to write to it; it need not be there yet. The caller closes it.

    Raises:
        CollectionError: Another process is writing to it, or it cannot be reached.
    """
    if settings.qdrant_url:
        from gallery.server import edit_server

        return edit_server(settings, name)
    from gallery.edge import edit_edge

    return edit_edge(settings, name)


def _rfc3339(nanoseconds: int) -> str:
    seconds = min(max(nanoseconds // 10**9, _FIRST_SECOND), _LAST_SECOND)  # a file system may hold any number
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _stored(path: str, raw: bool) -> str:
    return quote_from_bytes(os.fsencode(path)) if raw else path


def _restored(path: str, raw: bool) -> str:
    return os.fsdecode(unquote_to_bytes(path)) if raw else path
