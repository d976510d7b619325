"""JPEG files: bounds on what decoding one costs, and a file that can be read out of a damaged one."""

import struct

import numpy as np
from PIL import Image

START, END = b"\xff\xd8\xff", b"\xff\xd9"
_SCAN = b"\xff\xda"
MOST_WORK = 2_500_000_000
"""Pixels times scans that are decoded, at some 2 ns each; what later scans would add is left out."""
_ADOBE = 0xEE
_GREY = 128


def bounded(source: bytes, pixels: int) -> bytes:
    """Return a file without the scans that are too many for its number of pixels: mostly the file itself."""
    most = max(1, MOST_WORK // max(1, pixels))
    if source.count(_SCAN) <= most:
        return source
    at = -1
    for _ in range(most + 1):
        at = source.index(_SCAN, at + 1)
    return source[:at] + END


def repaired(source: bytes) -> bytes:
    """Return a file with an end, and without the metadata that its pixels do not need.

    Raises:
        ValueError: It has no pixels.
    """
    kept = [START[:2]]
    at = 2
    while at + 4 <= len(source):
        marker, length = source[at + 1], struct.unpack_from(">H", source, at + 2)[0]
        if source[at] != 0xFF:
            raise ValueError("no marker where one has to be")
        if marker == 0xFF:  # a filler
            at += 1
            continue
        if source[at : at + 2] == _SCAN:
            return b"".join(kept) + source[at:] + END
        is_metadata = 0xE0 <= marker <= 0xEF or marker == 0xFE
        part = source[at : at + 2 + length]
        if not is_metadata or marker == _ADOBE or part[4:8] == b"Exif" or part[4:15] == b"ICC_PROFILE":
            kept.append(part)
        at += 2 + length
    raise ValueError("no pixels")


def missing_share(image: Image.Image) -> float:
    """Return the share of rows, from the end, that a decoder filled with grey for want of data."""
    values = np.asarray(image)
    unlike = np.flatnonzero((values != _GREY).reshape(len(values), -1).any(axis=1))
    last = int(unlike[-1]) + 1 if len(unlike) else 0
    return 1 - last / len(values)
