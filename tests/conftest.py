"""Fixtures for the tests of all packages."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gallery.records import ImageFile, ImageRecord, TextLine
from gallery.stores import point_id

Vectors = NDArray[np.float32]
STREET = TextLine("Rua São João", 0.8, (0.0, 0.5, 1.0, 1.0))


@pytest.fixture(scope="session")
def make_record() -> Callable[..., ImageRecord]:
    """Return a function that makes the record of picture `number`, with any field replaced."""

    def make(number: int = 0, **changes: Any) -> ImageRecord:  # noqa: ANN401 - fields have all sorts of types
        digest = sha256(b"%d" % number).hexdigest()
        paths = [f"/a{number % 5}/{number}.jpg"] + [f"/copies/{number}.jpg"] * (number % 7 == 0)
        taken = f"20{number % 25:02d}-06-{1 + number % 30:02d}T12:00:00" + ("+05:30" if number % 3 else "")
        record = ImageRecord(
            id=point_id(digest),
            sha256=digest,
            files=tuple(ImageFile(path, 1000 + number, (1_500_000_000 + 86_400 * number) * 10**9) for path in paths),
            width=100 + number % 50,
            height=80,
            format="PNG" if number % 11 == 0 else "JPEG",
            camera=f"Camera {number % 4}" if number % 4 else None,
            taken_at=taken if number % 2 else None,
            orientation=1 + number % 8,
            captions=("a dog", "a wet dog") if number % 6 == 0 else (),
            indexed_at="2026-01-02T03:04:05Z",
            phash=f"{number:016x}" if number % 3 else None,
            stack=point_id(digest),
            text=(TextLine(f"Invoice Nº{number}", 0.9, (0.1, 0.2, 0.5, 0.25)), STREET) if number % 9 == 0 else (),
            text_reader="eye 1" if number % 2 else None,
        )
        return replace(record, **changes)

    return make


@pytest.fixture(scope="session")
def unit_rows() -> Callable[..., Vectors]:
    """Return a function that draws `count` random unit vectors of `dimension`, the same for the same seed."""

    def draw(count: int, dimension: int = 64, seed: int = 0) -> Vectors:
        rows = np.random.default_rng(seed).standard_normal((count, dimension), dtype=np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return rows

    return draw


@pytest.fixture(scope="session")
def trained_tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small CLIP that was trained on drawings; it takes a while, so once for all tests."""
    import tiny_clip

    folder = tmp_path_factory.mktemp("tiny") / "clip"
    tiny_clip.save_trained(folder, tiny_clip.all_drawings())
    return folder
