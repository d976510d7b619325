"""Hostile files: damaged, mislabelled, oddly named, and some that take long, or much memory, to decode."""

import os
import random
import struct
import zlib
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.small import png, png_chunk, saved, saved_tiff

NAMES = ["a\nb", "-rf", "--help", "café", "\U0001f408", " ", "a'b\"c", "$(x)", "%2e%2e", "\udcff\udcfe", "\u202egpj"]
NAMES += ["x" * 200]
Maker = Callable[[Path, random.Random], None]
"""Makes one file at a path, which may get another suffix."""
WHOLE: dict[str, bytes] = {}
"""Path of a file that was cut off -> all of its bytes."""


def make_hostile(folder: Path, count: int, seed: int = 0) -> int:
    """Make `count` hostile files in a folder; return how many of them are good pictures all the same."""
    chance = random.Random(seed)
    made = list(islice(cycle(MAKERS), count))
    for number, make in enumerate(made):
        parts = [f"{number:04d}", NAMES[number % len(NAMES)]]
        home = folder / f"{number % 7}"
        home.mkdir(parents=True, exist_ok=True)
        make(home / f"{''.join(parts if number % 3 else reversed(parts))}.jpg", chance)
    (folder / "loop").symlink_to(folder)
    return sum(make in GOOD for make in made)


def noise(
    chance: random.Random, form: str, mode: str = "RGB", size: tuple[int, int] = (24, 32), **options: object
) -> bytes:
    """Return a file of small random noise, so that no two are the same."""
    drawn = np.random.default_rng(chance.randrange(2**32)).integers(0, 256, (*size, 4), np.uint8)
    return saved(Image.fromarray(drawn).convert(mode), form, **options)


def truncated(path: Path, chance: random.Random) -> None:
    form = chance.choice(["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF"])
    data = noise(chance, form, size=(120, 60), interlace=0)  # which GIF alone knows
    path = path.with_suffix(f".{form.lower()}")
    path.write_bytes(data[: chance.randrange(1, len(data))])
    WHOLE[str(path)] = data


def flipped(path: Path, chance: random.Random) -> None:
    data = bytearray(noise(chance, chance.choice(["JPEG", "PNG", "GIF", "WEBP", "TIFF", "AVIF"])))
    for _ in range(8):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


def wrong_suffix(path: Path, chance: random.Random) -> None:
    path.write_bytes(noise(chance, chance.choice(["PNG", "GIF", "WEBP", "TIFF", "BMP"])))


def empty(path: Path, _: random.Random) -> None:
    path.touch()


def text(path: Path, chance: random.Random) -> None:
    path.write_text(chance.choice(["#!/bin/sh\nrm -rf ~\n", "<svg onload='x'/>", "%!PS-Adobe-3.0 EPSF-3.0\n(x) show"]))


def one_pixel(path: Path, chance: random.Random) -> None:
    Image.new("RGB", (1, 1), tuple(chance.randrange(256) for _ in range(3))).save(path, "PNG")


def very_wide(path: Path, chance: random.Random) -> None:
    Image.new("RGB", chance.choice([(30_000, 1), (1, 30_000)]), chance.randrange(2**24)).save(path, "PNG")


def bomb(path: Path, chance: random.Random) -> None:
    """A PNG of a few bytes whose header claims up to 4 billion pixels."""
    side = chance.choice([20_000, 40_000, 65_000])
    path.write_bytes(png((side, side, 8, 2, 0), b"", zlib.compress(b"\0" * 99_999)) + str(chance.random()).encode())


def odd_mode(path: Path, chance: random.Random) -> None:
    forms = [("JPEG", "CMYK"), ("JPEG", "L"), ("PNG", "P"), ("PNG", "LA"), ("PNG", "1"), ("TIFF", "CMYK")]
    form, mode = chance.choice(forms)
    path.write_bytes(noise(chance, form, mode))


def sixteen_bit(path: Path, chance: random.Random) -> None:
    grey = np.random.default_rng(chance.randrange(2**32)).integers(0, 65536, (20, 20), np.uint16)
    Image.fromarray(grey).save(path, chance.choice(["PNG", "TIFF"]))


def broken_exif(path: Path, chance: random.Random) -> None:
    path.write_bytes(noise(chance, "JPEG", exif=b"Exif\0\0" + chance.randbytes(60)))


def animated(path: Path, chance: random.Random) -> None:
    frames = [Image.new("RGB", (9, 9), chance.randrange(2**24)) for _ in range(3)]
    frames[0].save(path, chance.choice(["GIF", "WEBP", "PNG"]), save_all=True, append_images=frames[1:])


def no_file(path: Path, chance: random.Random) -> None:
    """A folder, a pipe or a link that leads nowhere or to itself."""
    made: list[Callable[[], None]] = [path.mkdir, lambda: os.mkfifo(path)]
    made += [lambda: path.symlink_to(path.name), lambda: path.symlink_to("nowhere")]
    chance.choice(made)()


MAKERS: list[Maker] = [truncated, flipped, wrong_suffix, truncated, empty, text, one_pixel]
MAKERS += [very_wide, bomb, odd_mode, sixteen_bit, broken_exif, animated, no_file]
GOOD: set[Maker] = {wrong_suffix, one_pixel, very_wide, odd_mode, sixteen_bit, broken_exif, animated}
"""Those whose files are pictures that must be indexed."""


def _plain(form: str, mode: str, side: int, **options: object) -> bytes:
    colour = 90 if len(mode) == 1 else (90, 30, 200, 9)[: len(mode)]
    return saved(Image.new(mode, (side, side), colour), form, **options)


def _empty(side: int, depth: int, kind: int, samples: int, chunks: bytes = b"", interlaced: int = 0) -> bytes:
    packer, left = zlib.compressobj(1), (side + 9) * (1 + samples * side * depth // 8)
    body = b"".join(packer.compress(bytes(2**20)) for _ in range(left // 2**20 + 1)) + packer.flush()
    return png((side, side, depth, kind, interlaced), chunks, body)


def _scans(side: int, count: int) -> bytes:
    data = _plain("JPEG", "L", side, progressive=True)
    return data[:-2] + data[data.rindex(b"\xff\xda") : -2] * count + b"\xff\xd9"


def _segments(part: bytes, count: int) -> bytes:
    data = _plain("JPEG", "RGB", 60)
    return data[:2] + part * count + data[2:]


def _strips(count: int) -> bytes:
    """Return a TIFF file with a strip for each of so many rows of one pixel."""
    start = 8 + 2 + 12 * 9 + 4
    tags = {256: 1, 257: count, 258: 8, 259: 1, 262: 1, 273: start, 277: 1, 278: 1, 279: start + 4 * count}
    entries = b"".join(
        struct.pack("<HHII", tag, 4, count if tag in (273, 279) else 1, value) for tag, value in tags.items()
    )
    offsets = np.full(count, start + 8 * count, np.uint32).tobytes() + np.ones(count, np.uint32).tobytes()
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4) + offsets + bytes(9)


def _comments(part: bytes, count: int) -> bytes:
    data = _plain("GIF", "P", 60)
    at = data.index(b",\0\0\0\0")
    return data[:at] + b"!\xfe" + part * count + b"\0" + data[at:]


BOMBS: dict[str, Callable[[], bytes]] = {
    "1400 scans.jpg": lambda: _scans(16_384, 1400),
    "1400 smaller scans.jpg": lambda: _scans(9000, 1400),
    "progressive.jpg": lambda: _plain("JPEG", "RGB", 16_000, progressive=True, subsampling=0),
    "sequential.jpg": lambda: _plain("JPEG", "RGB", 16_000, subsampling=0),
    "segments.jpg": lambda: _segments(b"\xff\xec\0\2", 24_000_000),
    "fillers.jpg": lambda: _segments(b"\xff", 99_000_000),
    "colours.png": lambda: _empty(10_000, 8, 2, 3),
    "clear.png": lambda: _empty(8900, 8, 6, 4),
    "deep.png": lambda: _empty(9900, 16, 2, 3, png_chunk(b"tRNS", bytes(6))),
    "interlaced.png": lambda: _empty(9900, 16, 2, 3, interlaced=1),
    "chunks.png": lambda: _empty(60, 8, 2, 3, png_chunk(b"abCd", b"") * 8_000_000),
    "flat.webp": lambda: _plain("WEBP", "RGB", 7000, lossless=True, method=0),
    "large.webp": lambda: _plain("WEBP", "RGB", 10_000, lossless=True, method=0),
    "large.avif": lambda: _plain("AVIF", "RGB", 8000, speed=10),
    "large.gif": lambda: _plain("GIF", "P", 9900),
    "comments.gif": lambda: _comments(b"\1a", 49_000_000),
    "large.bmp": lambda: _plain("BMP", "L", 9900),
    "floats.tif": lambda: saved_tiff(np.zeros((8000, 8000), "f4"), compression="zlib"),
    "doubles.tif": lambda: saved_tiff(np.zeros((5600, 5600), "f8"), compression="zlib"),
    "strips.tif": lambda: _strips(6_000_000),
}
