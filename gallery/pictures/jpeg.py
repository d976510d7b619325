"""JPEG files: limits on the cost of decoding, and the repair of damaged files."""

import struct
from collections.abc import Sequence

import numpy as np
from PIL import Image

START, END = b"\xff\xd8\xff", b"\xff\xd9"
_SCAN = b"\xff\xda"
MOST_WORK = 1_500_000_000
"""The most pixels times scans that are decoded, at some 2 ns each; later scans are dropped."""
_CHEAP_WORK, _CHEAP_PIXELS, _CHEAP_PROGRESSIVE = 500_000_000, 64_000_000, 33_000_000
"""The same for a file that is decoded in this process, and its most pixels; a progressive one is kept in memory
whole."""
_MOST_SEGMENTS = 256
"""The most segments before the pixels of such a file; each has at most 64 kB."""
_PROGRESSIVE = 0xC2
_FRAMES = {0xC0: _CHEAP_PIXELS, 0xC1: _CHEAP_PIXELS, _PROGRESSIVE: _CHEAP_PROGRESSIVE}
"""The markers of a header, and the pixels that it may speak of; others are arithmetic codes, or are not read."""
_SMALL = 2**18
"""Bytes of a broken file that cannot cost much."""
MOST_COEFFICIENTS = 700_000_000
"""How many bytes of memory decoding a progressive file may take."""
_ADOBE = 0xEE
_GREY = 128


def is_cheap(source: bytes) -> bool:
    """Return whether header and scans limit decoding to about a second."""
    at, has_exif, pixels, components = 2, False, 0, 0
    for _ in range(_MOST_SEGMENTS):
        head = source[at : at + 10]
        if len(head) < 10 or head[0] != 0xFF:
            return len(source) < _SMALL
        marker, length = head[1], int.from_bytes(head[2:4])
        if head[:2] == _SCAN:
            if head[4] == components:  # all in one scan; whatever follows is not read
                return True
            return pixels > 0 and source.count(_SCAN) * pixels <= _CHEAP_WORK
        if marker in _FRAMES:
            pixels = int.from_bytes(source[at + 5 : at + 7]) * int.from_bytes(source[at + 7 : at + 9])
            components = source[at + 9] if marker != _PROGRESSIVE else 0
            if pixels > _FRAMES[marker]:
                return False
        elif head[4:8] == b"Exif" and marker == 0xE1:
            if has_exif:  # the parts of a longer one
                return False
            has_exif = True
        at += 2 + length
    return False


def bounded(source: bytes, pixels: int) -> bytes:
    """Drop the scans beyond the limit for the number of pixels; most files are returned unchanged."""
    most = max(1, MOST_WORK // max(1, pixels))
    if source.count(_SCAN) <= most:
        return source
    at = -1
    for _ in range(most + 1):
        at = source.index(_SCAN, at + 1)
    return source[:at] + END


def coefficient_bytes(size: tuple[int, int], layers: Sequence[tuple[int, int, int, int]]) -> int:
    """Return what a progressive file takes in memory; `layers` are Pillow's: name, samples across and down, table."""
    samples = sum(across * down for _, across, down, _ in layers)
    most = max((across * down for _, across, down, _ in layers), default=1)
    return 2 * size[0] * size[1] * samples // max(1, most)


def repaired(source: bytes) -> bytes:
    """Complete a truncated file, and drop the metadata that its pixels do not need.

    Raises:
        ValueError: It has no pixels.
    """
    kept = [START[:2]]
    at = 2
    while at + 4 <= len(source):
        marker, length = source[at + 1], struct.unpack_from(">H", source, at + 2)[0]
        if source[at] != 0xFF:
            raise ValueError("no marker where one is required")
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
    """Return the share of rows, from the end, that the decoder filled with grey because data was missing."""
    values = np.asarray(image)
    unlike = np.flatnonzero((values != _GREY).reshape(len(values), -1).any(axis=1))
    last = int(unlike[-1]) + 1 if len(unlike) else 0
    return 1 - last / len(values)
