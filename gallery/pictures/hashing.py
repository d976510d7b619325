"""Perceptual hashes: two pictures that look the same have the same hash of greys and nearly the same colours."""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_SIDE, _LOW = 32, 8
_LEAST_DETAIL = 60.0
"""The least median of the frequencies' weights; below it, noise decides the bits, and all flat pictures look alike."""
CELLS = 2
"""Rows and columns of the grid whose mean colours are part of the hash."""
MOST_COLOUR_DISTANCE = 8
"""How far cells' colours may differ, 0 to 255, in pictures that look the same."""


def perceptual_hash(picture: Image.Image) -> str | None:
    """Return 32 hexadecimal digits, or None if the picture is too flat for a meaningful hash.

    The first 16 are a hash of its greys (pHash: the signs of 64 low frequencies about their median), the others the
    two colour values of each of 2 by 2 cells.
    """
    small = picture.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS, reducing_gap=3).convert("YCbCr")
    values = np.asarray(small, np.float64)
    transform = _cosines()
    low = transform @ values[..., 0] @ transform.T
    middle = _median(low.ravel())
    if _median(np.abs(low.ravel()[1:])) < _LEAST_DETAIL:
        return None
    bits = np.packbits((low > middle).ravel())
    cell = _SIDE // CELLS
    colours = values[..., 1:].reshape(CELLS, cell, CELLS, cell, 2).mean(axis=(1, 3))
    digits: str = (bits.tobytes() + np.rint(colours).astype(np.uint8).tobytes()).hex()
    return digits


def colours_of(phash: str) -> bytes:
    """Return the colours in a hash, 8 bytes; zeros for a hash from an earlier version, which has none."""
    return bytes.fromhex(phash[16:32].ljust(16, "0"))


def _median(values: NDArray[np.float64]) -> float:
    """Return what np.median does, without importing numpy.ma, which takes 20 ms."""
    half = len(values) // 2
    return float(np.sort(values)[len(values) - 1 - half : half + 1].mean())


@cache
def _cosines() -> NDArray[np.float64]:
    """Return the first rows of the discrete cosine transform, type II, shape `(8, 32)`, as scipy scales it."""
    rows, columns = np.mgrid[:_LOW, :_SIDE]
    return np.asarray(2 * np.cos(np.pi * rows * (2 * columns + 1) / (2 * _SIDE)))


def are_alike(one: str | None, other: str | None) -> bool:
    """Return whether two hashes are those of near-duplicates: the grey levels equal, the colours nearly the same."""
    if one is None or other is None or one[:16] != other[:16]:
        return False
    pairs = zip(colours_of(one), colours_of(other), strict=True)
    return all(abs(a - b) <= MOST_COLOUR_DISTANCE for a, b in pairs)
