"""Random unit vectors distributed like CLIP's, in chunks that can be drawn again independently.

CLIP's picture vectors lie in a cone (two pictures have a cosine near 0.5), fall into groups, and vary in far fewer
directions than they have floats. So a vector here is the sum of a common direction, a group's centre, an offset within
the group (both drawn in 64 directions of decreasing weight), and a little noise. The vectors of queries lie outside the
cone, like those of texts.
"""

import numpy as np
from numpy.typing import NDArray

DIMENSION = 512
CHUNK = 10_000
GROUPS = 5000
DIRECTIONS = 64
CONE, CENTRE, WITHIN, REST = 0.7, 0.45, 0.5, 0.2
"""Lengths of a vector's parts before normalisation."""

Vectors = NDArray[np.float32]


class Drawing:
    """The parameters that all chunks share."""

    def __init__(self) -> None:
        chance = np.random.default_rng(512)
        basis, _ = np.linalg.qr(chance.standard_normal((DIMENSION, DIRECTIONS + 2)))
        self._cone, self._gap = basis[:, 0].astype(np.float32), basis[:, 1].astype(np.float32)
        weights = np.arange(1, DIRECTIONS + 1) ** -0.5
        weights /= np.linalg.norm(weights)
        self._span = (basis[:, 2:] * weights).T.astype(np.float32)
        self._centres = self._places(chance, GROUPS)

    def chunk(self, number: int, count: int = CHUNK) -> Vectors:
        """Return `count` unit rows, the same for the same `number`."""
        chance = np.random.default_rng((1, number))
        return _unit(CONE * self._cone + self._pictures(chance, count))

    def queries(self, count: int) -> Vectors:
        """Return `count` unit rows that are in no chunk, outside the cone like texts."""
        chance = np.random.default_rng((2, 0))
        return _unit(CONE * self._gap + self._pictures(chance, count))

    def _pictures(self, chance: np.random.Generator, count: int) -> Vectors:
        groups = (GROUPS * chance.random(count) ** 2).astype(np.int64)  # some groups are many times larger than others
        rest = chance.standard_normal((count, DIMENSION), np.float32) / np.sqrt(DIMENSION)
        rows: Vectors = CENTRE * self._centres[groups] + WITHIN * self._places(chance, count) + REST * rest
        return rows.astype(np.float32)

    def _places(self, chance: np.random.Generator, count: int) -> Vectors:
        rows: Vectors = chance.standard_normal((count, DIRECTIONS), np.float32) @ self._span
        return rows


def _unit(rows: Vectors) -> Vectors:
    unit: Vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit
