"""Text vectors, learned from the captions to learn from."""

from collections.abc import Sequence
from functools import cache

import numpy as np

from gallery.errors import BadInput
from gallery.judged.text_vectors import (
    PACKAGED_BERT,
    BertVectors,
    JoinedVectors,
    TextVectors,
    TfidfVectors,
)

MOST_TERMS = 500
"""Of TF-IDF: as many as the published solutions take."""


def learn_text_vectors(kinds: str, texts: Sequence[str], bert: str = PACKAGED_BERT) -> JoinedVectors:
    """Learn text vectors from `texts`.

    Args:
        kinds: `tfidf` or `bert`, or both joined by `+`. BERT learns nothing here.
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
    raise BadInput(f"no text vectors {kind}; choose tfidf or bert, or tfidf+bert")


@cache
def _bert(name: str) -> BertVectors:
    return BertVectors(name, remember=True)  # one for all splits: it learns nothing from the captions


def _tfidf(texts: Sequence[str]) -> TfidfVectors:
    from sklearn.feature_extraction.text import TfidfVectorizer

    try:
        learned = TfidfVectorizer(ngram_range=(1, 2), min_df=2, max_features=MOST_TERMS).fit(texts)
    except ValueError as error:
        raise BadInput(f"TF-IDF cannot be learned from {len(texts)} texts ({error}); give more captions") from error
    return TfidfVectors(learned.get_feature_names_out().tolist(), np.asarray(learned.idf_, np.float32))
