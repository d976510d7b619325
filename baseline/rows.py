"""Judged pairs become rows to learn from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gallery.judged.splits import Split, held_out_split
from gallery.records import Match
from gallery.vectors import Vectors


@dataclass(frozen=True, slots=True)
class Rows:
    """What early fusion learns from: a text vector, an image vector and a match probability for each pair.

    Attributes:
        text: Shape `(n, f)`.
        image: Shape `(n, g)`.
        target: Shape `(n,)`, 0 to 1.
        matches: The pairs themselves.
    """

    text: Vectors
    image: Vectors
    target: NDArray[np.float64]
    matches: tuple[Match, ...]


def training_rows(matches: Sequence[Match], texts: Mapping[str, Vectors], images: Mapping[str, Vectors]) -> Rows:
    """Return the rows of some pairs, in their order.

    Args:
        matches: Judged pairs.
        texts: The vector of every sentence, by its words.
        images: The vector of every image, by its name.
    """
    return Rows(
        text=np.stack([texts[match.caption.text] for match in matches]),
        image=np.stack([images[match.image] for match in matches]),
        target=np.array([match.probability for match in matches]),
        matches=tuple(matches),
    )


def inner_parts(rows: Rows, seed: int) -> tuple[Rows, Rows]:
    """Part rows to learn from once more, as `held_out_split` does, so that a choice is made on neither's test data."""
    split: Split = held_out_split(rows.matches, share=0.3, seed=seed)
    place = {id(match): row for row, match in enumerate(rows.matches)}
    return tuple(  # type: ignore[return-value]  # two of them
        _part(rows, [place[id(match)] for match in part]) for part in (split.train, split.validation)
    )


def _part(rows: Rows, chosen: Sequence[int]) -> Rows:
    return Rows(rows.text[chosen], rows.image[chosen], rows.target[chosen], tuple(rows.matches[row] for row in chosen))
