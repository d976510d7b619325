"""Image files -> points.

    walk and compare (a thread) -> read, hash, decode, encode (a thread per processor) -> write (this thread)

A file, its metadata and its vector travel as one value, so they cannot get mixed up. Each thread encodes a few pictures
of its own at a time, which keeps every processor busy; threads that shared one batch would wait for each other and for
the decoder. Points are written in batches; the journal names a file only once its point will survive a crash.
"""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

import numpy as np

from gallery.encoders import PictureEncoder, processors
from gallery.errors import BadInput
from gallery.printable import counted, printable
from gallery.stores import ONCE, Editor, Entry, Former
from ingest.captions import CaptionsByPath
from ingest.facts import with_text_of
from ingest.locating import Locator
from ingest.part import Part
from ingest.reading import Failed, Read, Reader
from ingest.removal import count_gone, is_below, is_gone, moved_folders, remove_gone
from ingest.report import IngestReport
from ingest.sharing import Sharing, publish
from ingest.stopping import Stop
from ingest.threads import ahead, in_background, shared
from ingest.walk import Task, Walk
from ingest.writer import Writer

READ_AHEAD = 2
"""Threads beyond the number of processors: while some wait for the disk, the others compute."""


def ingest(
    roots: Sequence[Path],
    collection: Editor,
    load_encoder: Callable[[], PictureEncoder],
    *,
    captions: CaptionsByPath | None = None,
    exclude: Sequence[str] = (),
    batch_size: int = 8,
    prune: bool = False,
    prune_all: bool = False,
    part: Part | None = None,
    locate: Locator | None = None,
    verify: bool = False,
    on_progress: Callable[[IngestReport], None] = lambda _: None,
    stop: Stop | None = None,
) -> IngestReport:
    """Bring a collection up to date with the image files below `roots`.

    Unchanged files are skipped; if there are no others, the encoder is not loaded. An unreadable file
    does not stop the run.

    Args:
        roots: Folders or files.
        collection: The caller closes it.
        load_encoder: Called at most once, when there is something to read.
        captions: Sentences to store with the pictures; None keeps the existing ones.
        exclude: Patterns of files to skip, in the syntax of .gitignore.
        batch_size: The most pictures that a thread encodes at once.
        prune: Remove the places of files that are gone from below `roots`, and pictures that have no other.
        prune_all: Prune any number of pictures, and change the encoder even if files are gone.
        part: Index only files whose content is in this part; others are read, and left to the other parts.
        locate: Adds the names of the places where pictures were taken.
        verify: Read unchanged files too: a failing disk, or an edit that kept size and mtime, may have changed them.
        on_progress: Called in this thread after every batch and at the end.
        stop: Says when to stop; what has been encoded is kept.

    Raises:
        GalleryError: The run cannot go on; what was written stays, and the next run goes on from there.
        KeyboardInterrupt: A stop was asked for.
    """
    stop = stop or Stop()
    report = IngestReport()
    former = collection.former
    encoder = _Once(load_encoder, collection)
    places = [os.path.abspath(root) for root in roots]
    walk = Walk(collection.journal, report, captions, former.journal if former else None, verify=verify)
    there = [root for root in roots if not prune or os.path.lexists(root) or not _is_known(collection, root)]
    tasks = in_background(walk.changed_files(there, exclude))
    first = next(tasks, None)
    if first is not None:
        collection.begin(collection.spec or encoder().spec)
        indexer = _Indexer(places, encoder, collection, captions, report, part or Part(), locate, verify=verify)
        threads = processors() + READ_AHEAD
        with ThreadPoolExecutor(threads) as pool, stop.shielded():
            window = list(islice(chain([first], tasks), batch_size * processors()))
            encoder.many = len(window) == batch_size * processors()
            share = -(-len(window) // processors())  # at most `batch_size`
            least = 1 if encoder.many else share  # of a few pictures, each processor gets its share
            batches = shared(chain(window, tasks), processors(), share, least, report.left)
            try:
                for batch in ahead(pool, indexer.read, batches, 2 * threads, stop):
                    indexer.add(batch)
                    on_progress(report)
            except KeyboardInterrupt:
                indexer.flush()  # what is encoded is kept
                raise
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
            indexer.flush()
    if former:
        report.left_out = _left_out(former, collection, everything=prune_all)
    try:
        if prune:
            report.pruned, report.removed = remove_gone(collection, roots, report.not_walked, everything=prune_all)
        else:
            report.gone = count_gone(collection.journal, places, report)
    except BadInput:
        publish(collection)
        raise
    publish(collection)
    on_progress(report)
    return report


def _is_known(collection: Editor, root: Path) -> bool:
    return next(collection.journal.under(os.path.abspath(root)), None) is not None


def _left_out(former: Former, collection: Editor, *, everything: bool) -> int:
    """Return how many pictures of the former collection the new one lacks.

    Raises:
        BadInput: There are some, and `everything` is false; the former collection stays published.
    """
    first, count = "", 0
    for record in former.collection.records(ONCE):
        if not collection.journal.knows(record.sha256) and not any(
            (entry := collection.journal.entry(file.path)) and entry.sha256 for file in record.files
        ):
            first = first or record.path
            count += 1
    if count and not everything:
        raise BadInput(
            f"{counted(count, 'file')} of {collection.name} cannot be read any more, the first is {printable(first)}, "
            "so the encoder was not changed yet; bring back what is gone, or add --yes to leave it out; what was "
            "encoded is kept"
        )
    return count


class _Once:
    """Provides the encoder, which is loaded for the first picture that needs it, in any thread.

    Attributes:
        many: Whether to prepare it for many pictures.
    """

    def __init__(self, load: Callable[[], PictureEncoder], collection: Editor) -> None:
        self.many = False
        self._load = load
        self._collection = collection
        self._lock = threading.Lock()
        self._encoder: PictureEncoder | None = None

    def __call__(self) -> PictureEncoder:
        """Return the encoder; raise `SpecMismatch` if the collection's vectors belong to another space."""
        with self._lock:
            if self._encoder is None:
                encoder = self._load()
                if self._collection.spec:
                    self._collection.spec.check(encoder.spec, self._collection.name)
                self._encoder = encoder
            if self.many:
                self._encoder.pack()
                self.many = False
            return self._encoder


class _Indexer:
    """Reads and encodes files in many threads, and stores them in the order in which they were found."""

    def __init__(
        self,
        roots: Sequence[str],
        encoder: Callable[[], PictureEncoder],
        collection: Editor,
        captions: CaptionsByPath | None,
        report: IngestReport,
        part: Part,
        locate: Locator | None,
        *,
        verify: bool,
    ) -> None:
        self._roots = roots
        self._encoder = encoder
        self._journal = collection.journal
        self._former = collection.former
        self._captions = captions
        self._report = report
        self._verify = verify
        self._writer = Writer(collection, locate)
        self._processor = threading.Semaphore(processors())
        self._reader = Reader(encoder, collection, part, self._processor)
        self._sharing = Sharing(collection, report, self._reader.points)
        self.flush = self._writer.flush

    def read(self, tasks: Sequence[Task]) -> list[Read | Failed | None]:
        """Read files, and encode the pictures among them that are not in the collection yet. Runs in any thread."""
        items = [self._reader.read(task) for task in tasks]
        pixels = {item.id: item.pixels for item in items if isinstance(item, Read) and item.pixels is not None}
        if not pixels:
            return items
        encoder = self._encoder()
        with self._processor:
            vectors = encoder.encode_pixels(np.concatenate(list(pixels.values())))
        ends = np.cumsum([len(each) for each in pixels.values()])
        rows = dict(zip(pixels, np.split(vectors, ends[:-1]), strict=True))
        return [replace(i, pixels=None, vectors=rows.get(i.id)) if isinstance(i, Read) else i for i in items]

    def add(self, batch: Sequence[Read | Failed | None]) -> None:
        """Store a batch."""
        self._report.elsewhere += batch.count(None)
        self._writer.known(item.id for item in batch if isinstance(item, Read))
        outcomes = [self._whole(item) for item in batch if item]
        new = self._take_in([item for item in outcomes if isinstance(item, Read)])
        for item in outcomes:
            if isinstance(item, Failed):
                self._fail(item)
            if not isinstance(item, Read):
                continue
            is_verified = self._is_as_before(item)
            self._place(item)
            if item.id in new:
                new.remove(item.id)  # a second file with the same bytes is another place of the picture
                self._report.indexed += 1
            elif is_verified:
                self._report.verified += 1
            else:
                self._report.updated += 1
        if self._writer.flush_if_full():
            self._sharing.share()

    def _whole(self, item: Read | Failed) -> Read | Failed | None:
        """Read a file again whose picture was there when it was read first, and has been removed since."""
        if isinstance(item, Read) and not item.records and not self._writer.known([item.id]):
            return self.read([item.file])[0]
        return item

    def _take_in(self, items: Sequence[Read]) -> set[str]:
        """Add the new pictures, and return their ids."""
        known = self._writer.known(item.id for item in items)
        new = {item.id: item for item in items if item.id not in known}
        ids = [record.id for item in new.values() for record in item.records]
        former = self._former.collection.get(ids) if self._former else {}
        for item in new.values():
            if item.vectors is not None:
                records = [with_text_of(record, former.get(record.id, record)) for record in item.records]
                self._writer.add(records, item.vectors)
                self._report.count(records)
        return set(new)

    def _place(self, item: Read) -> None:
        captions = self._captions if is_below(item.file.path, self._roots) else None
        texts = captions.of(item.file.path) if captions else self._former_captions(item)
        digest = captions.digest(item.file.path) if captions else None
        for file in self._writer.unseen_places(item.id):
            if file.path == item.file.path or not is_gone(file.path):
                continue
            if is_below(file.path, self._roots):
                self._writer.forget(Entry(file, item.sha256))  # the file was moved here
            else:
                self._report.gone_elsewhere += 1
                self._report.moved = self._report.moved or moved_folders(file.path, item.file.path)
        self._writer.place(item.id, Entry(item.file, item.sha256, captions=digest), texts, item.beside)

    def _is_as_before(self, item: Read) -> bool:
        """Return whether a file was read only to check that its content is unchanged."""
        before = self._journal.entry(item.file.path) if self._verify else None
        return before is not None and before.file == item.file and before.sha256 == item.sha256

    def _former_captions(self, item: Read) -> tuple[str, ...] | None:
        """Return the captions that a file had in the collection whose encoder is being changed."""
        before = self._former.collection.get([item.id]).get(item.id) if self._former else None
        if before is None:
            return None
        of_place = {file.path: file.captions for file in before.files if before.date_source}
        return of_place.get(item.file.path, tuple(text for text in before.captions if text not in before.said))

    def _fail(self, item: Failed) -> None:
        self._report.unreadable.append((item.file.path, item.reason, item.detail))
        before = self._journal.entry(item.file.path) or Entry(item.file)  # what it held is kept until it is removed
        self._writer.note(replace(before, file=item.file, captions=None, reason=item.reason, detail=item.detail))
