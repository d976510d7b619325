"""Pictures that were searched with lately, so that an address with a picture's key can be asked for again."""

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
    """A picture that somebody sent.

    Attributes:
        vector: Shape `(dimension,)`.
        space: Of which encoder the vector is.
        jpeg: A small JPEG of the picture, to be shown.
    """

    vector: Vector
    space: str
    jpeg: bytes

    @classmethod
    def of(cls, data: bytes, engine: SearchEngine) -> "SentPicture":
        """Return what is kept of a picture file's bytes, which are decoded once.

        Raises:
            UnreadableImage: They are no picture.
        """
        encoder = engine.towers.pictures()
        rgb = open_image(data, max(encoder.detail, THUMB)).rgb
        vector = encoder.encode_images([rgb])[0]
        return cls(vector, engine.collection.spec.space, shrunk_jpeg(rgb, THUMB))

    def vector_for(self, engine: SearchEngine) -> Vector:
        """Return the vector, for a search.

        Raises:
            BadInput: The collection is of another encoder.
        """
        if self.space != engine.collection.spec.space:
            raise BadInput("the collection has another encoder than the one this picture was read with; send it again")
        return self.vector

    @property
    def bytes(self) -> int:
        """How much it takes."""
        return len(self.jpeg) + self.vector.nbytes


class SentPictures:
    """The last of them, in memory only. Safe to use from several threads."""

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
        """Return the picture with this key; those that are asked for are kept longest.

        Raises:
            BadInput: It is not kept any more.
        """
        with self._lock:
            if key not in self._pictures:
                raise BadInput("the picture that this address searches with is no longer kept; send it again")
            self._pictures.move_to_end(key)
            return self._pictures[key]
