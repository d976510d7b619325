"""Image files -> points.

    walk and compare (a thread) -> read, hash, decode, scale (threads) -> encode, write (this thread)

A file, its metadata and its pixels travel as one value, so nothing can shift against anything else. Points are
written in batches; the journal tells of a file only once its point will survive a crash.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np

from gallery.collection import Editor, check_vectors
from gallery.encoder import Encoder, Vectors
from gallery.errors import BadInput, Reason, UnreadableImage
from gallery.files import find_images, read_file
from gallery.images import open_image
from gallery.journal import Entry, Journal
from gallery.payload import now, point_id
from gallery.records import ImageFile, ImageRecord
from ingest.captions import CaptionsByPath
from ingest.part import Part
from ingest.removal import is_below, is_gone, remove_gone
from ingest.report import IngestReport
from ingest.threads import ahead, in_background
from ingest.writer import Writer

AHEAD_BATCHES = 3
"""Batches that are decoded ahead of the model; each holds a batch of its inputs in memory."""


def ingest(
    roots: Sequence[Path],
    collection: Editor,
    load_encoder: Callable[[], Encoder],
    *,
    captions: CaptionsByPath | None = None,
    exclude: Sequence[str] = (),
    batch_size: int = 32,
    prune: bool = False,
    prune_all: bool = False,
    part: Part | None = None,
    on_progress: Callable[[IngestReport], None] = lambda _: None,
) -> IngestReport:
    """Bring a collection up to date with the image files below `roots`.

    Files that look as they did are not opened, and without any other the encoder is not loaded. An unreadable file
    does not stop the run.

    Args:
        roots: Folders or files.
        collection: The caller closes it.
        load_encoder: Called at most once, when there is something to read.
        captions: Sentences to keep with the pictures; None leaves those that are there.
        exclude: Patterns of what not to look at, in the language of .gitignore.
        batch_size: Pictures that go through the model at once.
        prune: Remove the places of files that are gone from below `roots`, and pictures that have no other.
        prune_all: However many pictures that are.
        part: Take in only files whose content is in this part; others are read, and left to whoever has theirs.
        on_progress: Called in this thread after every batch and at the end.

    Raises:
        GalleryError: The run cannot go on; what was written stays, and the next run goes on from there.
    """
    report = IngestReport()
    files = in_background(changed_files(roots, collection.journal, captions, exclude, report))
    first = next(files, None)
    if first is not None:
        encoder = load_encoder()
        collection.begin(encoder.spec)
        indexer = _Indexer(
            [os.path.abspath(root) for root in roots], encoder, collection, captions, report, part or Part()
        )
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            try:
                outcomes = ahead(pool, indexer.reader.read, chain([first], files), AHEAD_BATCHES * batch_size)
                while batch := list(islice(outcomes, batch_size)):
                    indexer.add(batch)
                    on_progress(report)
            finally:
                pool.shutdown(cancel_futures=True)
        indexer.flush()
    try:
        if prune:
            report.pruned = remove_gone(collection, roots, report.not_walked, everything=prune_all)
    except BadInput:
        collection.finish()
        raise
    collection.finish()
    on_progress(report)
    return report


def changed_files(
    roots: Sequence[Path],
    journal: Journal,
    captions: CaptionsByPath | None,
    exclude: Sequence[str],
    report: IngestReport,
) -> Iterator[ImageFile]:
    """Yield the files that are new or look different from what the journal says; count the others in `report`."""
    for root in _outermost(roots):
        is_empty = True
        for file in find_images(Path(root), lambda path, error: report.not_walked.append((path, str(error))), exclude):
            is_empty = False
            entry = journal.entry(file.path)
            if entry is None or entry.file != file or (entry.reason and not entry.reason.lasting):
                report.to_read += 1
                yield file
            elif entry.reason:
                report.remembered += 1
                report.unreadable.append((file.path, entry.reason, entry.detail))
            elif captions and entry.captions != captions.digest(file.path):
                report.to_read += 1
                yield file
            else:
                report.unchanged += 1
        if is_empty:
            report.not_walked.append((root, "no image file there; is its disk in place?"))
    report.walking = False


def _outermost(roots: Sequence[Path]) -> list[str]:
    """Leave out what lies below another root, so that no file is found twice."""
    paths = dict.fromkeys(os.path.abspath(root) for root in roots)
    return [path for path in paths if not is_below(path, paths.keys() - {path})]


@dataclass(frozen=True, slots=True)
class _Read:
    """A file that was read: a picture with its pixels, or without them if the collection has its bytes already."""

    file: ImageFile
    sha256: str
    record: ImageRecord | None = None
    pixels: Vectors | None = None

    @property
    def id(self) -> str:
        return point_id(self.sha256)


@dataclass(frozen=True, slots=True)
class _Failed:
    file: ImageFile
    reason: Reason
    detail: str


class _Reader:
    """Reads and decodes files, in several threads at once."""

    def __init__(self, encoder: Encoder, collection: Editor, part: Part) -> None:
        self._encoder = encoder
        self._part = part
        self._collection = collection

    def read(self, file: ImageFile) -> _Read | _Failed | None:
        """Read a file, and decode it unless the collection has its bytes; None for one of another part."""
        try:
            data = read_file(file.path)
            sha256 = hashlib.sha256(data).hexdigest()
            if not self._part.holds(sha256):
                return None
            if self._is_there(sha256):
                return _Read(file, sha256)
            picture = open_image(data, self._encoder.detail)
        except UnreadableImage as error:
            return _Failed(file, error.reason, error.detail)
        record = ImageRecord(
            id=point_id(sha256),
            sha256=sha256,
            files=(file,),
            width=picture.width,
            height=picture.height,
            format=picture.format,
            camera=picture.camera,
            taken_at=picture.taken_at,
            orientation=picture.orientation,
            captions=(),
            indexed_at=now(),
        )
        return _Read(file, sha256, record, self._encoder.pixels(picture.rgb))

    def _is_there(self, sha256: str) -> bool:
        return self._collection.journal.places(sha256) > 0 and bool(self._collection.get([point_id(sha256)]))


class _Indexer:
    """Takes in files in the order in which they were found: encodes what is new, and places all."""

    def __init__(
        self,
        roots: Sequence[str],
        encoder: Encoder,
        collection: Editor,
        captions: CaptionsByPath | None,
        report: IngestReport,
        part: Part,
    ) -> None:
        self._roots = roots
        self._encoder = encoder
        self._journal = collection.journal
        self._captions = captions
        self._report = report
        self._writer = Writer(collection)
        self.reader = _Reader(encoder, collection, part)
        self.flush = self._writer.flush

    def add(self, batch: Sequence[_Read | _Failed | None]) -> None:
        """Take in a batch."""
        self._report.elsewhere += batch.count(None)
        self._writer.known(item.id for item in batch if isinstance(item, _Read))
        outcomes = [self._whole(item) for item in batch if item]
        new = self._encode([item for item in outcomes if isinstance(item, _Read)])
        for item in outcomes:
            if isinstance(item, _Failed):
                self._fail(item)
            if not isinstance(item, _Read):
                continue
            self._place(item)
            if item.id in new:
                new.remove(item.id)  # a second file with the same bytes is another place of it
                self._report.indexed += 1
            else:
                self._report.updated += 1
        self._writer.flush_if_full()

    def _whole(self, item: _Read | _Failed) -> _Read | _Failed | None:
        """Read a file again whose picture was there when it was read first, and has been removed since."""
        if isinstance(item, _Read) and item.record is None and not self._writer.known([item.id]):
            return self.reader.read(item.file)
        return item

    def _encode(self, items: Sequence[_Read]) -> set[str]:
        """Make the vectors of the pictures that are not there yet, and return their ids."""
        known = self._writer.known(item.id for item in items)
        new = {item.id: item for item in items if item.id not in known}
        if not new:
            return set()
        vectors = self._encoder.encode_pixels(np.stack([i.pixels for i in new.values() if i.pixels is not None]))
        check_vectors(vectors, len(new), self._encoder.spec.dimension)
        for item, vector in zip(new.values(), vectors, strict=True):
            if item.record:
                self._writer.add(item.record, vector)
        return set(new)

    def _place(self, item: _Read) -> None:
        texts = self._captions.of(item.file.path) if self._captions else None
        digest = self._captions.digest(item.file.path) if self._captions else None
        for file in self._writer.files(item.id):
            if file.path != item.file.path and is_below(file.path, self._roots) and is_gone(file.path):
                self._writer.forget(Entry(file, item.sha256))  # the file was moved here
        self._writer.place(item.id, Entry(item.file, item.sha256, captions=digest), texts)

    def _fail(self, item: _Failed) -> None:
        self._report.unreadable.append((item.file.path, item.reason, item.detail))
        before = self._journal.entry(item.file.path)
        sha256 = before.sha256 if before else None  # what it held is kept until somebody asks for its removal
        self._writer.note(Entry(item.file, sha256, reason=item.reason, detail=item.detail))
