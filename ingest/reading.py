"""One file -> its digest, its metadata and its pixels, or why not."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from gallery.encoder import Encoder, Vectors
from gallery.errors import Reason, UnreadableImage
from gallery.pictures.files import read_file
from gallery.pictures.images import open_image
from gallery.records import ImageFile, ImageRecord
from gallery.stores.editor import Editor
from gallery.stores.journal import Entry
from gallery.stores.payload import now, point_id, record_of
from ingest.part import Part
from ingest.stacks import perceptual_hash
from ingest.threads import Turns


@dataclass(frozen=True, slots=True)
class Read:
    """A file that was read: a picture with its pixels, or without them if the collection has its bytes already."""

    file: ImageFile
    sha256: str
    record: ImageRecord | None = None
    pixels: Vectors | None = None

    @property
    def id(self) -> str:
        """The id of its point."""
        return point_id(self.sha256)


@dataclass(frozen=True, slots=True)
class Failed:
    """A file that is no usable picture."""

    file: ImageFile
    reason: Reason
    detail: str


class Reader:
    """Reads and decodes files, in several threads at once."""

    def __init__(self, encoder: Callable[[], Encoder], collection: Editor, part: Part) -> None:
        """Take the function that gives the encoder, for the first file that needs it."""
        self.turns = Turns()
        self._encoder = encoder
        self._collection = collection
        self._part = part

    def read(self, task: ImageFile | Entry) -> Read | Failed | None:
        """Read a file, and decode it unless the collection has its bytes; None for one of another part.

        An entry of the journal stands for a file that looks as it did, and is not opened.
        """
        if isinstance(task, Entry) and task.sha256:
            return Read(task.file, task.sha256)
        file = task.file if isinstance(task, Entry) else task
        try:
            data = read_file(file.path)
            sha256 = hashlib.sha256(data).hexdigest()
            if not self._part.holds(sha256):
                return None
            if self._is_there(sha256):
                return Read(file, sha256)
            encoder = self._encoder()
            self.turns.wait()
            picture = open_image(data, encoder.detail)
        except UnreadableImage as error:
            return Failed(file, error.reason, error.detail)
        record = replace(
            record_of(picture, sha256, file, now()), phash=perceptual_hash(picture.rgb), stack=point_id(sha256)
        )
        return Read(file, sha256, record, encoder.pixels(picture.rgb))

    def _is_there(self, sha256: str) -> bool:
        return self._collection.journal.places(sha256) > 0 and bool(self._collection.get([point_id(sha256)]))
