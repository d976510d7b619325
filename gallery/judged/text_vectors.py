"""Turns texts into vectors by TF-IDF, word2vec or BERT, frozen and saved as plain arrays."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from gallery.encoders.minilm import packaged_tokenizer
from gallery.errors import EncoderError
from gallery.judged.torch_models import sentence_transformer
from gallery.judged.vectors import Encode, Remembered
from gallery.vectors import Vectors, unit_rows

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

TEXTS = ("tfidf", "word2vec", "bert")
PACKAGED_BERT = "packaged"
_WORD = re.compile(r"\b\w\w+\b")


def words_of(text: str) -> list[str]:
    """Return the words of at least two letters, in lower case, as scikit-learn's TF-IDF does.

    >>> words_of("A dog's ball .")
    ['dog', 'ball']
    """
    return _WORD.findall(text.lower())


class TextVectors(Protocol):
    """A frozen function from texts to vectors.

    Attributes:
        kind: One of `TEXTS`.
        dimension: Length of the vectors.
    """

    kind: str
    dimension: int

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one vector per text, shape `(n, dimension)`; zeros if no word is known."""
        ...

    def saved(self) -> tuple[dict[str, Any], dict[str, Vectors]]:
        """Return what `load_text_vectors` needs: values for a JSON file, and arrays."""
        ...


class TfidfVectors:
    """Words and pairs of words, weighted by their rarity: scikit-learn's TF-IDF, with unit rows."""

    kind = "tfidf"

    def __init__(self, terms: Sequence[str], idf: Vectors) -> None:
        self.terms, self._idf, self.dimension = list(terms), idf, len(terms)
        self._place = {term: place for place, term in enumerate(terms)}

    def encode(self, texts: Sequence[str]) -> Vectors:
        rows = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in zip(rows, texts, strict=True):
            words = words_of(text)
            pairs = [f"{one} {two}" for one, two in pairwise(words)]
            for term, count in Counter(words + pairs).items():
                if term in self._place:
                    row[self._place[term]] = count
        return np.nan_to_num(unit_rows(rows * self._idf))

    def saved(self) -> tuple[dict[str, Any], dict[str, Vectors]]:
        return {"terms": self.terms}, {"idf": self._idf}


class Word2vecVectors:
    """The mean of the vectors of a text's words."""

    kind = "word2vec"

    def __init__(self, words: Sequence[str], vectors: Vectors) -> None:
        self.words, self._vectors, self.dimension = list(words), vectors, vectors.shape[1]
        self._place = {word: place for place, word in enumerate(words)}

    def encode(self, texts: Sequence[str]) -> Vectors:
        rows = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in zip(rows, texts, strict=True):
            places = [self._place[word] for word in words_of(text) if word in self._place]
            if places:
                row[:] = self._vectors[places].mean(axis=0)
        return rows

    def saved(self) -> tuple[dict[str, Any], dict[str, Vectors]]:
        return {"words": self.words}, {"vectors": self._vectors}


class BertVectors:
    """The mean of a transformer's output for a text's tokens.

    `PACKAGED_BERT` is all-MiniLM-L6-v2 from its package. Another name is a folder or a model of the hub.
    """

    kind = "bert"

    def __init__(self, name: str = PACKAGED_BERT, device: str | None = None, *, remember: bool = False) -> None:
        """Load the transformer; `remember` keeps every vector in memory, for training."""
        self.name, self._device = name, device
        self.dimension = int(self.model.get_embedding_dimension() or 0)
        self._encoded: Encode = Remembered(self._encode) if remember else self._encode

    def encode(self, texts: Sequence[str]) -> Vectors:
        return self._encoded(texts)

    def _encode(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        # An explicit type, because the library may treat a plain string as a path or an address.
        typed = [{"text": text} for text in texts]
        return np.asarray(self.model.encode(typed, show_progress_bar=False), np.float32)

    def saved(self) -> tuple[dict[str, Any], dict[str, Vectors]]:
        return {"name": self.name}, {}

    @property
    def limit(self) -> int:
        """How many tokens are read; the rest of a longer text is ignored."""
        return int(self.model.max_seq_length or 0)

    def count_tokens(self, text: str) -> int:
        """Return how many tokens the text has."""
        return len(self.model.tokenizer(text, truncation=False, verbose=False)["input_ids"])

    @cached_property
    def model(self) -> "SentenceTransformer":
        """The transformer, loaded on first use."""
        if self.name == PACKAGED_BERT:
            return sentence_transformer(str(packaged_tokenizer().parent), self._device, local_only=True)
        try:
            return sentence_transformer(self.name, self._device, local_only=Path(self.name).is_dir())
        except Exception as error:  # the hub's client, the disk and the model's own code may raise anything
            said = " ".join(str(error).split())[:200]
            raise EncoderError(
                f"BERT {self.name} cannot be loaded ({said}); give a local folder or a name of the model hub, or leave "
                "it out for the packaged MiniLM"
            ) from error


class JoinedVectors:
    """Several vectors of a text, concatenated."""

    def __init__(self, parts: Sequence[TextVectors]) -> None:
        self.parts = list(parts)
        self.kind = "+".join(part.kind for part in parts)
        self.dimension = sum(part.dimension for part in parts)

    def encode(self, texts: Sequence[str]) -> Vectors:
        return np.concatenate([part.encode(texts) for part in self.parts], axis=1)

    def saved(self) -> tuple[dict[str, Any], dict[str, Vectors]]:
        values, arrays = dict[str, Any](), dict[str, Vectors]()
        for part in self.parts:
            values[part.kind], own = part.saved()
            arrays |= {f"{part.kind}.{name}": array for name, array in own.items()}
        return values, arrays


def load_text_vectors(
    values: Mapping[str, Any], arrays: Mapping[str, Vectors], device: str | None = None
) -> JoinedVectors:
    """Read what `JoinedVectors.saved` returned.

    Raises:
        EncoderError: A part is missing or of an unknown kind.
    """
    parts: list[TextVectors] = []
    try:
        for kind, own in values.items():
            if kind == "tfidf":
                parts.append(TfidfVectors(own["terms"], arrays["tfidf.idf"]))
            elif kind == "word2vec":
                parts.append(Word2vecVectors(own["words"], arrays["word2vec.vectors"]))
            elif kind == "bert":
                parts.append(BertVectors(own["name"], device))
            else:
                raise EncoderError(f"text vectors {kind} are not known to this version; train the model again")
    except KeyError as error:
        raise EncoderError(f"a saved model lacks {error}; train it again") from error
    return JoinedVectors(parts)
