"""A query's text becomes a list of hits."""

import numpy as np
from numpy.typing import NDArray

from gallery.collection import ImageCollection, Where
from gallery.encoder import Encoder
from gallery.errors import BadInput
from gallery.records import Hit


class SearchEngine:
    """Searches one collection with one encoder."""

    def __init__(self, encoder: Encoder, collection: ImageCollection) -> None:
        """Bring the two together.

        Raises:
            SpecMismatch: The encoder's vectors cannot be compared with the collection's.
        """
        collection.spec.check(encoder.spec, collection.name)
        self._encoder = encoder
        self._collection = collection

    def search(
        self, query: str, limit: int = 10, *, where: Where | None = None, min_score: float | None = None
    ) -> list[Hit]:
        """Return the pictures that answer a text best, best first, at most `limit`.

        The text is taken as it is, never as a path or an address. Its part beyond the encoder's `text_limit` has
        no effect.

        Args:
            query: What the picture shows.
            limit: At least 1.
            where: Filters, see `gallery.collection.Where`.
            min_score: The least cosine of a hit.

        Raises:
            BadInput: The query is empty.
        """
        return self.nearest(self.vector(query), limit, where=where, min_score=min_score)

    def vector(self, query: str) -> NDArray[np.float32]:
        """Return the unit vector of a text, shape `(dimension,)`."""
        text = clean_query(query)
        vector: NDArray[np.float32] = self._encoder.encode_texts([text])[0]
        return vector

    def nearest(
        self,
        vector: NDArray[np.float32],
        limit: int = 10,
        *,
        where: Where | None = None,
        min_score: float | None = None,
    ) -> list[Hit]:
        """Return the pictures nearest to a unit vector, best first, at most `limit`."""
        return self._collection.nearest(vector, limit, where=where, min_score=min_score)


def clean_query(query: str) -> str:
    """Return the text as the encoders take it: what is no Unicode, out of a shell, becomes a question mark.

    Raises:
        BadInput: It is empty.
    """
    if not query.strip():
        raise BadInput("the query is empty; describe the picture that you look for")
    return query.encode("utf-8", "replace").decode()
