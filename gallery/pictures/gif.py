"""Truncated GIF files."""

import numpy as np
from PIL import Image

STARTS = (b"GIF87a", b"GIF89a")
_IMAGE, _EXTENSION, _INTERLACED = b",", b"!", 0x40
_MOST_PIXELS = 25_000_000


def repaired(source: bytes) -> tuple[bytes, bool]:
    """Complete the first picture of a truncated file; return the file and whether it is interlaced.

    The missing part has the first colour.

    Raises:
        ValueError: It has no pixels, or nothing is missing.
    """
    at = 13 + _palette_bytes(source[10:11])
    while source[at : at + 1] == _EXTENSION:
        at = _blocks(source, at + 2)[1]
    head = source[at : at + 10]
    if head[:1] != _IMAGE or len(head) < 10:
        raise ValueError("no pixels")
    width, height = (int.from_bytes(head[n : n + 2], "little") for n in (5, 7))
    if width * height > _MOST_PIXELS:
        raise ValueError("too many pixels for a damaged file")
    start = at + 10 + _palette_bytes(head[9:])
    packed, end = _blocks(source, start + 1)
    if end <= len(source) or not packed:
        raise ValueError("not cut off, or no pixels")
    packed += bytes(width * height * 3 // 2 + 2)  # zeros are codes of the first colour, of at most 12 bits
    body = b"".join(bytes([len(part)]) + part for n in range(0, len(packed), 255) if (part := packed[n : n + 255]))
    return source[: start + 1] + body + b"\0;", bool(head[9] & _INTERLACED)


def without_gaps(picture: Image.Image, *, interlaced: bool) -> tuple[Image.Image, float]:
    """Repair a picture; return it and the share of missing rows. Missing rows between others are copied from them."""
    values = np.asarray(picture)
    last = len(values) - 1
    filler = values[last - (1 - last % 2) if interlaced and last else last, -1]  # a row of the last pass
    is_empty = (values == filler).reshape(len(values), -1).all(axis=1)
    if not interlaced:
        is_empty[: last + 1 - int(np.argmin(is_empty[::-1]))] = False
        return picture, float(is_empty.mean())
    above = np.maximum.accumulate(np.where(is_empty, 0, np.arange(len(values))))
    return Image.fromarray(values[above]), float(is_empty.mean())


def _palette_bytes(flags: bytes) -> int:
    return 3 * 2 ** (1 + (flags[0] & 7)) if flags and flags[0] & 0x80 else 0


def _blocks(source: bytes, at: int) -> tuple[bytes, int]:
    """Return the bytes of a sequence of blocks, and its end, which is beyond the file's end if it is truncated."""
    parts = []
    while at < len(source) and source[at]:
        parts.append(source[at + 1 : at + 1 + source[at]])
        at += 1 + source[at]
    return b"".join(parts), at + 1
