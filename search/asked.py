"""Pictures that were asked with lately, so that an address with a picture's key can be asked for again."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256

from gallery.encoder import Vectors

KEPT = 256


@dataclass(frozen=True, slots=True)
class AskedPicture:
    """A picture that somebody sent: its vector, shape `(dimension,)`, and a small JPEG of it to be shown."""

    vector: Vectors
    jpeg: bytes


class AskedPictures:
    """The last of them, in memory only. Safe to use from several threads."""

    def __init__(self) -> None:
        self._pictures: OrderedDict[str, AskedPicture] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, data: bytes, picture: AskedPicture) -> str:
        """Keep a picture, and return its key: the digest of the file's bytes."""
        key = sha256(data).hexdigest()
        with self._lock:
            self._pictures[key] = picture
            self._pictures.move_to_end(key)
            while len(self._pictures) > KEPT:
                self._pictures.popitem(last=False)
        return key

    def get(self, key: str) -> AskedPicture | None:
        """Return the picture with this key, if it is still kept."""
        with self._lock:
            return self._pictures.get(key)
