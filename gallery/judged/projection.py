"""The vectors that the heads of two trained towers make from frozen vectors.

Several pairs of heads may be trained on the same vectors. Their unit vectors lie one after the other, so that a cosine
is the mean of the pairs' cosines.
"""

from collections.abc import Mapping

import numpy as np

from gallery.vectors import Vectors, unit_rows

SIDES = ("text", "image")


def project(vectors: Vectors, side: str, arrays: Mapping[str, Vectors]) -> Vectors:
    """Return the unit vectors that the heads of one side make from frozen vectors.

    Args:
        vectors: Shape `(n, f)`.
        side: One of `SIDES`.
        arrays: `SIDE.centre` and `SIDE.scale`, shape `(f,)`, and `SIDE.heads`, shape `(heads, d, f)`.

    Returns:
        Shape `(n, heads * d)`. A text without a known word lies at the centre.
    """
    standard = (vectors - arrays[f"{side}.centre"]) / arrays[f"{side}.scale"]
    return unit_rows(np.concatenate([unit_rows(standard @ head.T) for head in arrays[f"{side}.heads"]], axis=1))
