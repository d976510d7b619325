"""The words about a picture, as a sparse vector beside its dense one.

Ranking is BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009). The weight of a word in its
picture is computed here, for both stores; the engine multiplies it by the word's rarity among all pictures. The
engine's multilingual tokenizer splits texts into words, ignoring case and accents and, in English, word endings and
stop words.
"""

import functools
import re
from collections.abc import Iterable
from pathlib import PurePath

import qdrant_edge as q

from gallery.records import ImageRecord

WORDS = "words"
"""Name of the sparse vector."""
_USUAL_LENGTH = 20.0
"""How many words a picture usually has, including names of files and folders."""
_JOINED = re.compile(r"[_\-./\\]+")
_NUMBER = re.compile(r"\b(\d+)\b")

Weights = tuple[list[int], list[float]]
"""The words of a text as numbers, and the weight of each."""


def weights_of(record: ImageRecord) -> Weights:
    """Return the words of a picture: from its captions, its place, the text in it, and its files' names."""
    names = {part for file in record.files for part in _names(file.path)}
    shown = [line.text for line in record.text]
    return _weights(_model().embed_document(_plain([*record.captions, *record.place, *shown, *sorted(names)])))


def weights_of_query(text: str) -> Weights:
    """Return the words of a query, without repetition."""
    return _weights(_model().embed_query(_plain([text])))


def shared_words(text: str, record: ImageRecord) -> list[str]:
    """Return the words of a text that a picture shares, as the text writes them."""
    there = set(weights_of(record)[0])
    return [word for word in dict.fromkeys(text.split()) if there & set(weights_of_query(word)[0])]


def _names(path: str) -> Iterable[str]:
    pure = PurePath(path)
    return [*pure.parts[1:-1], pure.stem]


def _plain(texts: Iterable[str]) -> str:
    """Return texts as the tokenizer needs them: it splits at spaces, and drops words that are only digits."""
    text = _JOINED.sub(" ", " ".join(texts)).encode("utf-8", "replace").decode()
    return _NUMBER.sub(r"n\1", text)


def _weights(vector: q.SparseVector) -> Weights:
    return vector.indices, vector.values


@functools.cache
def _model() -> q.Bm25:
    return q.Bm25(q.Bm25Config(tokenizer=q.TokenizerType.Multilingual, ascii_folding=True, avg_len=_USUAL_LENGTH))
