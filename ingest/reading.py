"""One file -> its digest, its metadata and its pixels, or why not."""

import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gallery.encoders import PictureEncoder
from gallery.errors import Reason, UnreadableImage
from gallery.pictures import (
    Facts,
    Picture,
    are_alike,
    digest_of,
    facts_beside,
    is_video,
    look_at,
    merged,
    open_frames,
    open_image,
    perceptual_hash,
    read_file,
)
from gallery.records import ImageFile, ImageRecord
from gallery.stores import Editor, Entry, now, point_id, record_of
from gallery.vectors import Vectors
from ingest.part import Part


@dataclass(frozen=True, slots=True)
class Read:
    """A file that was read.

    A new picture has a record and pixels, which its vector replaces once it is encoded; a new video has them for each
    frame. A file whose bytes the collection already has comes without them. `beside` holds the facts from side-car
    files; None if the file was not read.
    """

    file: ImageFile
    sha256: str
    beside: Facts | None = None
    records: tuple[ImageRecord, ...] = ()
    pixels: Vectors | None = None
    vectors: Vectors | None = None

    @property
    def id(self) -> str:
        """The id of its point, of a video that of the first frame."""
        return point_id(self.sha256)


@dataclass(frozen=True, slots=True)
class Failed:
    """A file that is not a usable picture."""

    file: ImageFile
    reason: Reason
    detail: str


class Reader:
    """Reads and decodes files, in several threads at once.

    Attributes:
        points: A lock held while a thread looks at the collection's points.
    """

    def __init__(
        self, encoder: Callable[[], PictureEncoder], collection: Editor, part: Part, processor: threading.Semaphore
    ) -> None:
        """Take the function that provides the encoder for the first file that needs it.

        Args:
            encoder: Called in any thread.
            collection: Says which pictures exist already.
            part: Files of other parts are skipped.
            processor: A lock held while a file is decoded, so that no more threads compute than there are processors.
        """
        self.points = threading.Lock()
        self._processor = processor
        self._encoder = encoder
        self._collection = collection
        self._part = part

    def read(self, task: ImageFile | Entry) -> Read | Failed | None:
        """Read a file, and decode it unless the collection has its bytes; None for a file of another part.

        For an unchanged file, the journal's entry is used, and the file is not opened.
        """
        if isinstance(task, Entry) and task.sha256:
            return Read(task.file, task.sha256)
        file = task.file if isinstance(task, Entry) else task
        try:
            video = is_video(file.path)
            data = b"" if video else read_file(file.path)
            sha256 = digest_of(file.path) if video else hashlib.sha256(data).hexdigest()
            if not self._part.holds(sha256):
                return None
            beside = facts_beside(file.path)
            if self._is_there(sha256):
                return Read(file, sha256, beside)
            encoder = self._encoder()
            with self._processor:
                pictures = self._frames(file, encoder.detail) if video else [open_image(data, encoder.detail)]
                shots = _distinct(pictures)
                pixels = np.stack([encoder.pixels(picture.rgb) for picture, _ in shots])
        except UnreadableImage as error:
            return Failed(file, error.reason, error.detail)
        frames = tuple(picture.frame for picture, _ in shots if picture.frame is not None)
        records = []
        for number, (picture, phash) in enumerate(shots):
            record = record_of(picture, sha256, file, now(), merged([picture.facts, beside]))
            id = point_id(sha256, number)
            records.append(replace(record, id=id, phash=phash, stack=id, frames=frames))
        return Read(file, sha256, beside, tuple(records), pixels)

    @staticmethod
    def _frames(file: ImageFile, detail: int) -> list[Picture]:
        """Decode a video by its path, and check that it is still the file whose digest was taken."""
        pictures = open_frames(file.path, detail)
        if look_at(file.path) != file:
            raise UnreadableImage(Reason.IO_ERROR, "the file changed while it was read")
        return pictures

    def _is_there(self, sha256: str) -> bool:
        if not self._collection.journal.knows(sha256):
            return False
        with self.points:
            return bool(self._collection.points.present([point_id(sha256)]))


def _distinct(pictures: Sequence[Picture]) -> list[tuple[Picture, str | None]]:
    """Return pictures with their perceptual hashes, leaving out frames that look alike: they would not be a stack."""
    found: list[tuple[Picture, str | None]] = []
    for picture in pictures:
        phash = perceptual_hash(picture.rgb)
        if not any(are_alike(phash, other) for _, other in found):
            found.append((picture, phash))
    return found
