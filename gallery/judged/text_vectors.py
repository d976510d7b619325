"""Texts become vectors by TF-IDF, word2vec or BERT: learned from captions, and saved as plain arrays."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from gallery.encoders.minilm import packaged_tokenizer
from gallery.errors import BadInput, EncoderError
from gallery.judged.vectors import Remembered
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
    """

    kind: str

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

        self._terms, self._idf = list(terms), idf
        self._weighted = TfidfVectorizer(ngram_range=(1, 2), vocabulary=self._terms, dtype=np.float32)
        self._weighted.idf_ = idf

    @classmethod
    def learned(cls, texts: Sequence[str]) -> "TfidfVectors":
        from sklearn.feature_extraction.text import TfidfVectorizer

        learned = TfidfVectorizer(ngram_range=(1, 2), min_df=2, max_features=MOST_TERMS).fit(texts)
        return cls(learned.get_feature_names_out().tolist(), np.asarray(learned.idf_, np.float32))

    def encode(self, texts: Sequence[str]) -> Vectors:
        return np.asarray(self._weighted.transform(texts).toarray(), np.float32)

    def saved(self) -> tuple[dict[str, Any], dict[str, Vectors]]:
        return {"terms": self._terms}, {"idf": self._idf}


class Word2vecVectors:
    """The mean of the vectors of a text's words."""

    kind = "word2vec"

    def __init__(self, words: Sequence[str], vectors: Vectors) -> None:
        self._place = {word: place for place, word in enumerate(words)}
        self._vectors = vectors

    @classmethod
    def learned(cls, texts: Sequence[str]) -> "Word2vecVectors":
        try:
            from gensim.models import Word2Vec
        except ImportError as error:
            raise BadInput("word2vec needs a package: pip install gensim; or take --text tfidf or bert") from error
        # One worker: with more, the order of updates and so the vectors differ from run to run.
        how = {"vector_size": WORD2VEC_DIMENSION, "window": 5, "min_count": 2, "sg": 1, "epochs": 30, "workers": 1}
        model = Word2Vec([words_of(text) for text in texts], seed=0, **how)
        return cls(model.wv.index_to_key, np.asarray(model.wv.vectors, np.float32))

    def encode(self, texts: Sequence[str]) -> Vectors:
        rows = np.zeros((len(texts), self._vectors.shape[1]), np.float32)
        for row, text in zip(rows, texts, strict=True):
            places = [self._place[word] for word in words_of(text) if word in self._place]
            if places:
                row[:] = self._vectors[places].mean(axis=0)
        return rows

    def saved(self) -> tuple[dict[str, Any], dict[str, Vectors]]:
        return {"words": list(self._place)}, {"vectors": self._vectors}


class BertVectors:
    """The mean of what a transformer makes of a text's tokens; texts that were encoded are remembered, for training.

    `PACKAGED_BERT` is all-MiniLM-L6-v2 from its package. Another name is a folder or a model of the hub.
    """

    kind = "bert"

    def __init__(self, name: str = PACKAGED_BERT, device: str | None = None) -> None:
        self.name, self._model = name, _transformer(name, device)
        self.encode = Remembered(self._encode)

    def _encode(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, int(self._model.get_embedding_dimension() or 0)), np.float32)
        # An explicit type, because the library may treat a plain string as a path or an address.
        typed = [{"text": text} for text in texts]
        return np.asarray(self._model.encode(typed, show_progress_bar=False), np.float32)

    def saved(self) -> tuple[dict[str, Any], dict[str, Vectors]]:
        return {"name": self.name}, {}


def _transformer(name: str, device: str | None) -> "SentenceTransformer":
    from sentence_transformers import SentenceTransformer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]  # of reading weights, which takes a second
    folder = str(packaged_tokenizer().parent) if name == PACKAGED_BERT else name
    try:
        return SentenceTransformer(folder, device=device, local_files_only=Path(folder).is_dir())
    except Exception as error:  # the hub's client, the disk and the model's own code raise what they like
        said = " ".join(str(error).split())[:200]
        raise EncoderError(
            f"BERT {name} cannot be loaded ({said}); give a local folder or a name of the model hub, or leave it out "
            "for the packaged MiniLM"
        ) from error


class JoinedVectors:
    """Several vectors of a text, concatenated."""

    def __init__(self, parts: Sequence[TextVectors]) -> None:
        self._parts = parts

    def encode(self, texts: Sequence[str]) -> Vectors:
        return np.concatenate([part.encode(texts) for part in self._parts], axis=1)

    def saved(self) -> tuple[dict[str, Any], dict[str, Vectors]]:
        values, arrays = dict[str, Any](), dict[str, Vectors]()
        for part in self._parts:
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
    known: dict[str, Callable[[Sequence[str]], TextVectors]] = {
        "tfidf": TfidfVectors.learned,
        "word2vec": Word2vecVectors.learned,
    }
    if kind not in known:
        raise BadInput(f"no text vectors {kind}; choose tfidf, word2vec or bert, or several joined by +")
    try:
        return known[kind](texts)
    except (ValueError, RuntimeError) as error:  # scikit-learn's and gensim's, where no word comes twice
        raise BadInput(f"{kind} cannot be learned from {len(texts)} texts ({error}); give more captions") from error


_bert = cache(BertVectors)
"""One for all splits: it learns nothing from the captions."""


def load_text_vectors(
    values: Mapping[str, Any], arrays: Mapping[str, Vectors], device: str | None = None
) -> JoinedVectors:
    """Read what `JoinedVectors.saved` returned.

    Raises:
        EncoderError: A part is missing or of an unknown kind.
    """
    known: dict[str, Callable[[Mapping[str, Any]], TextVectors]] = {
        "tfidf": lambda own: TfidfVectors(own["terms"], arrays["tfidf.idf"]),
        "word2vec": lambda own: Word2vecVectors(own["words"], arrays["word2vec.vectors"]),
        "bert": lambda own: BertVectors(own["name"], device),
    }
    try:
        return JoinedVectors([known[kind](own) for kind, own in values.items()])
    except KeyError as error:
        raise EncoderError(
            f"this version cannot read the text vectors of a saved model ({error}); train it again"
        ) from error
