"""Texts become vectors by TF-IDF or BERT: frozen, from what was learned and saved as plain arrays."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from gallery.encoders.minilm import packaged_tokenizer
from gallery.errors import EncoderError
from gallery.judged.torch_models import sentence_transformer
from gallery.judged.vectors import Encode, Remembered
from gallery.vectors import Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

PACKAGED_BERT = "packaged"


class TextVectors(Protocol):
    """A frozen way from texts to vectors.

    Attributes:
        kind: `tfidf` or `bert`.
        dimension: Length of the vectors.
    """

    kind: str
    dimension: int

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one vector per text, shape `(n, dimension)`; zeros where no word of it is known."""
        ...

    def saved(self) -> tuple[dict[str, Any], dict[str, Vectors]]:
        """Return what `load_text_vectors` needs: values for a JSON file, and arrays."""
        ...


class TfidfVectors:
    """Words and pairs of words, weighted by how few texts have them: scikit-learn's TF-IDF, with unit rows."""

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


class BertVectors:
    """The mean of what a transformer makes of a text's tokens.

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
        # Typed, as everywhere: a plain string may be taken for a path or an address.
        typed = [{"text": text} for text in texts]
        return np.asarray(self.model.encode(typed, show_progress_bar=False), np.float32)

    def saved(self) -> tuple[dict[str, Any], dict[str, Vectors]]:
        return {"name": self.name}, {}

    @property
    def limit(self) -> int:
        """How many tokens are read; the rest of a longer text is not used."""
        return int(self.model.max_seq_length or 0)

    def count_tokens(self, text: str) -> int:
        """Return how many tokens the text has."""
        return len(self.model.tokenizer(text, truncation=False, verbose=False)["input_ids"])

    @cached_property
    def model(self) -> "SentenceTransformer":
        """The transformer, loaded when first asked for."""
        if self.name == PACKAGED_BERT:
            return sentence_transformer(str(packaged_tokenizer().parent), self._device, local_only=True)
        try:
            return sentence_transformer(self.name, self._device, local_only=Path(self.name).is_dir())
        except Exception as error:  # the hub's client, the disk and the model's own code raise what they like
            said = " ".join(str(error).split())[:200]
            raise EncoderError(
                f"BERT {self.name} cannot be loaded ({said}); give a local folder or a name of the model hub, or leave "
                "it out for the packaged MiniLM"
            ) from error


class JoinedVectors:
    """Several vectors of a text, one after the other."""

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
    """Read what `JoinedVectors.saved` gave.

    Raises:
        EncoderError: A part is missing or of no known kind.
    """
    parts: list[TextVectors] = []
    try:
        for kind, own in values.items():
            if kind == "tfidf":
                parts.append(TfidfVectors(own["terms"], arrays["tfidf.idf"]))
            elif kind == "bert":
                parts.append(BertVectors(own["name"], device))
            else:
                raise EncoderError(f"text vectors {kind} are not known to this version; train the model again")
    except KeyError as error:
        raise EncoderError(f"a saved model lacks {error}; train it again") from error
    return JoinedVectors(parts)
