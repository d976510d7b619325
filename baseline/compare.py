"""Every model with every text vector, judged on the same data: what `make baseline` runs."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from baseline.features import learn_text_vectors
from baseline.figures import interval_over_photos, prediction_figures, ranks_of_own, retrieval_figures
from baseline.fusion import FusionModel
from baseline.models import FUSIONS, NetworkChoices, best_network, fit, fit_network
from baseline.ranker import score_matrix
from baseline.rows import Rows
from baseline.training import TWO_TOWER, Data, Tell, rows_of, split_matches, train_towers
from baseline.two_tower import Heads
from gallery.errors import BadInput
from gallery.judged.text_vectors import JoinedVectors
from gallery.vectors import Vectors

SEEDS = range(5)
LEAKY_SEED = 42
TEXTS = ("bert", "tfidf", "word2vec", "bert+tfidf")


Run = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was measured.

    Attributes:
        predictions: One row per split, text vectors, model and seed: how many pairs it learned from and was judged
            by, and the figures of `prediction_figures`.
        retrieval: One row per text vectors, model and seed: the figures of `retrieval_figures`, the seconds that
            training took, and the 95 % interval over photos of success@1, `low` to `high`, of all seeds together.
        counts: Sizes of what was learned from and judged by.
    """

    predictions: list[Run]
    retrieval: list[Run]
    counts: dict[str, int]


def compare(data: Data, tell: Tell, texts: Sequence[str] = TEXTS) -> Iterator[Comparison]:
    """Train and judge all models; yield what there is after every kind of text vectors, so that none is lost.

    Raises:
        BadInput: The images of the queries are among those that were judged, so that nothing would be unseen.
    """
    if set(data.judged.gallery) & {match.image for match in data.matches}:
        raise BadInput("the queries' images are those that were judged; compare needs data with other ones")
    found = Comparison([], [], _counts(data))
    for text in texts:
        network = _chosen_network(data, text)
        tell(f"{text}: network {network}")
        for split, seeds in (("held-out", SEEDS), ("leaky", [LEAKY_SEED])):
            for seed in seeds:
                found.predictions.extend(_predictions(data, text, split, seed, network))
            tell(f"{text}: {split} split done")
        learned = _learned_from_all(data, text)
        for kind in (*FUSIONS, TWO_TOWER):
            runs = _retrieval(data, text, kind, network, learned)
            found.retrieval.extend(runs)
            first = float(np.mean([run["success@1"] for run in runs]))
            tell(f"{text}: {kind} success@1 {first:.3f}, {runs[0]['seconds']:.1f} s a run")
        yield found


def _counts(data: Data) -> dict[str, int]:
    return {
        "pairs": len(data.matches),
        "captions": len(data.captions),
        "queries": len(data.judged.queries),
        "gallery": len(data.judged.gallery),
    }


def _chosen_network(data: Data, text: str) -> NetworkChoices:
    """Choose on photos held out of one split's training pairs, once: to choose for every seed takes four times as long.

    The other seeds' judged pairs had a part in the choice, which can only flatter the network.
    """
    matches, _ = split_matches(data.matches, "held-out", 0)
    rows = rows_of(data, matches, learn_text_vectors(text, [match.caption.text for match in matches]))
    network, _ = best_network(rows, 0)
    return network


def _predictions(data: Data, text: str, split: str, seed: int, network: NetworkChoices) -> Iterator[Run]:
    train, held_out = split_matches(data.matches, split, seed)
    vectors = learn_text_vectors(text, [match.caption.text for match in train])
    rows, judged = rows_of(data, train, vectors), rows_of(data, held_out, vectors)
    predicted = {"mean": np.full(len(judged.target), rows.target.mean())}
    for kind in FUSIONS:
        predicted[kind] = _fitted(kind, rows, seed, network).pairs(judged.text, judged.image)
    for kind, values in predicted.items():
        sizes = {"learned": len(train), "judged": len(held_out)}
        what = {"split": split, "text": text, "model": kind, "seed": seed}
        yield what | sizes | prediction_figures(values, judged.target)


def _fitted(kind: str, rows: Rows, seed: int, network: NetworkChoices) -> FusionModel:
    return fit_network(rows, seed, [network]) if kind == "mlp" else fit(kind, rows, seed)


@dataclass(frozen=True, slots=True)
class _Learned:
    """What all models that search with one kind of text vectors share.

    Attributes:
        texts: Learned from all captions.
        asked: The vectors of the queries, shape `(n, f)`.
        rows: All judged pairs.
    """

    texts: JoinedVectors
    asked: Vectors
    rows: Rows


def _learned_from_all(data: Data, text: str) -> _Learned:
    texts = learn_text_vectors(text, [caption.text for caption in data.captions])
    asked = texts.encode([query.text for query in data.judged.queries])
    return _Learned(texts, asked, rows_of(data, data.matches, texts))


def _retrieval(data: Data, text: str, kind: str, network: NetworkChoices, learned: _Learned) -> list[Run]:
    """Learn from all training photos, and ask for the unseen ones."""
    queries = data.judged.queries
    place = {name: column for column, name in enumerate(data.judged.gallery)}
    own = [place[query.image] for query in queries]
    runs: list[Run] = []
    firsts = []
    for seed in SEEDS if kind in ("mlp", TWO_TOWER) else [0]:  # the others have nothing random
        start = time.perf_counter()
        model: FusionModel | Heads = (
            train_towers(data, learned.texts, data.captions, seed)
            if kind == TWO_TOWER
            else _fitted(kind, learned.rows, seed, network)
        )
        seconds = time.perf_counter() - start
        scores = score_matrix(model, learned.asked, data.gallery)
        firsts.append(ranks_of_own(scores, own) < 1)
        rank = int(np.linalg.matrix_rank(scores, tol=1e-6 * float(np.abs(scores).max())))
        what = {"text": text, "model": kind, "seed": seed, "seconds": seconds, "matrix_rank": rank}
        runs.append(what | retrieval_figures(scores, own))
    low, high = interval_over_photos(np.mean(firsts, axis=0), [query.image for query in queries])
    return [run | {"low": low, "high": high} for run in runs]
