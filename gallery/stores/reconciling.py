"""Makes journals fit their points again after a collection was restored, damaged, or changed by others."""

from itertools import islice

from gallery.stores.contract import ImageCollection
from gallery.stores.journal import Entry, Journal
from gallery.stores.payload import ids_of_content, point_ids

_AT_ONCE = 256


def forget_what_is_not_there(journal: Journal, points: ImageCollection) -> int:
    """Forget the files of pictures that the collection lacks, so that they are read again; return how many pictures."""
    lacking: list[str] = []
    contents = journal.contents()
    while page := list(islice(contents, _AT_ONCE)):
        ids = {digest: set(ids_of_content(digest, count)) for digest, count in page}
        there = points.present([id for each in ids.values() for id in each])
        lacking += [digest for digest, each in ids.items() if not each <= there]
    if lacking:
        journal.forget_pictures(lacking)
    return len(lacking)


def note_what_is_there(journal: Journal, points: ImageCollection) -> int:
    """Note the files of points that the journal does not know; return how many files.

    A video that lacks some of its frames is left out, so that it is read again.
    """
    noted = 0
    records = points.records()
    while page := list(islice(records, _AT_ONCE)):
        frames = {id for record in page if record.points > 1 for id in point_ids(record)}
        lacking = frames - points.present(sorted(frames)) if frames else set[str]()
        new = [
            Entry(file, record.sha256, points=record.points)
            for record in page
            if lacking.isdisjoint(point_ids(record))
            for file in record.files
            if journal.entry(file.path) is None
        ]
        if new:
            journal.write(new)
        noted += len(new)
    return noted
