"""Drawn judgements, and an image network that takes no time."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from drawn_judgements import build
from PIL import Image

from gallery.encoder import Vectors


class ColourNetwork:
    """Stands in for an image network: a picture's vector is the mean colour of its quarters."""

    name, weights, dimension, detail, fingerprint = "colours", "", 12, 64, "colours 1"
    pictures = 0

    def pixels(self, picture: Image.Image) -> Vectors:
        self.pictures += 1
        small: Vectors = np.asarray(picture.resize((2, 2), Image.Resampling.BOX), np.float32) / np.float32(255)
        return small.transpose(2, 0, 1)

    def features(self, pixels: Vectors, *, mirrored: bool) -> Vectors:  # noqa: ARG002 - as ImageNetwork has it
        return pixels.reshape(len(pixels), -1)


@pytest.fixture
def network() -> ColourNetwork:
    return ColourNetwork()


@pytest.fixture
def make_judged(tmp_path: Path) -> Callable[[int, int], Path]:
    """Return a function that draws a judged set of so many images to learn from and to find."""

    def make(train: int, test: int) -> Path:
        (tmp_path / "judged").mkdir()
        return build(tmp_path / "judged", train, test)

    return make


@pytest.fixture
def judged(make_judged: Callable[[int, int], Path]) -> Path:
    return make_judged(60, 12)
