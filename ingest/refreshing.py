"""`ingest --refresh`: reads the facts of all pictures again; encodes none."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from gallery.errors import UnreadableImage
from gallery.pictures import facts_beside, merged, open_original, perceptual_hash
from gallery.records import ImageRecord
from gallery.stores import Editor
from ingest.facts import with_facts
from ingest.locating import Locator
from ingest.passes import settled_spec
from ingest.sharing import publish

_BATCH = 256
_DETAIL = 256
"""Pixels of the shorter side that are enough for a perceptual hash."""


@dataclass(slots=True)
class RefreshReport:
    """The result of reading facts again.

    Attributes:
        pictures: How many there are.
        done: How many have been looked at.
        changed: Pictures whose facts changed.
        unread: Pictures without a file as it was indexed; they keep their old facts.
    """

    pictures: int = 0
    done: int = 0
    changed: int = 0
    unread: int = 0


def refresh(
    collection: Editor,
    on_progress: Callable[[RefreshReport], None] = lambda _: None,
    locate: Locator | None = None,
) -> RefreshReport:
    """Read the facts and the perceptual hash of every picture again, and publish what changed.

    Args:
        collection: The caller closes it.
        on_progress: Called after every batch.
        locate: Adds the names of the places where pictures were taken.

    Raises:
        CollectionError: The encoder of the collection is being changed, or it is not there.
    """
    spec = settled_spec(collection)
    locate = locate or Locator()
    collection.begin(spec)
    ids = [record.id for record in collection.points.records()]
    report = RefreshReport(pictures=len(ids))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(ids), _BATCH):
            batch = ids[start : start + _BATCH]
            records = list(collection.points.get(batch).values())
            fresh = list(pool.map(_read_again, records))
            wanted = [locate(new or old) for old, new in zip(records, fresh, strict=True)]
            changed = [new for old, new in zip(records, wanted, strict=True) if new != old]
            collection.update(changed)
            collection.flush()
            collection.journal.write([])  # so that stacks are computed again
            report.done += len(batch)
            report.changed += len(changed)
            report.unread += fresh.count(None)
            on_progress(report)
    publish(collection)
    return report


def _read_again(record: ImageRecord) -> ImageRecord | None:
    """Return the record with its files' current facts, or None if none can be read."""
    try:
        picture = open_original(record, _DETAIL)
    except UnreadableImage:
        return None
    facts = merged([picture.facts, *(facts_beside(file.path) for file in record.files)])
    files = record.files
    if record.date_source is None:  # from an earlier version, which did not record the files of captions
        files = tuple(replace(file, captions=record.captions) for file in files)
    fresh = replace(
        record,
        files=files,
        width=picture.width,
        height=picture.height,
        orientation=picture.orientation,
        notes=picture.notes,
        phash=perceptual_hash(picture.rgb),
    )
    return with_facts(fresh, facts)
