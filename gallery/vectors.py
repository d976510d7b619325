"""Rows of unit length, as every encoder returns and every store keeps them."""

import base64

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
"""One vector per row, shape `(n, d)`; or a single one, shape `(d,)`."""


def unit_rows(vectors: NDArray[np.floating]) -> Vectors:
    """Scale every row of an `(n, d)` array to length one, as float32; a row of zeros becomes NaN."""
    rows = np.asarray(vectors, np.float32)
    with np.errstate(invalid="ignore"):
        unit: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def pack(vectors: Vectors) -> str:
    """Return an `(n, d)` array as text for JSON: the number of rows, and base64 of half-precision numbers."""
    return f"{len(vectors)}:{base64.b64encode(vectors.astype('<f2').tobytes()).decode()}"


def least_cosine(one: str, other: str) -> float:
    """Return the least cosine between corresponding rows of two texts made by `pack`.

    -1 if either is empty or damaged, or their shapes differ.

    >>> rows = unit_rows(np.array([[3.0, 4.0], [1.0, 0.0]]))
    >>> round(least_cosine(pack(rows), pack(rows[::-1])), 3)
    0.6
    """
    try:
        first, second = _unpacked(one), _unpacked(other)
    except ValueError:
        return -1.0
    if first.shape != second.shape or not first.size:
        return -1.0
    return float((unit_rows(first) * unit_rows(second)).sum(axis=1).min())


def _unpacked(text: str) -> Vectors:
    rows, _, numbers = text.partition(":")
    return np.frombuffer(base64.b64decode(numbers, validate=True), "<f2").astype(np.float32).reshape(int(rows), -1)
