"""Every model with every text vector, judged on the same data: what `make baseline` runs."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from baseline.features import learn_text_vectors
from baseline.figures import interval_over_photos, prediction_figures, ranks_of_own, retrieval_figures, spread
from baseline.fusion import FusionModel
from baseline.models import FUSIONS, NetworkChoices, best_network, fit, fit_network
from baseline.ranker import score_matrix
from baseline.training import TWO_TOWER, Data, Tell, rows_of, split_matches, train_towers
from baseline.two_tower import Heads
from gallery.errors import BadInput
from gallery.text_vectors import JoinedVectors

SEEDS = range(5)
LEAKY_SEED = 42
TEXTS = ("bert", "tfidf", "word2vec", "bert+tfidf")


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was measured.

    Attributes:
        predictions: By split, text vectors and model: figures with mean and spread over seeds.
        retrieval: By text vectors and model, in the same way.
        counts: Sizes of what was learned from and judged by.
    """

    predictions: dict[str, dict[str, Any]]
    retrieval: dict[str, Any]
    counts: dict[str, Any]


def compare(data: Data, tell: Tell, texts: Sequence[str] = TEXTS) -> Iterator[Comparison]:
    """Train and judge all models; yield what there is after every kind of text vectors, so that none is lost.

    Raises:
        BadInput: The images of the queries are among those that were judged, so that nothing would be unseen.
    """
    if set(data.judged.gallery) & {match.image for match in data.matches}:
        raise BadInput("the queries' images are those that were judged; compare needs data with other ones")
    predictions: dict[str, dict[str, Any]] = {"held-out": {}, "leaky": {}}
    retrieval: dict[str, Any] = {}
    counts: dict[str, Any] = {
        "pairs": len(data.matches),
        "captions": len(data.captions),
        "queries": len(data.judged.queries),
        "gallery": len(data.judged.gallery),
        "seeds": len(SEEDS),
    }
    for text in texts:
        network = _chosen_network(data, text)
        tell(f"{text}: network {network}")
        for split, seeds in (("held-out", SEEDS), ("leaky", [LEAKY_SEED])):
            predictions[split][text] = _predictions(data, text, split, seeds, network, counts)
            tell(f"{text}: {split} split done")
        retrieval[text] = _retrieval(data, text, network, tell)
        yield Comparison(predictions, retrieval, counts)


def _chosen_network(data: Data, text: str) -> NetworkChoices:
    """Choose on photos held out of one split's training pairs, once: to choose for every seed takes four times as long.

    The other seeds' judged pairs had a part in the choice, which can only flatter the network.
    """
    matches, _ = split_matches(data.matches, "held-out", 0)
    rows = rows_of(data, matches, _learned(text, [match.caption.text for match in matches]))
    network, _ = best_network(rows, 0)
    return network


def _learned(text: str, sentences: Sequence[str]) -> JoinedVectors:
    return learn_text_vectors(text, list(dict.fromkeys(sentences)))


def _predictions(
    data: Data, text: str, split: str, seeds: Sequence[int], network: NetworkChoices, counts: dict[str, Any]
) -> dict[str, Any]:
    runs: dict[str, list[dict[str, float]]] = {}
    sizes = []
    for seed in seeds:
        train, held_out = split_matches(data.matches, split, seed)
        sizes.append([len(train), len(held_out)])
        vectors = _learned(text, [match.caption.text for match in train])
        rows, judged = rows_of(data, train, vectors), rows_of(data, held_out, vectors)
        constant = np.full(len(judged.target), rows.target.mean())
        runs.setdefault("mean", []).append(prediction_figures(constant, judged.target))
        for kind in FUSIONS:
            model = fit_network(rows, seed, [network]) if kind == "mlp" else fit(kind, rows, seed)
            runs.setdefault(kind, []).append(prediction_figures(model.pairs(judged.text, judged.image), judged.target))
    counts[f"{split} pairs, training and validation, by seed"] = sizes
    return {kind: spread(own) for kind, own in runs.items()}


def _retrieval(data: Data, text: str, network: NetworkChoices, tell: Tell) -> dict[str, Any]:
    """Learn from all training photos, and ask for the unseen ones."""
    queries = data.judged.queries
    place = {name: column for column, name in enumerate(data.judged.gallery)}
    own = [place[query.image] for query in queries]
    vectors = _learned(text, [caption.text for caption in data.captions])
    asked = vectors.encode([query.text for query in queries])
    rows = rows_of(data, data.matches, vectors)
    found: dict[str, Any] = {}
    for kind in (*FUSIONS, TWO_TOWER):
        runs, firsts, seconds = [], [], []
        for seed in SEEDS if kind in ("mlp", TWO_TOWER) else [0]:  # the others have nothing random
            start = time.perf_counter()
            model: FusionModel | Heads
            if kind == TWO_TOWER:
                model = train_towers(data, vectors, data.captions, seed)
            else:
                model = fit_network(rows, seed, [network]) if kind == "mlp" else fit(kind, rows, seed)
            seconds.append(time.perf_counter() - start)
            scores = score_matrix(model, asked, data.gallery)
            runs.append(retrieval_figures(scores, own))
            if kind == "linear":
                runs[-1]["matrix_rank"] = float(np.linalg.matrix_rank(scores, tol=1e-6 * float(np.abs(scores).max())))
            firsts.append(ranks_of_own(scores, own) < 1)
        found[kind] = {
            "figures": spread(runs),
            "seeds": len(runs),
            "interval": interval_over_photos(np.mean(firsts, axis=0), [query.image for query in queries]),
            "seconds": float(np.median(seconds)),
        }
        tell(f"{text}: {kind} success@1 {found[kind]['figures']['success@1'][0]:.3f}, {seconds[0]:.1f} s a run")
    return found
