"""One file -> its digest, its metadata and its pixels, or why not."""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from gallery.encoders import PictureEncoder
from gallery.errors import Reason, UnreadableImage
from gallery.pictures import Facts, facts_beside, merged, open_image, perceptual_hash, read_file
from gallery.records import ImageFile, ImageRecord
from gallery.stores import Editor, Entry, now, point_id, record_of
from gallery.vectors import Vectors
from ingest.part import Part


@dataclass(frozen=True, slots=True)
class Read:
    """A file that was read.

    A new picture has pixels, which its vector replaces once it is encoded; one that the collection already has has
    neither. `beside` holds the facts from side-car files; None if the file was not read.
    """

    file: ImageFile
    sha256: str
    beside: Facts | None = None
    record: ImageRecord | None = None
    pixels: Vectors | None = None
    vector: Vectors | None = None

    @property
    def id(self) -> str:
        """The id of its point."""
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
            data = read_file(file.path)
            sha256 = hashlib.sha256(data).hexdigest()
            if not self._part.holds(sha256):
                return None
            beside = facts_beside(file.path)
            if self._is_there(sha256):
                return Read(file, sha256, beside)
            encoder = self._encoder()
            with self._processor:
                picture = open_image(data, encoder.detail)
                phash, pixels = perceptual_hash(picture.rgb), encoder.pixels(picture.rgb)
        except UnreadableImage as error:
            return Failed(file, error.reason, error.detail)
        record = record_of(picture, sha256, file, now(), merged([picture.facts, beside]))
        return Read(file, sha256, beside, replace(record, phash=phash, stack=point_id(sha256)), pixels)

    def _is_there(self, sha256: str) -> bool:
        if not self._collection.journal.places(sha256):
            return False
        with self.points:
            return bool(self._collection.points.present([point_id(sha256)]))
