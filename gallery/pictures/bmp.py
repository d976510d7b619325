"""Truncated BMP files."""

import struct

SIGNATURE = b"BM"
_MOST_BYTES = 2**28


def repaired(source: bytes) -> tuple[bytes, float]:
    """Complete a truncated file; return it and the share that is missing.

    Raises:
        ValueError: It has no pixels, or they are compressed.
    """
    if len(source) < 54:
        raise ValueError("no header")
    start, width, height = struct.unpack_from("<I", source, 10)[0], *struct.unpack_from("<ii", source, 18)
    bits, compression = struct.unpack_from("<HI", source, 28)
    expected = (abs(width) * bits + 31) // 32 * 4 * abs(height)
    present = len(source) - start
    if compression not in (0, 3) or not 0 < present < expected < _MOST_BYTES:
        raise ValueError("nothing to be added")
    return source.ljust(start + expected, b"\0"), 1 - present / expected
