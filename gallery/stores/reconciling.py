"""Makes journals fit their points again after a collection was restored, damaged, or changed by others."""

from collections.abc import Iterable
from itertools import islice

from gallery.records import ImageRecord
from gallery.stores.contract import ImageCollection
from gallery.stores.journal import Entry, Journal
from gallery.stores.payload import point_id

_AT_ONCE = 256


def forget_what_is_not_there(journal: Journal, points: ImageCollection) -> int:
    """Forget the files of pictures that the collection lacks, so that they are read again; return how many pictures."""
    lacking: list[str] = []
    digests = journal.digests()
    while page := list(islice(digests, _AT_ONCE)):
        there = points.present([point_id(digest) for digest in page])
        lacking += [digest for digest in page if point_id(digest) not in there]
    if lacking:
        journal.forget_pictures(lacking)
    return len(lacking)


def note_what_is_there(journal: Journal, records: Iterable[ImageRecord]) -> int:
    """Add to the journal the files of points that it does not know; return how many files."""
    noted = 0
    records = iter(records)
    while page := list(islice(records, _AT_ONCE)):
        new = [
            Entry(file, record.sha256) for record in page for file in record.files if journal.entry(file.path) is None
        ]
        if new:
            journal.write(new)
        noted += len(new)
    return noted
