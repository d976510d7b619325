"""PNG files: what Pillow does not read, and the repair of damaged files."""

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import NamedTuple

from PIL import Image

from gallery.pictures.profiles import profile_of_codes, profile_of_gamma

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KEPT = (b"PLTE", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"cICP")
_MOST_INFLATED = 2**24
"""How many bytes of a compressed colour profile are read."""
_MOST_RAW = 2**28
"""The most bytes of pixels of a damaged file; several copies of them are held while it is repaired."""
_MOST_CHUNKS = 20_000
"""A file with more chunks than this is not decoded in this process, because each is read in Python."""
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""For each pass of an interlaced file: its first column and row, and the steps between its columns and rows."""


class Chunk(NamedTuple):
    """A part of a PNG file, and whether its checksum is right."""

    kind: bytes
    data: bytes
    is_sound: bool


def chunks(source: bytes) -> Iterator[Chunk]:
    """Yield the chunks of a PNG file up to its end; the last one may be cut off."""
    at = len(SIGNATURE)
    while at + 8 <= len(source):
        (length,) = struct.unpack_from(">I", source, at)
        kind = source[at + 4 : at + 8]
        data = source[at + 8 : at + 8 + length]
        checksum = source[at + 8 + length : at + 12 + length]
        yield Chunk(kind, data, checksum == struct.pack(">I", zlib.crc32(kind + data)))
        if kind == b"IEND":
            return
        at += 12 + length


def is_cheap(source: bytes, most_pixels: int) -> bool:
    """Return whether the numbers of chunks and pixels limit decoding to about a second."""
    if int.from_bytes(source[16:20]) * int.from_bytes(source[20:24]) > most_pixels:
        return False
    at = len(SIGNATURE)
    for _ in range(_MOST_CHUNKS):
        if at + 8 > len(source):
            return True
        at += 12 + int.from_bytes(source[at : at + 4])
    return False


def profile_of(source: bytes) -> bytes | None:
    """Return the ICC profile of a PNG file's colours, or None for sRGB.

    As in the specification, cICP takes precedence over iCCP, then sRGB, then gAMA and cHRM.
    """
    said: dict[bytes, bytes] = {}
    for chunk in chunks(source):
        if chunk.kind == b"IDAT":
            break
        if chunk.is_sound and chunk.kind in (b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM"):
            said[chunk.kind] = chunk.data
    if len(said.get(b"cICP", b"")) == 4:
        return profile_of_codes(said[b"cICP"][0], said[b"cICP"][1])
    if b"iCCP" in said:
        compressed = said[b"iCCP"].partition(b"\0")[2][1:]
        return _inflated(compressed, _MOST_INFLATED)[0]
    if b"sRGB" in said:
        return None
    gamma = _numbers(said.get(b"gAMA", b""), 1)
    points = _numbers(said.get(b"cHRM", b""), 8)
    if points:
        white, red, green, blue = zip(points[::2], points[1::2], strict=True)
        return profile_of_gamma(gamma[0] if gamma else None, (white, red, green, blue))
    return profile_of_gamma(gamma[0], None) if gamma else None


def clear_pixels(image: Image.Image, source: bytes) -> Image.Image | None:
    """Return a mask, 255 where a PNG of three 16-bit colours is transparent; None for any other picture.

    Pillow keeps only the upper byte of each sample; this also reads the lower ones.
    """
    clear = image.info.get("transparency")
    if image.format != "PNG" or image.mode != "RGB" or not isinstance(clear, tuple) or source[24] != 16:
        return None
    with Image.open(BytesIO(source), formats=["PNG"]) as lower:
        lower.tile = [tile._replace(args="RGB;16L") for tile in lower.tile]  # takes the second byte of two
        lower.load()
        mask = Image.new("L", image.size, 0)
        for half, shift in ((image, 8), (lower, 0)):
            for band, value in zip(half.split(), clear, strict=True):
                wanted = (value >> shift) & 255
                mask.paste(255, mask=band.point([0 if level == wanted else 255 for level in range(256)]))
    return mask


def repaired(source: bytes) -> tuple[bytes, float]:
    """Repair a damaged file; return it and the share of missing rows.

    Raises:
        ValueError: No pixel can be read.
    """
    header, kept, packed = b"", dict[bytes, bytes](), bytearray()
    for chunk in chunks(source):
        if chunk.kind == b"IHDR" and len(chunk.data) == 13:
            header = chunk.data
        elif chunk.kind in _KEPT and chunk.is_sound:
            kept.setdefault(chunk.kind, chunk.data)
        elif chunk.kind == b"IDAT":
            packed += chunk.data
    if not header:
        raise ValueError("no header")
    expected, row = _raw_size(header)
    if expected > _MOST_RAW:
        raise ValueError(f"{expected} bytes of pixels; the limit for a damaged file is {_MOST_RAW}")
    raw, is_whole = _inflated(bytes(packed), expected)
    raw = raw[: len(raw) // row * row] if not is_whole and len(raw) < expected else raw
    if not raw:
        raise ValueError("no pixels")
    missing = 1 - min(1, len(raw) / expected)
    body = zlib.compress(raw.ljust(expected, b"\0"), 1)
    parts = [(b"IHDR", header), *kept.items(), (b"IDAT", body), (b"IEND", b"")]
    return SIGNATURE + b"".join(_chunk(kind, data) for kind, data in parts), missing


def _raw_size(header: bytes) -> tuple[int, int]:
    """Return the bytes of all rows, each with its filter's number, and those of one row."""
    width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    bits = depth * _CHANNELS.get(kind, 1)

    def size(columns: int, rows: int) -> int:
        return rows * (1 + (columns * bits + 7) // 8) if columns > 0 else 0

    if not interlaced:
        return size(width, height), size(width, 1)
    whole = sum(size(-(-(width - x) // right), max(0, -(-(height - y) // down))) for x, y, right, down in _PASSES)
    return whole, 1


def _inflated(packed: bytes, most: int) -> tuple[bytes, bool]:
    """Decompress at most a given number of bytes; return them and whether the data was intact."""
    decoder = zlib.decompressobj()
    found = bytearray()
    try:
        for start in range(0, len(packed), 4096):  # in small steps, because a failing step returns nothing
            found += decoder.decompress(packed[start : start + 4096], max(1, most - len(found)))
            if len(found) >= most:
                break
    except zlib.error:
        return bytes(found), False
    return bytes(found[:most]), True


def _numbers(data: bytes, count: int) -> tuple[float, ...]:
    if len(data) != 4 * count:
        return ()
    numbers = tuple(number / 100_000 for number in struct.unpack(f">{count}I", data))
    return numbers if all(numbers) else ()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
