"""The contract of a collection: what every store of points can do."""

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gallery.errors import BadInput, CollectionError, EncoderError
from gallery.records import Hit, ImageRecord
from gallery.settings import DEFAULT_COLLECTION, Settings
from gallery.spec import Spec
from gallery.stores import filters
from gallery.stores.editor import Editor
from gallery.stores.journal import Journal
from gallery.stores.payload import INDEXED_KEYS, moment

_NAME = re.compile(r"\w[\w.-]{0,99}")

Where = filters.Where
"""Key -> a value, a list of which one must match, or bounds such as `{"gte": 640}`; or a `Filter`."""


class ImageCollection(Protocol):
    """Pictures and their vectors, to be read by any number of processes.

    Attributes:
        generation: Names what is in it: whatever was published anew has another. None where that cannot be told, as
            on a server.
    """

    name: str
    spec: Spec
    generation: str | None

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

    def vectors(self, ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Return the unit vectors of the pictures with these ids, those that are there."""
        ...

    def newest(self, limit: int, *, where: Where | None = None) -> list[ImageRecord]:
        """Return the pictures by their date, newest first, those of one date by id; at most `limit`."""
        ...

    def public_url(self) -> str | None:
        """Return the address under which thumbnails are served, as the first picture by id has it."""
        ...

    def scan(self, where: Where | None = None) -> Iterator[tuple[ImageRecord, NDArray[np.float32]]]:
        """Yield every picture with its vector, in the order of the ids."""
        ...

    def records(self, where: Where | None = None) -> Iterator[ImageRecord]:
        """Yield every picture in the order of the ids, and fetch no vector: a million of them are 2 GB."""
        ...

    def count(self, where: Where | None = None) -> int:
        """Return how many pictures match."""
        ...

    def facet(self, key: str, limit: int = 20, *, least: int = 1) -> dict[str | int, int]:
        """Return the most frequent values of a key and how many pictures have them: those that at least `least` have.

        Raises:
            BadInput: The key has no index that counts values.
        """
        ...

    def is_current(self) -> bool:
        """Whether the name still leads to what was opened: nothing was published since, of no other encoder.

        On a server, what is opened is always the newest, and it is the encoder alone that may have become another.
        """
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


@dataclass(frozen=True, slots=True)
class CollectionInfo:
    """What there is to know of a collection.

    Attributes:
        pictures: How many.
        megabytes: On this machine's disk; None on a server.
        changed_at: RFC 3339, when its last ingest ended; None on a server.
    """

    name: str
    encoder: str
    pictures: int
    megabytes: float | None = None
    changed_at: str | None = None


def check_vectors(vectors: NDArray[np.float32], count: int, dimension: int) -> None:
    """Refuse what the engines would take or drop without a word.

    Raises:
        EncoderError: The vectors are not `count` finite rows of length one.
    """
    if vectors.shape != (count, dimension):
        raise EncoderError(f"the encoder gave vectors of shape {vectors.shape}, not ({count}, {dimension})")
    if not np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3):
        raise EncoderError("the encoder gave a vector that is not finite and of length one; nothing was written")


def check_facet(key: str) -> None:
    """Refuse what no engine counts.

    Raises:
        BadInput: The key has no index that counts values.
    """
    countable = [name for name, kind in INDEXED_KEYS.items() if kind != "datetime"]
    if key not in countable:
        raise BadInput(f"values of {key!r} cannot be counted; choose one of: {', '.join(countable)}")


def best_first(hits: Iterable[Hit]) -> list[Hit]:
    """Sort hits by score, and those of one score by id."""
    return sorted(hits, key=lambda hit: (-hit.score, hit.image.id))


def newest_first(
    page: Callable[[filters.Filter, int, bool], list[ImageRecord]],
    limit: int,
    where: Where | None,
    at_once: int | None = None,
) -> list[ImageRecord]:
    """Return the newest pictures, in an order that does not depend on the engine's.

    The engine orders pictures of one date as it likes, so those of the last date are asked for once more, by id.

    Args:
        page: Returns at most so many pictures that a filter lets through: newest first if true, else by id.
        limit: The most to be returned.
        where: Filters.
        at_once: The most that may be asked for by date, if the engine has a limit.
    """
    wanted = filters.as_filter(where)
    found: list[ImageRecord] = []
    while len(found) < limit:
        size = min(limit - len(found), at_once or limit)
        newest = page(wanted, size, True)
        if len(newest) < size:
            found += newest
            break
        last = moment(newest[-1])
        found += [record for record in newest if moment(record) > last]
        same = {"gte": last.isoformat(), "lte": last.isoformat()}
        found += page(wanted & filters.Filter(must=(("date", same),)), limit - len(found), False)
        wanted &= filters.Filter(must=(("date", {"lt": last.isoformat()}),))
    return sorted(found, key=lambda record: (-moment(record).timestamp(), record.id))


def collection_names(settings: Settings) -> list[str]:
    """Return the names of all collections, sorted."""
    if settings.qdrant_url:
        from gallery.stores.server.collection import server_collections

        return server_collections(settings)
    from gallery.stores.embedded.edge import edge_collections

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
    _check_name(name, names)
    if settings.qdrant_url:
        from gallery.stores.server.collection import open_server

        return open_server(settings, name)
    from gallery.stores.embedded.edge import open_edge

    return open_edge(settings, name)


def list_collections(settings: Settings) -> list[CollectionInfo]:
    """Return what there is to know of all collections, sorted by name."""
    return [_info(settings, name) for name in collection_names(settings)]


def drop_collection(settings: Settings, name: str) -> None:
    """Remove a collection, its vectors and its journal.

    Raises:
        CollectionError: There is none of that name, or another process is writing to it.
    """
    _check_name(name, collection_names(settings))
    if settings.qdrant_url:
        from gallery.stores.server.editor import drop_server

        drop_server(settings, name)
    else:
        from gallery.stores.embedded.editor import drop_edge

        drop_edge(settings, name)


def edit_collection(settings: Settings, name: str, *, new: bool = True) -> Editor:
    """Open a collection to write to it; unless `new` is false it need not be there yet. The caller closes it.

    Raises:
        BadInput: `name` is no name for a collection.
        CollectionError: Another process is writing to it, or it cannot be reached.
    """
    if not _NAME.fullmatch(name):
        raise BadInput(f"{name!r} is no name for a collection; use letters, digits, dots, dashes and underscores")
    if not new:
        _check_name(name, collection_names(settings))
    if settings.qdrant_url:
        from gallery.stores.server.editor import edit_server

        return edit_server(settings, name)
    from gallery.stores.embedded.editor import edit_edge

    return edit_edge(settings, name)


def open_journal(settings: Settings, name: str, *, new: bool = True) -> Journal:
    """Return what is known of the files of a collection, only to be read; its writer is not disturbed.

    Raises:
        CollectionError: There is no collection of that name, unless `new`: then nothing is known.
    """
    if not new:
        _check_name(name, collection_names(settings))
    if settings.qdrant_url:
        from gallery.stores.server.editor import server_journal

        return server_journal(settings, name)
    from gallery.stores.embedded.editor import edge_journal

    return edge_journal(settings, name)


def _check_name(name: str, names: Sequence[str]) -> None:
    if name not in names:
        others = f"; give one of: {', '.join(names)}" if names else ", nor any other; make one: ingest FOLDER"
        raise CollectionError(f"there is no collection {name}{others}")


def _info(settings: Settings, name: str) -> CollectionInfo:
    try:
        with contextlib.closing(open_collection(settings, name)) as collection:
            info = CollectionInfo(name, collection.spec.encoder, collection.count())
    except CollectionError as error:  # one that cannot be read does not hide the others
        return CollectionInfo(name, f"cannot be read: {error}", 0)
    if settings.qdrant_url:
        return info
    from gallery.stores.embedded.edge import edge_folder

    megabytes, changed_at = edge_folder(settings, name)
    return replace(info, megabytes=megabytes, changed_at=changed_at)
