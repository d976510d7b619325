"""`ingest --refresh`: reads the facts of all pictures again; encodes none."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from gallery.encoders import processors
from gallery.errors import UnreadableImage
from gallery.pictures import facts_beside, merged, open_original, perceptual_hash
from gallery.records import ImageRecord
from gallery.stores import Editor
from ingest.facts import with_facts
from ingest.locating import Locator
from ingest.passes import records_of, settled_spec, write_facts
from ingest.sharing import publish
from ingest.stopping import Stop
from ingest.threads import ahead

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
    stop: Stop | None = None,
) -> RefreshReport:
    """Read the facts and the perceptual hash of every picture again, and publish what changed.

    Args:
        collection: The caller closes it.
        on_progress: Called after every picture.
        locate: Says where pictures were taken.
        stop: Says when to stop; what is read by then is kept.

    Raises:
        CollectionError: The encoder of the collection is being changed, or it is not there.
        KeyboardInterrupt: A stop was asked for.
    """
    spec = settled_spec(collection)
    locate, stop = locate or Locator(), stop or Stop()
    collection.begin(spec)
    ids = [record.id for record in collection.points.records()]
    report = RefreshReport(pictures=len(ids))
    changed: list[ImageRecord] = []
    threads = processors()
    with ThreadPoolExecutor(threads) as pool, stop.shielded():
        try:
            for old, new in ahead(pool, _read_again, records_of(collection, ids, _BATCH), 2 * threads, stop):
                wanted = locate(new or old)
                changed += [wanted] if wanted != old else []
                report.done += 1
                report.changed += wanted != old
                report.unread += new is None
                if report.done % _BATCH == 0:
                    _write(collection, changed)
                on_progress(report)
        finally:
            _write(collection, changed)  # what is read is kept
    publish(collection)
    return report


def _write(collection: Editor, records: list[ImageRecord]) -> None:
    write_facts(collection, records)
    collection.journal.write([])  # marks that stacks are to be worked out again


def _read_again(record: ImageRecord) -> tuple[ImageRecord, ImageRecord | None]:
    """Return the record, and as its files say it now, or None if none of them can be read."""
    try:
        picture = open_original(record, _DETAIL)
    except UnreadableImage:
        return record, None
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
    return record, with_facts(fresh, facts)
