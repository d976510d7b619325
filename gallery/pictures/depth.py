"""Reduces samples to eight bits by scaling, without clipping at 255 or wrapping around."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_ROWS = 256
"""How many rows are scaled at once, because scaling takes several times the memory of the result."""


def eight_bit(image: Image.Image) -> Image.Image:
    """Convert a picture of mode I, I;16 or F to mode L; return others unchanged.

    If `info` marks a pixel value as transparent, these pixels get an alpha of 0, in mode LA.
    """
    if not image.mode.startswith(("I", "F")):
        return image
    values = np.asarray(image)
    grey = Image.fromarray(scaled(values))
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        grey.putalpha(Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8)))
    return grey


def scaled(values: NDArray[np.generic], bits: int | None = None) -> NDArray[np.uint8]:
    """Return samples of any type as 8 bits, in the same shape.

    Args:
        values: Whole numbers or floats; shape `(height, width, …)`.
        bits: How many bits of a whole number are used, if the file says so. Otherwise 16-bit samples use all bits; for
            wider numbers and floats, the largest value decides whether white is 1, 255, 65535 or that value.
    """
    if values.dtype == np.uint8 and bits in (None, 8):
        return values.astype(np.uint8, copy=False)
    if values.dtype.itemsize == 2 and values.dtype.kind == "u" and bits is None:
        bits = 16
    if bits == 16 and values.dtype.kind == "u" and values.dtype.itemsize == 2:
        return _from_sixteen(values)
    white = float(2**bits - 1) if bits and bits <= 16 else _white(values)
    result = np.empty(values.shape, np.uint8)
    for start in range(0, len(values), _ROWS):
        rows = np.nan_to_num(values[start : start + _ROWS].astype(np.float64), posinf=0, neginf=0)
        result[start : start + _ROWS] = (np.clip(rows, 0, white) * (255 / white) + 0.5).astype(np.uint8)
    return result


def _from_sixteen(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Round 16 bits to 8 as libpng does, exactly, in whole numbers."""
    result = np.empty(values.shape, np.uint8)
    for start in range(0, len(values), _ROWS):
        result[start : start + _ROWS] = (values[start : start + _ROWS].astype(np.uint32) * 255 + 32895) >> 16
    return result


def _white(values: NDArray[np.generic]) -> float:
    top = 1.0
    for start in range(0, len(values), _ROWS):
        rows = np.nan_to_num(values[start : start + _ROWS].astype(np.float64), posinf=0, neginf=0)
        top = max(top, float(rows.max(initial=0)))
    return 65535 if 255 < top <= 65535 else 255 if 1 < top <= 255 else top
