"""Pictures that were recently uploaded to search with, so that an address with a picture's key keeps working."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256

from gallery.errors import BadInput
from gallery.pictures import THUMB, open_image, shrunk_jpeg
from search.engine import SearchEngine
from search.terms import Vector

KEPT, KEPT_BYTES = 256, 32_000_000
"""How many pictures are kept at most, and how many bytes of their JPEGs and vectors."""


@dataclass(frozen=True, slots=True)
class SentPicture:
    """An uploaded picture.

    Attributes:
        vector: Shape `(dimension,)`.
        space: The encoder's space to which the vector belongs.
        jpeg: A small JPEG of the picture, to be shown.
    """

    vector: Vector
    space: str
    jpeg: bytes

    @classmethod
    def of(cls, data: bytes, engine: SearchEngine) -> "SentPicture":
        """Decode a picture file's bytes once; return what is kept of it.

        Raises:
            UnreadableImage: The bytes are not a picture.
        """
        encoder = engine.towers.pictures()
        rgb = open_image(data, max(encoder.detail, THUMB)).rgb
        vector = encoder.encode_images([rgb])[0]
        return cls(vector, engine.collection.spec.space, shrunk_jpeg(rgb, THUMB))

    def vector_for(self, engine: SearchEngine) -> Vector:
        """Return the vector, for a search.

        Raises:
            BadInput: The collection uses another encoder.
        """
        if self.space != engine.collection.spec.space:
            raise BadInput("the collection's encoder has changed since this picture was sent; send it again")
        return self.vector

    @property
    def bytes(self) -> int:
        """Its size in bytes."""
        return len(self.jpeg) + self.vector.nbytes


class SentPictures:
    """The most recent uploads, in memory only. Thread-safe."""

    def __init__(self) -> None:
        self._pictures: OrderedDict[str, SentPicture] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def keep(self, data: bytes, picture: SentPicture) -> str:
        """Keep a picture, and return its key: the digest of the file's bytes."""
        key = sha256(data).hexdigest()
        with self._lock:
            before = self._pictures.pop(key, None)
            self._pictures[key] = picture
            self._bytes += picture.bytes - (before.bytes if before else 0)
            while len(self._pictures) > KEPT or self._bytes > KEPT_BYTES:
                self._bytes -= self._pictures.popitem(last=False)[1].bytes
        return key

    def get(self, key: str) -> SentPicture:
        """Return the picture with this key; recently used pictures are kept longest.

        Raises:
            BadInput: It is no longer kept.
        """
        with self._lock:
            if key not in self._pictures:
                raise BadInput("the picture that this address searches with is no longer kept; send it again")
            self._pictures.move_to_end(key)
            return self._pictures[key]
