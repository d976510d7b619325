"""Makes the journals of generations fit their points, which hold every path."""

import contextlib
from pathlib import Path

from gallery.errors import CollectionError, Damaged
from gallery.stores.contract import ImageCollection
from gallery.stores.embedded.disk import remove
from gallery.stores.journal import Journal
from gallery.stores.reconciling import forget_what_is_not_there, note_what_is_there


def points_of(path: Path) -> int | None:
    """Return how many points the journal at `path` knows; None where it cannot tell."""
    try:
        with contextlib.closing(Journal(path, new=False)) as journal:
            return journal.points()
    except CollectionError:
        return None


def mend_journal(path: Path, points: ImageCollection) -> int:
    """Make the journal at `path` fit the points, and return how many missing pictures it knew.

    A damaged journal is rebuilt from the points.
    """
    try:
        with contextlib.closing(Journal(path)) as journal:
            journal.check()
    except Damaged:
        remove_journal(path)
    with contextlib.closing(Journal(path)) as journal:
        if journal.points() == points.count():
            return 0
        lost = forget_what_is_not_there(journal, points)
        note_what_is_there(journal, points)
        return lost


def remove_journal(path: Path) -> None:
    """Remove a journal, with SQLite's files beside it."""
    remove(path)
    remove(Path(f"{path}-journal"))
