"""Truncated WebP files."""

import numpy as np
from PIL import Image

_MOST_BYTES = 2**27
_GREY = (128, 128, 128)


def is_webp(source: bytes) -> bool:
    """Return whether a file begins as a WebP file does."""
    return source.startswith(b"RIFF") and source[8:12] == b"WEBP"


def repaired(source: bytes) -> tuple[bytes, bytes]:
    """Complete a truncated file in two ways. Where the decoded pictures differ, data is missing.

    Raises:
        ValueError: Nothing is missing, or far too much.
    """
    length = int.from_bytes(source[4:8], "little") + 8
    if not len(source) < length < _MOST_BYTES:
        raise ValueError("not cut off")
    # Zeros decode to little, so they suffice; a few other bytes change what follows the cut.
    return source.ljust(length, b"\0"), (source + 8 * b"\x55").ljust(length, b"\0")[:length]


def shared_part(one: Image.Image, two: Image.Image) -> tuple[Image.Image, float]:
    """Return a picture of the rows above the first difference, the rest grey, and the share of the rest."""
    differs = (np.asarray(one) != np.asarray(two)).reshape(one.height, -1).any(axis=1)
    first = int(differs.argmax()) if differs.any() else one.height
    result = one.copy()
    result.paste(_GREY, (0, first, one.width, one.height))
    return result, 1 - first / one.height
