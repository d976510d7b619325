"""`ingest --read-text`: reads the text in a collection's pictures; encodes none."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from gallery.encoders import processors
from gallery.errors import UnreadableImage
from gallery.pictures import open_original
from gallery.pictures.text import DETAIL, TextReader
from gallery.records import ImageRecord
from gallery.stores import Editor
from ingest.passes import records_of, settled_spec, write_facts
from ingest.sharing import publish
from ingest.stopping import Stop
from ingest.threads import ahead

WRITE_EVERY = 64
"""Pictures between two durable writes: the most work that a crash can lose."""


@dataclass(slots=True)
class TextReport:
    """The result of reading text.

    Attributes:
        pictures: How many pictures this reader had not read before.
        done: How many of them have been looked at.
        with_text: Pictures in which there is text.
        unread: Pictures without a file as it was indexed; the next run tries again.
        known: Pictures that were read before.
    """

    pictures: int = 0
    done: int = 0
    with_text: int = 0
    unread: int = 0
    known: int = 0


def read_text(
    collection: Editor,
    reader: TextReader,
    on_progress: Callable[[TextReport], None] = lambda _: None,
    stop: Stop | None = None,
) -> TextReport:
    """Read the text of every picture that this reader has not read yet, and publish it.

    Args:
        collection: The caller closes it.
        reader: Its name is stored with each picture, so that the next run continues from there.
        on_progress: Called after every picture.
        stop: Says when to stop; what has been read is kept.

    Raises:
        CollectionError: The encoder of the collection is being changed, or it is not there.
        KeyboardInterrupt: A stop was asked for.
    """
    spec = settled_spec(collection)
    stop = stop or Stop()
    collection.begin(spec)
    readers = {record.id: record.text_reader for record in collection.points.records()}
    ids = [id for id, name in readers.items() if name != reader.name]
    report = TextReport(pictures=len(ids), known=len(readers) - len(ids))
    waiting: list[ImageRecord] = []
    threads = processors()
    with ThreadPoolExecutor(threads) as pool, stop.shielded():
        try:
            records = records_of(collection, ids, WRITE_EVERY)
            for record in ahead(pool, lambda each: _read(each, reader), records, 2 * threads, stop):
                report.done += 1
                report.unread += record is None
                report.with_text += bool(record and record.text)
                waiting += [record] if record else []
                if len(waiting) == WRITE_EVERY:
                    write_facts(collection, waiting)
                on_progress(report)
        finally:
            write_facts(collection, waiting)  # what is read is kept
    publish(collection)
    return report


def _read(record: ImageRecord, reader: TextReader) -> ImageRecord | None:
    """Return the record with its text, or None if none of its files can be read."""
    try:
        rgb = open_original(record, DETAIL).rgb
    except UnreadableImage:
        return None
    return replace(record, text=reader.read(rgb), text_reader=reader.name)
