"""How a collection scores texts that have nothing to do with it.

`unrelated.txt` has 200 sentences that were written for this: a hundred that no picture shows, and a hundred of things
that few collections have. The best score of each shows what a query scores in a collection by chance.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

import numpy as np

from gallery.encoders import TextEncoder
from gallery.stores import ImageCollection, Where


@dataclass(frozen=True, slots=True)
class Background:
    """Mean and standard deviation of the best scores of unrelated texts in one collection."""

    mean: float
    deviation: float

    def standing(self, best_score: float) -> float:
        """Return how many standard deviations a query's best score lies above those of unrelated texts.

        >>> Background(mean=0.2, deviation=0.05).standing(0.3)
        2.0
        """
        return round((best_score - self.mean) / self.deviation, 9)


def unrelated_texts() -> list[str]:
    """Return the 200 sentences."""
    return files("search").joinpath("unrelated.txt").read_text(encoding="utf-8").splitlines()


def background(best_scores: Sequence[float]) -> Background:
    """Return the background of the best scores of unrelated texts, with a minimum spread."""
    scores = np.asarray(best_scores, float)
    return Background(float(scores.mean()), max(float(scores.std()), 1e-6))


def measure_background(
    encoder: TextEncoder, collection: ImageCollection, where: Where | None = None
) -> Background | None:
    """Search a collection for the unrelated texts; None if no picture passes `where`."""
    vectors = encoder.encode_texts(unrelated_texts())
    best = [hit.score for vector in vectors for hit in collection.nearest(vector, 1, where=where)]
    return background(best) if best else None
