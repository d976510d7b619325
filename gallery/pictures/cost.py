"""Whether a file can be decoded in this process: its header and parts limit the cost, whatever they contain."""

import struct

from gallery.pictures import bmp, gif, jpeg, png, webp

MOST_PIXELS = 25_000_000
"""The most pixels that are decoded in this process, except in JPEGs."""
_MOST_GIF_BYTES = 2_000_000
"""A GIF is read block by block in Python."""
_DIB_HEADERS = tuple(struct.pack("<I", size) for size in (12, 16, 40, 52, 56, 64, 108, 124))


def is_cheap(data: bytes) -> bool:
    """Return whether decoding takes at most some 2 seconds and 500 MB. Photos of most cameras and telephones do.

    Files of the TIFF (including raw), AVIF and HEIC families never count: they contain references into themselves, so a
    small file can describe any amount of work.
    """
    if data.startswith(jpeg.START):
        return jpeg.is_cheap(data)
    if data.startswith(png.SIGNATURE):
        return png.is_cheap(data, MOST_PIXELS)
    if data.startswith(gif.STARTS):
        return len(data) <= _MOST_GIF_BYTES and _is_small(struct.unpack_from("<HH", data.ljust(10), 6))
    if webp.is_webp(data):
        return _is_small(_webp_size(data[:30].ljust(30, b"\0")))
    if data.startswith(bmp.SIGNATURE):
        return _is_small(struct.unpack_from("<ii", data.ljust(26, b"\0"), 18))
    return not data.startswith((b"II", b"MM", b"FUJI", b"FOVb", b"\0MRM", *_DIB_HEADERS)) and data[4:8] != b"ftyp"


def _is_small(size: tuple[int, ...]) -> bool:
    return abs(size[0] * size[1]) <= MOST_PIXELS


def _webp_size(head: bytes) -> tuple[int, int]:
    kind = head[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack_from("<HH", head, 26)
    return width & 0x3FFF, height & 0x3FFF
