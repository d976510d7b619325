"""Words and vectors together: BM25 over captions and names, fused with the cosines by reciprocal rank.

Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods",
SIGIR 2009: a picture gets 1 / (60 + rank) from each ranking that has it, times the weight of that ranking.
"""

from collections.abc import Sequence

from gallery.errors import BadInput
from gallery.records import Hit
from gallery.stores import Filter, ImageCollection
from gallery.stores.common import best_first
from search.terms import Vector

RANK_CONSTANT = 60
DEPTH = 1000
"""How many hits of each ranking are fused."""


def fuse(near: Sequence[Hit], said: Sequence[Hit], word_weight: float, limit: int) -> list[Hit]:
    """Fuse rankings by vector and by words; the score of a hit is the sum of its parts, twice their weighted mean."""
    images, scores = {}, dict[str, float]()
    for ranking, weight in ((near, 2 * (1 - word_weight)), (said, 2 * word_weight)):
        for rank, hit in enumerate(ranking, 1):
            images[hit.image.id] = hit.image
            scores[hit.image.id] = scores.get(hit.image.id, 0) + weight / (RANK_CONSTANT + rank)
    return best_first(Hit(image, scores[id]) for id, image in images.items())[:limit]


def with_words(
    collection: ImageCollection, text: str, depth: int, where: Filter, vector: Vector, min_score: float | None
) -> list[Hit]:
    """Return at most `depth` pictures with the words of a text, best first.

    Args:
        collection: What is searched.
        text: The words.
        depth: The most hits.
        where: Filters.
        vector: Unit vector of the query, shape `(dimension,)`, for the least cosine.
        min_score: The least cosine of a hit.

    Raises:
        BadInput: The collection was made before words were kept in it.
    """
    if not collection.has_words:
        raise BadInput(
            f"collection {collection.name} has no index of words yet; make one, without encoding anything again: "
            f"ingest --refresh --collection {collection.name}"
        )
    said = collection.by_words(text, depth, where=where)
    if min_score is None or not said:
        return said
    among = Filter(within=tuple(hit.image.id for hit in said))
    near = collection.nearest(vector, len(said), where=among, min_score=min_score, exact=True)
    enough = {hit.image.id for hit in near}
    return [hit for hit in said if hit.image.id in enough]
