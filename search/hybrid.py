"""Words and vectors together: BM25 over captions and file names, fused with the cosines by reciprocal rank.

Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods",
SIGIR 2009: a picture gets 1 / (60 + rank) from each ranking that has it.
"""

import re
from collections.abc import Sequence
from pathlib import PurePath

import numpy as np

from gallery.collection import ImageCollection, best_first
from gallery.filters import Filter
from gallery.records import Hit, ImageRecord

RANK_CONSTANT = 60
DEPTH = 1000
"""Hits of each ranking that are fused."""


class LexicalIndex:
    """BM25 over what the collection says of its pictures in words."""

    def __init__(self, records: Sequence[ImageRecord]) -> None:
        import bm25s

        self._records = list(records)
        documents = [words_of(record) for record in self._records]
        self._words = {word for document in documents for word in document}
        self._bm25 = bm25s.BM25()
        if self._words:
            self._bm25.index(documents, show_progress=False)

    @classmethod
    def of_collection(cls, collection: ImageCollection, where: Filter) -> "LexicalIndex":
        """Read the words of all pictures that a filter lets through."""
        return cls(collection.newest(max(1, collection.count(where)), where=where))

    def search(self, text: str, limit: int) -> list[Hit]:
        """Return the pictures that share words with a text, best first, those of one score by id."""
        known = [word for word in split(text) if word in self._words]
        if not known:
            return []
        scores = np.asarray(self._bm25.get_scores(known), float)
        found = [Hit(self._records[row], float(scores[row])) for row in np.flatnonzero(scores > 0)]
        return best_first(found)[:limit]


def fuse(rankings: Sequence[Sequence[Hit]], limit: int) -> list[Hit]:
    """Fuse rankings by reciprocal rank; the score of a hit is the sum of its parts."""
    images, scores = {}, dict[str, float]()
    for ranking in rankings:
        for rank, hit in enumerate(ranking, 1):
            images[hit.image.id] = hit.image
            scores[hit.image.id] = scores.get(hit.image.id, 0) + 1 / (RANK_CONSTANT + rank)
    return best_first(Hit(image, scores[id]) for id, image in images.items())[:limit]


def words_of(record: ImageRecord) -> list[str]:
    """Return the words of a picture's captions and of the names of its files."""
    names = [PurePath(file.path).stem for file in record.files]
    return split(" ".join([*record.captions, *names]))


def split(text: str) -> list[str]:
    """Return the words of a text, without case and without the plural's s.

    >>> split("Two dogs, one_cat; IMG_2041")
    ['two', 'dog', 'one', 'cat', 'img', '2041']
    """
    words = re.findall(r"[^\W_]+", text.casefold())
    return [word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word for word in words]
