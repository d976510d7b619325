"""Learns text vectors from the training captions."""

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
    Word2vecVectors,
    words_of,
)

WORD2VEC_DIMENSION = 100
MOST_TERMS = 500
"""The most terms of TF-IDF, as in the published solutions."""


def learn_text_vectors(kinds: str, texts: Sequence[str], bert: str = PACKAGED_BERT) -> JoinedVectors:
    """Learn text vectors from `texts`.

    Args:
        kinds: `tfidf`, `word2vec` or `bert`, or several of them joined by `+`. BERT learns nothing here.
        texts: The captions to learn from; one that comes twice counts once.
        bert: The model behind `bert`: a local folder, a name of the model hub, or the packaged MiniLM.

    Raises:
        BadInput: A kind is unknown, or no word occurs twice in the texts.
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


@cache
def _bert(name: str) -> BertVectors:
    return BertVectors(name, remember=True)  # the same for all splits, as it learns nothing from the captions


def _tfidf(texts: Sequence[str]) -> TfidfVectors:
    from sklearn.feature_extraction.text import TfidfVectorizer

    try:
        learned = TfidfVectorizer(ngram_range=(1, 2), min_df=2, max_features=MOST_TERMS).fit(texts)
    except ValueError as error:
        raise BadInput(f"TF-IDF cannot be learned from {len(texts)} texts ({error}); give more captions") from error
    return TfidfVectors(learned.get_feature_names_out().tolist(), np.asarray(learned.idf_, np.float32))


def _word2vec(texts: Sequence[str]) -> Word2vecVectors:
    try:
        from gensim.models import Word2Vec
    except ImportError as error:
        raise BadInput("word2vec needs a package: pip install gensim; or take --text tfidf or bert") from error
    sentences = [words_of(text) for text in texts]
    try:
        # One worker: with more, the order of updates, and so the vectors, would differ from run to run.
        model = Word2Vec(
            sentences, vector_size=WORD2VEC_DIMENSION, window=5, min_count=2, sg=1, epochs=30, workers=1, seed=0
        )
    except RuntimeError as error:
        raise BadInput(f"word2vec cannot be learned from {len(texts)} texts ({error}); give more captions") from error
    return Word2vecVectors(model.wv.index_to_key, np.asarray(model.wv.vectors, np.float32))
