"""Texts become vectors by TF-IDF, word2vec or BERT: learned from captions, and saved as plain arrays."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from gallery.encoders.minilm import packaged_tokenizer
from gallery.errors import BadInput, EncoderError
from gallery.judged.torch_models import sentence_transformer
from gallery.judged.vectors import Remembered
from gallery.printable import counted
from gallery.vectors import Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

PACKAGED_BERT = "packaged"
MOST_TERMS = 500
"""The most terms of TF-IDF: as many as the published solutions use."""
WORD2VEC_DIMENSION = 100
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
        kind: `tfidf`, `word2vec` or `bert`.
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
        from sklearn.feature_extraction.text import TfidfVectorizer

        self.terms, self._idf, self.dimension = list(terms), idf, len(terms)
        self._weighted = TfidfVectorizer(ngram_range=(1, 2), vocabulary=self.terms, dtype=np.float32)
        self._weighted.idf_ = idf

    def encode(self, texts: Sequence[str]) -> Vectors:
        return np.asarray(self._weighted.transform(texts).toarray(), np.float32)

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
    """The mean of what a transformer makes of a text's tokens; texts that were encoded are remembered, for training.

    `PACKAGED_BERT` is all-MiniLM-L6-v2 from its package. Another name is a folder or a model of the hub.
    """

    kind = "bert"

    def __init__(self, name: str = PACKAGED_BERT, device: str | None = None) -> None:
        self.name, self.model = name, _transformer(name, device)
        self.dimension = int(self.model.get_embedding_dimension() or 0)
        self._encoded = Remembered(self._encode)

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


def _transformer(name: str, device: str | None) -> "SentenceTransformer":
    if name == PACKAGED_BERT:
        return sentence_transformer(str(packaged_tokenizer().parent), device, local_only=True)
    try:
        return sentence_transformer(name, device, local_only=Path(name).is_dir())
    except Exception as error:  # the hub's client, the disk and the model's own code raise what they like
        said = " ".join(str(error).split())[:200]
        raise EncoderError(
            f"BERT {name} cannot be loaded ({said}); give a local folder or a name of the model hub, or leave it out "
            "for the packaged MiniLM"
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


def learn_text_vectors(kinds: str, texts: Sequence[str], bert: str = PACKAGED_BERT) -> JoinedVectors:
    """Learn text vectors from `texts`.

    Args:
        kinds: `tfidf`, `word2vec` or `bert`, or several of them joined by `+`. BERT learns nothing here.
        texts: The captions to learn from; one that comes twice counts once.
        bert: The model behind `bert`: a local folder, a name of the model hub, or the packaged MiniLM.

    Raises:
        BadInput: A kind is not known, or the texts have no word twice.
    """
    different = list(dict.fromkeys(texts))
    return JoinedVectors([_learned(kind, different, bert) for kind in kinds.split("+")])


def _learned(kind: str, texts: Sequence[str], bert: str) -> TextVectors:
    if kind == "bert":
        return _bert(bert)
    if kind == "tfidf":
        return _tfidf(texts)
    if kind == "word2vec":
        return _word2vec(texts)
    raise BadInput(f"no text vectors {kind}; choose tfidf, word2vec or bert, or several joined by +")


_bert = cache(BertVectors)
"""One for all splits: it learns nothing from the captions."""


def _tfidf(texts: Sequence[str]) -> TfidfVectors:
    from sklearn.feature_extraction.text import TfidfVectorizer

    try:
        learned = TfidfVectorizer(ngram_range=(1, 2), min_df=2, max_features=MOST_TERMS).fit(texts)
    except ValueError as error:
        raise BadInput(
            f"TF-IDF cannot be learned from {counted(len(texts), 'text')} ({error}); give more captions"
        ) from error
    return TfidfVectors(learned.get_feature_names_out().tolist(), np.asarray(learned.idf_, np.float32))


def _word2vec(texts: Sequence[str]) -> Word2vecVectors:
    try:
        from gensim.models import Word2Vec
    except ImportError as error:
        raise BadInput("word2vec needs a package: pip install gensim; or take --text tfidf or bert") from error
    sentences = [words_of(text) for text in texts]
    try:
        # One worker: with more, the order of updates and so the vectors differ from run to run.
        model = Word2Vec(
            sentences, vector_size=WORD2VEC_DIMENSION, window=5, min_count=2, sg=1, epochs=30, workers=1, seed=0
        )
    except RuntimeError as error:
        raise BadInput(
            f"word2vec cannot be learned from {counted(len(texts), 'text')} ({error}); give more captions"
        ) from error
    return Word2vecVectors(model.wv.index_to_key, np.asarray(model.wv.vectors, np.float32))


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
