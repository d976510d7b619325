"""WebP files that were cut off."""

import numpy as np
from PIL import Image

_MOST_BYTES = 2**27
_GREY = (128, 128, 128)


def is_webp(source: bytes) -> bool:
    """Return whether a file is one by its first bytes."""
    return source.startswith(b"RIFF") and source[8:12] == b"WEBP"


def repaired(source: bytes) -> tuple[bytes, bytes]:
    """Return two files of full length with what can be read of a cut one: what differs between them is missing.

    Raises:
        ValueError: Nothing is missing, or far too much.
    """
    length = int.from_bytes(source[4:8], "little") + 8
    if not len(source) < length < _MOST_BYTES:
        raise ValueError("not cut off")
    # Zeros decode to little, so they never run out; a few other bytes change what comes right behind the cut.
    return source.ljust(length, b"\0"), (source + 8 * b"\x55").ljust(length, b"\0")[:length]


def shared_part(one: Image.Image, two: Image.Image) -> tuple[Image.Image, float]:
    """Return a picture of the rows above the first one that differs, and the share of the others, which are grey."""
    differs = (np.asarray(one) != np.asarray(two)).reshape(one.height, -1).any(axis=1)
    first = int(differs.argmax()) if differs.any() else one.height
    result = one.copy()
    result.paste(_GREY, (0, first, one.width, one.height))
    return result, 1 - first / one.height
