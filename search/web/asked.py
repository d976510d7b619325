"""Pictures that were asked with lately, so that an address with a picture's key can be asked for again."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256

from gallery.vectors import Vectors

KEPT, KEPT_BYTES = 256, 32_000_000
"""How many pictures are kept at most, and how many bytes of their JPEGs and vectors."""


@dataclass(frozen=True, slots=True)
class AskedPicture:
    """A picture that somebody sent.

    Attributes:
        vector: Shape `(dimension,)`.
        space: Of which encoder the vector is.
        jpeg: A small JPEG of the picture, to be shown.
    """

    vector: Vectors
    space: str
    jpeg: bytes

    @property
    def bytes(self) -> int:
        """How much it takes."""
        return len(self.jpeg) + self.vector.nbytes


class AskedPictures:
    """The last of them, in memory only. Safe to use from several threads."""

    def __init__(self) -> None:
        self._pictures: OrderedDict[str, AskedPicture] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def keep(self, data: bytes, picture: AskedPicture) -> str:
        """Keep a picture, and return its key: the digest of the file's bytes."""
        key = sha256(data).hexdigest()
        with self._lock:
            before = self._pictures.pop(key, None)
            self._pictures[key] = picture
            self._bytes += picture.bytes - (before.bytes if before else 0)
            while len(self._pictures) > KEPT or self._bytes > KEPT_BYTES:
                self._bytes -= self._pictures.popitem(last=False)[1].bytes
        return key

    def get(self, key: str) -> AskedPicture | None:
        """Return the picture with this key, if it is still kept; those that are asked for stay longest."""
        with self._lock:
            if key in self._pictures:
                self._pictures.move_to_end(key)
            return self._pictures.get(key)
