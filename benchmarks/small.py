"""Small things for benchmarks whose subject is another: drawn pictures, made-up records, and the tests' encoder."""

import io
import struct
import sys
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from gallery.records import ImageFile, ImageRecord, TextLine
from gallery.stores import Editor, point_id
from gallery.vectors import Vectors

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))

from letter_encoder import LetterEncoder
from letters_folder import make_letters

__all__ = ["LetterEncoder", "make_letters"]
"""The tests' own, passed on."""
BATCH = 500
_WORDS = (Path(__file__).parent / "words.txt").read_text().split()


@contextmanager
def working_folder() -> Iterator[Path]:
    """Make a folder for what a benchmark writes, and remove it in the end."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def draw_pictures(folder: Path, count: int, folders: int = 1) -> list[Path]:
    """Draw small pictures, no two the same, into `folder`, or in turn into so many folders below it."""
    chance = np.random.default_rng(0)
    homes = [folder / str(number) for number in range(folders)] if folders > 1 else [folder]
    for home in homes:
        home.mkdir(parents=True)
    paths = [homes[number % folders] / f"{number:04d}.png" for number in range(count)]
    for path in paths:
        Image.fromarray(chance.integers(0, 256, (9, 8, 3), np.uint8)).save(path)
    return paths


def made_up_record(number: int, *, told: bool = False) -> ImageRecord:
    """Return the record of picture `number` of a collection that has no files.

    Args:
        number: From 0.
        told: Whether to add a caption, to every second picture a place, and to every fifth a line of text.
    """
    digest = sha256(b"%d" % number).hexdigest()
    record = ImageRecord(
        id=point_id(digest),
        sha256=digest,
        files=(ImageFile(f"/photos/{number % 1000:04d}/{number:08d}.jpg", 90_000 + number % 9999, number * 10**9),),
        width=4000 - number % 50,
        height=3000,
        format="JPEG",
        camera=f"Camera {number % 40}",
        taken_at=f"{2000 + number * 7919 // 13 % 20}-{1 + number % 12:02d}-{1 + number % 28:02d}T12:00:00",
        orientation=1,
        captions=(),
        indexed_at="2026-01-02T03:04:05Z",
    )
    return replace(record, **_told(number)) if told else record


def _told(number: int) -> dict[str, Any]:
    words = [_WORDS[number * step % len(_WORDS)] for step in range(1, 13)]
    town = ("Lisbon", "Portugal") if number % 4 else ("Kyoto", "Japan")
    place = {"place": town, "location": (38 + number % 999 / 999, -9.0)} if number % 2 else {}
    lines = (TextLine(" ".join(words[8:]), 0.9, (0, 0, 1, 0.1)),) if number % 5 == 0 else ()
    return {"captions": (" ".join(words[:8]),), "text": lines, "text_reader": "drawn", **place}


def write_points(editor: Editor, records: Sequence[ImageRecord], rows: Vectors) -> None:
    """Write pictures and their vectors as `ingest` does: in batches."""
    for at in range(0, len(rows), BATCH):
        editor.upsert(records[at : at + BATCH], rows[at : at + BATCH])
    editor.flush()


def png(header: tuple[int, ...], chunks: bytes, packed: bytes) -> bytes:
    """Return a PNG file.

    Args:
        header: Width, height, depth, kind and interlacing.
        chunks: Between header and pixels.
        packed: The pixels.
    """
    *first, interlacing = header
    whole = png_chunk(b"IHDR", struct.pack(">IIBBBBB", *first, 0, 0, interlacing)) + chunks
    return b"\x89PNG\r\n\x1a\n" + whole + png_chunk(b"IDAT", packed) + png_chunk(b"IEND", b"")


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """Return a chunk of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def saved(picture: Image.Image, form: str, **options: object) -> bytes:
    """Return the file of a picture in one of Pillow's formats."""
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def saved_tiff(pixels: NDArray[Any], **options: Any) -> bytes:  # noqa: ANN401 - tifffile's own
    """Return the TIFF file of pixels of any kind."""
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, **options)
    return file.getvalue()
