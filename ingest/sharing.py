"""Publishing what a run has written: at its end, and long before it whenever the collection has doubled."""

import threading

from gallery.stores import Editor, Progress
from ingest.report import IngestReport
from ingest.stacks import restack
from ingest.writer import WRITE_EVERY


def publish(collection: Editor) -> None:
    """Work out what follows from all pictures together, and show the collection to those who search."""
    if collection.spec and (collection.former or collection.journal.unsettled):
        collection.begin(collection.spec)
        _settle(collection)
    collection.finish()


class Sharing:
    """Shows what a run has written so far."""

    def __init__(self, collection: Editor, report: IngestReport, points: threading.Lock) -> None:
        """Take a collection that was begun.

        Args:
            collection: What is written.
            report: How far the run is.
            points: Held by other threads while they look at the collection's points.
        """
        self._collection = collection
        self._report = report
        self._points = points
        self._next = max(1, 2 * collection.points.count())

    def share(self) -> None:
        """Let searches find what is written, if the number of pictures has doubled; to be called after a flush.

        Shortly before the end this is not worth the copy in which the run would continue.
        """
        done, found = self._report.done, self._report.to_read
        left = self._report.left(done)
        is_near_the_end = left is not None and left < WRITE_EVERY
        if is_near_the_end or self._collection.points.count() < self._next:
            return
        with self._points:
            _settle(self._collection)
            self._collection.share(Progress(self._report.unchanged + done, self._report.unchanged + found))
            self._next = 2 * self._collection.points.count()


def _settle(collection: Editor) -> None:
    restack(collection)
    collection.journal.settle()
