"""The addresses of thumbnails in a collection's payload, for Qdrant's dashboard."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from urllib.parse import urlsplit

from gallery.errors import BadInput
from gallery.records import ImageRecord
from gallery.settings import Settings
from gallery.stores import ImageCollection, open_store

_BATCH = 256


def set_public_url(
    settings: Settings, name: str, url: str, on_progress: Callable[[int, int], None] = lambda *_: None
) -> int:
    """Rewrite the addresses of a collection's thumbnails to `URL/thumbs/ID.jpg`; an empty `url` removes them.

    Vectors and everything else stay. Returns the number of pictures; `on_progress` gets how many are done, and their
    total.

    Raises:
        BadInput: A browser could not load pictures from `url`.
        CollectionError: There is no such collection, or another process is writing to it.
    """
    address = urlsplit(url)
    if url and (address.scheme not in ("http", "https") or not address.hostname or address.query or address.fragment):
        raise BadInput(f"{url!r} is not an address for thumbnails; give one such as https://photos.example:8000")
    settings = replace(settings, public_url=url)
    with contextlib.closing(open_store(settings).edit(name, new=False)) as editor:
        editor.finish()  # this also adds what an interrupted run left
    with (
        contextlib.closing(open_store(settings).open(name)) as collection,
        contextlib.closing(open_store(settings).edit(name, new=False)) as editor,
    ):
        editor.begin(collection.spec)
        pictures, done = collection.count(), 0
        for records in _batches(collection):
            editor.update(records)
            editor.flush()
            done += len(records)
            on_progress(done, pictures)
        editor.finish()
    return done


def _batches(collection: ImageCollection) -> Iterator[list[ImageRecord]]:
    records = collection.records()
    while batch := list(islice(records, _BATCH)):
        yield batch
