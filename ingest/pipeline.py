"""Image files -> points.

    walk and compare (a thread) -> read, hash, decode, scale (threads) -> encode, write (this thread)

A file, its metadata and its pixels travel as one value, so nothing can shift against anything else. Points are
written in batches; the journal tells of a file only once its point will survive a crash.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

import numpy as np

from gallery.collection import Editor, check_vectors
from gallery.encoder import Encoder, Vectors
from gallery.errors import Reason, UnreadableImage
from gallery.images import find_images, open_image, read_file
from gallery.journal import Entry, Journal
from gallery.payload import now, point_id
from gallery.records import ImageFile, ImageRecord
from ingest.captions import CaptionsByPath
from ingest.report import IngestReport
from ingest.threads import ahead, in_background

AHEAD_BATCHES = 3
"""Batches that are decoded ahead of the model; each holds a batch of its inputs in memory."""
WRITE_EVERY = 256
"""Files between two durable writes: what a crash can cost."""


def ingest(
    roots: Sequence[Path],
    collection: Editor,
    load_encoder: Callable[[], Encoder],
    *,
    captions: CaptionsByPath | None = None,
    batch_size: int = 32,
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
        batch_size: Pictures that go through the model at once.
        on_progress: Called in this thread after every batch and at the end.

    Raises:
        GalleryError: The run cannot go on; what was written stays, and the next run goes on from there.
    """
    report = IngestReport()
    files = in_background(changed_files(roots, collection.journal, captions, report))
    first = next(files, None)
    if first is not None:
        encoder = load_encoder()
        collection.begin(encoder.spec)
        reader = _Reader(encoder, collection)
        writer = _Writer(encoder, collection, reader, captions, report)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            try:
                outcomes = ahead(pool, reader.read, chain([first], files), AHEAD_BATCHES * batch_size)
                while batch := list(islice(outcomes, batch_size)):
                    writer.add(batch)
                    on_progress(report)
            finally:
                pool.shutdown(cancel_futures=True)
        writer.flush()
    collection.finish()
    on_progress(report)
    return report


def changed_files(
    roots: Sequence[Path], journal: Journal, captions: CaptionsByPath | None, report: IngestReport
) -> Iterator[ImageFile]:
    """Yield the files that are new or look different from what the journal says; count the others in `report`."""
    for root in roots:
        for file in find_images(root, lambda path, error: report.not_walked.append((path, str(error)))):
            entry = journal.entry(file.path)
            if entry is None or entry.file != file:
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
    report.walking = False


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

    def __init__(self, encoder: Encoder, collection: Editor) -> None:
        self._encoder = encoder
        self._collection = collection

    def read(self, file: ImageFile) -> _Read | _Failed:
        """Read a file, and decode it unless the collection has its bytes."""
        try:
            data = read_file(file.path)
            sha256 = hashlib.sha256(data).hexdigest()
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
        return self._collection.journal.knows(sha256) and bool(self._collection.get([point_id(sha256)]))


class _Writer:
    """Encodes pictures and writes points; holds what is not durable yet."""

    def __init__(
        self,
        encoder: Encoder,
        collection: Editor,
        reader: _Reader,
        captions: CaptionsByPath | None,
        report: IngestReport,
    ) -> None:
        self._encoder = encoder
        self._collection = collection
        self._reader = reader
        self._captions = captions
        self._report = report
        self._records: dict[str, ImageRecord] = {}  # as they shall be; without files, they shall go
        self._vectors: dict[str, Vectors] = {}
        self._entries: list[Entry] = []

    def add(self, batch: Sequence[_Read | _Failed]) -> None:
        """Take in files in the order in which they were found."""
        ids = [item.id for item in batch if isinstance(item, _Read)]
        self._records |= self._collection.get([id for id in ids if id not in self._records])
        outcomes = [self._whole(item) for item in batch]
        new = self._encode([item for item in outcomes if isinstance(item, _Read)])
        for item in outcomes:
            if isinstance(item, _Failed):
                self._fail(item)
                continue
            self._place(item)
            if item.id in new:
                new.remove(item.id)  # a second file with the same bytes is another place of it
                self._report.indexed += 1
            else:
                self._report.updated += 1
        if len(self._entries) >= WRITE_EVERY:
            self.flush()

    def flush(self) -> None:
        """Write what is held, and note it in the journal once it is durable."""
        kept = [record for record in self._records.values() if record.files]
        new = [record for record in kept if record.id in self._vectors]
        if new:
            self._collection.upsert(new, np.stack([self._vectors[record.id] for record in new]))
        self._collection.update([record for record in kept if record.id not in self._vectors])
        self._collection.delete([id for id, record in self._records.items() if not record.files])
        self._collection.flush()
        self._collection.journal.write(self._entries)
        self._records.clear()
        self._vectors.clear()
        self._entries.clear()

    def _whole(self, item: _Read | _Failed) -> _Read | _Failed:
        """Read a file again whose picture was there when it was read first, and has been removed since."""
        if isinstance(item, _Read) and item.record is None and item.id not in self._records:
            return self._reader.read(item.file)
        return item

    def _encode(self, items: Sequence[_Read]) -> set[str]:
        """Make the vectors of the pictures that are not there yet, and return their ids."""
        new = {item.id: item for item in items if item.id not in self._records}
        if not new:
            return set()
        vectors = self._encoder.encode_pixels(np.stack([i.pixels for i in new.values() if i.pixels is not None]))
        check_vectors(vectors, len(new), self._encoder.spec.dimension)
        self._vectors |= dict(zip(new, vectors, strict=True))
        self._records |= {id: replace(item.record, files=()) for id, item in new.items() if item.record}
        return set(new)

    def _place(self, item: _Read) -> None:
        """Note that the file holds the picture, and that it no longer holds another one."""
        before = self._collection.journal.entry(item.file.path)
        if before and before.sha256 and before.sha256 != item.sha256:
            self._displace(point_id(before.sha256), item.file.path)
        record = self._records[item.id]
        places = {file.path: file for file in (*record.files, item.file)}
        texts = self._captions.of(item.file.path) if self._captions else ()
        self._records[item.id] = replace(
            record, files=tuple(places[path] for path in sorted(places)), captions=texts or record.captions
        )
        self._entries.append(
            Entry(item.file, item.sha256, captions=self._captions.digest(item.file.path) if self._captions else None)
        )

    def _displace(self, id: str, path: str) -> None:
        record = self._records.get(id) or self._collection.get([id]).get(id)
        if record:
            self._records[id] = replace(record, files=tuple(file for file in record.files if file.path != path))

    def _fail(self, item: _Failed) -> None:
        self._report.unreadable.append((item.file.path, item.reason, item.detail))
        if item.reason.lasting:
            before = self._collection.journal.entry(item.file.path)
            sha256 = before.sha256 if before else None  # what it held is kept until somebody asks for its removal
            self._entries.append(Entry(item.file, sha256, reason=item.reason, detail=item.detail))
