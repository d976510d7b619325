"""Small or ordinary files that take much time or memory to decode."""

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import tifffile
from PIL import Image


def _saved(form: str, mode: str, size: tuple[int, int], **options: object) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, 90 if len(mode) == 1 else (90, 30, 200, 9)[: len(mode)]).save(file, form, **options)
    return file.getvalue()


def _png(size: int, depth: int, kind: int, samples: int, extra: bytes = b"", interlaced: int = 0) -> bytes:
    packer, left = zlib.compressobj(1), (size + 9) * (1 + samples * size * depth // 8)
    body = b"".join(packer.compress(bytes(2**20)) for _ in range(left // 2**20 + 1)) + packer.flush()
    header = struct.pack(">IIBBBBB", size, size, depth, kind, 0, 0, interlaced)
    chunks = _chunk(b"IHDR", header) + extra + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _scans(side: int, count: int) -> bytes:
    data = _saved("JPEG", "L", (side, side), progressive=True)
    return data[:-2] + data[data.rindex(b"\xff\xda") : -2] * count + b"\xff\xd9"


def _segments(part: bytes, count: int) -> bytes:
    data = _saved("JPEG", "RGB", (60, 60))
    return data[:2] + part * count + data[2:]


def _strips(count: int) -> bytes:
    """Return a TIFF file with a given number of one-pixel rows, each in a strip of its own."""
    start = 8 + 2 + 12 * 9 + 4
    tags = {256: 1, 257: count, 258: 8, 259: 1, 262: 1, 273: start, 277: 1, 278: 1, 279: start + 4 * count}
    entries = b"".join(
        struct.pack("<HHII", tag, 4, count if tag in (273, 279) else 1, value) for tag, value in tags.items()
    )
    offsets = np.full(count, start + 8 * count, np.uint32).tobytes() + np.ones(count, np.uint32).tobytes()
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4) + offsets + bytes(9)


def _tiff(shape: tuple[int, ...], kind: str) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, np.zeros(shape, kind), compression="zlib")
    return file.getvalue()


def _comments(part: bytes, count: int) -> bytes:
    data = _saved("GIF", "P", (60, 60))
    at = data.index(b",\0\0\0\0")
    return data[:at] + b"!\xfe" + part * count + b"\0" + data[at:]


MAKERS: dict[str, Callable[[], bytes]] = {
    "1400 scans.jpg": lambda: _scans(16_384, 1400),
    "1400 smaller scans.jpg": lambda: _scans(9000, 1400),
    "progressive.jpg": lambda: _saved("JPEG", "RGB", (16_000, 16_000), progressive=True, subsampling=0),
    "sequential.jpg": lambda: _saved("JPEG", "RGB", (16_000, 16_000), subsampling=0),
    "segments.jpg": lambda: _segments(b"\xff\xec\0\2", 24_000_000),
    "fillers.jpg": lambda: _segments(b"\xff", 99_000_000),
    "colours.png": lambda: _png(10_000, 8, 2, 3),
    "clear.png": lambda: _png(8900, 8, 6, 4),
    "deep.png": lambda: _png(9900, 16, 2, 3, _chunk(b"tRNS", bytes(6))),
    "interlaced.png": lambda: _png(9900, 16, 2, 3, interlaced=1),
    "chunks.png": lambda: _png(60, 8, 2, 3, _chunk(b"abCd", b"") * 8_000_000),
    "flat.webp": lambda: _saved("WEBP", "RGB", (7000, 7000), lossless=True, method=0),
    "large.webp": lambda: _saved("WEBP", "RGB", (10_000, 10_000), lossless=True, method=0),
    "large.avif": lambda: _saved("AVIF", "RGB", (8000, 8000), speed=10),
    "large.gif": lambda: _saved("GIF", "P", (9900, 9900)),
    "comments.gif": lambda: _comments(b"\1a", 49_000_000),
    "large.bmp": lambda: _saved("BMP", "L", (9900, 9900)),
    "floats.tif": lambda: _tiff((8000, 8000), "f4"),
    "doubles.tif": lambda: _tiff((5600, 5600), "f8"),
    "strips.tif": lambda: _strips(6_000_000),
}
