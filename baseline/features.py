"""Frozen vectors: those of texts, learned from the captions to learn from, and those of images, kept on disk."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from gallery.errors import BadInput
from gallery.judged.networks import ImageNetwork
from gallery.judged.text_vectors import (
    PACKAGED_BERT,
    BertVectors,
    JoinedVectors,
    TextVectors,
    TfidfVectors,
    Word2vecVectors,
    words_of,
)
from gallery.pictures.images import open_image
from gallery.spec import sha256_of
from gallery.vectors import Vectors

BATCH = 32
WORD2VEC_DIMENSION = 100
MOST_TERMS = 500
"""Of TF-IDF: as many as the published solutions take."""


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


class RememberedBert(BertVectors):
    """BERT that encodes every sentence once.

    It learns nothing from the captions, so a sentence has the same vector in every split; those of TF-IDF and
    word2vec are learned anew. For training only: what was encoded stays in memory.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._known: dict[str, Vectors] = {}

    def encode(self, texts: Sequence[str]) -> Vectors:  # noqa: D102 - as its parent
        new = list(dict.fromkeys(text for text in texts if text not in self._known))
        self._known |= dict(zip(new, super().encode(new), strict=True))
        return np.stack([self._known[text] for text in texts]) if texts else super().encode(texts)


@cache
def _bert(name: str) -> BertVectors:
    return RememberedBert(name)  # one for all splits: loading it takes longer than to encode the captions


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
        # One worker: with more, the order of updates and so the vectors differ from run to run.
        model = Word2Vec(
            sentences, vector_size=WORD2VEC_DIMENSION, window=5, min_count=2, sg=1, epochs=30, workers=1, seed=0
        )
    except RuntimeError as error:
        raise BadInput(f"word2vec cannot be learned from {len(texts)} texts ({error}); give more captions") from error
    return Word2vecVectors(model.wv.index_to_key, np.asarray(model.wv.vectors, np.float32))


class ImageVectors:
    """The vectors of a network, each the mean of a picture's and its mirror image's; kept by content and network."""

    def __init__(self, network: ImageNetwork, folder: Path) -> None:
        """Open the store.

        Args:
            network: What makes the vectors.
            folder: Where vectors are kept from run to run.
        """
        self.network = network
        self._path = folder / f"{network.fingerprint.replace(' ', '-')}.npz"

    def of(self, paths: Sequence[Path], told: Callable[[int, int], None] | None = None) -> Vectors:
        """Return one vector per image file, shape `(n, dimension)`.

        Args:
            paths: Of image files.
            told: Called with how many of the vectors that were not kept are made, and their number.

        Raises:
            BadInput: A file cannot be read.
            UnreadableImage: A file is no picture.
        """
        try:
            digests = [sha256_of(path) for path in paths]
        except OSError as error:
            raise BadInput(f"an image cannot be read ({error}); the folder must hold all that are named") from error
        kept = self._kept()
        missing = {digest: path for digest, path in zip(digests, paths, strict=True) if digest not in kept}
        items = list(missing.items())
        for start in range(0, len(items), BATCH):
            batch = items[start : start + BATCH]
            pixels = [self.network.pixels(open_image(str(path), self.network.detail).rgb) for _, path in batch]
            rows = self.network.features(np.stack(pixels), mirrored=True)
            kept |= dict(zip((digest for digest, _ in batch), rows, strict=True))
            if told:
                told(start + len(batch), len(items))
        if items:
            self._keep(kept)
        return (
            np.stack([kept[digest] for digest in digests]) if digests else np.empty((0, self.network.dimension), "f4")
        )

    def _kept(self) -> dict[str, Vectors]:
        if not self._path.exists():
            return {}
        with np.load(self._path, allow_pickle=False) as file:
            return dict(zip(file["digests"].tolist(), file["vectors"], strict=True))

    def _keep(self, vectors: dict[str, Vectors]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".draft.npz")
        np.savez(draft, digests=np.array(list(vectors)), vectors=np.stack(list(vectors.values())))
        draft.replace(self._path)
