"""Words and vectors together: BM25 over captions and file names, fused with the cosines by reciprocal rank.

Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods",
SIGIR 2009: a picture gets 1 / (60 + rank) from each ranking that has it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path, PurePath

import numpy as np
from numpy.typing import NDArray

from gallery.records import Hit, ImageRecord
from gallery.stores.common import best_first

RANK_CONSTANT = 60
DEPTH = 1000
"""Hits of each ranking that are fused."""
_FORMAT = 1
"""Of a kept index: to be raised with every change of its files, of `words_of` or of `split`."""
_IDS = "ids.npy"


class LexicalIndex:
    """BM25 over what is said of pictures in words."""

    def __init__(self, records: Iterable[ImageRecord]) -> None:
        """Read the words of pictures, which come in the order of their ids."""
        import bm25s

        documents, ids = [], []
        for record in records:
            documents.append(words_of(record))
            ids.append(record.id.encode("ascii"))
        self._ids: NDArray[np.bytes_] = np.array(ids, "S36")
        self._bm25 = bm25s.BM25()
        self._words: Mapping[str, int] = {}
        if any(documents):
            self._bm25.index(documents, show_progress=False)
            self._words = self._bm25.vocab_dict

    @classmethod
    def load(cls, folder: Path) -> "LexicalIndex":
        """Read what `save` wrote; the operating system reads of it what is needed.

        Raises:
            OSError, ValueError: There is none, or a damaged one.
        """
        import bm25s

        index = cls.__new__(cls)
        try:
            index._ids = np.load(folder / _IDS, mmap_mode="r", allow_pickle=False)
            index._bm25 = bm25s.BM25.load(folder, mmap=True, show_progress=False)
        except (EOFError, KeyError, TypeError, AttributeError) as error:  # its parameters and words may be any JSON
            raise ValueError(f"no index of words: {error}") from error
        if index._bm25.scores["num_docs"] != len(index._ids):
            raise ValueError("the index is of another number of pictures")
        index._words = index._bm25.vocab_dict
        return index

    def save(self, folder: Path) -> None:
        """Write it to a folder that is there; one without a word cannot be kept.

        Raises:
            OSError, ValueError: It cannot be written.
        """
        if not self._words:
            raise ValueError("there is no word in it")
        np.save(folder / _IDS, self._ids)
        self._bm25.save(folder, show_progress=False)

    def ranked(self, text: str) -> dict[str, float]:
        """Return the ids of the pictures that share words with a text and their scores, best first, ties by id."""
        known = [word for word in split(text) if word in self._words]
        if not known:
            return {}
        scores = np.asarray(self._bm25.get_scores(known), float)
        order = np.argsort(-scores, kind="stable")
        order = order[: np.count_nonzero(scores > 0)]
        return dict(zip(self._ids[order].astype(str).tolist(), scores[order].tolist(), strict=True))


def index_format() -> str:
    """Return what a kept index has to agree in to be read: what makes its files and its words."""
    return f"format {_FORMAT}, bm25s {version('bm25s')}"


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
