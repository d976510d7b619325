"""What one trained model is worth on judged data."""

from pathlib import Path

from baseline.figures import prediction_figures, retrieval_figures
from baseline.ranker import BaselineRanker
from baseline.training import Tell, digest_of_pairs, prepare, rows_of, split_matches
from gallery.errors import BadInput


def score_model(folder: Path, data: Path, cache: Path, tell: Tell, device: str | None = None) -> dict[str, float]:
    """Return the figures of a model's searches, and of its predictions for pairs that were held out of its training.

    Args:
        folder: Where the model is.
        data: The judged data that it was trained on: its split is drawn anew.
        cache: The folder of kept image vectors.
        tell: Called with why there are no figures of predictions, where there are none.
        device: In torch's words.

    Raises:
        BadInput: The split of the data has other pairs to learn from than the model learned from, so that it might be
            judged by those.
        GalleryError: The model or the data cannot be used.
    """
    ranker = BaselineRanker(str(folder), folder, [], cache, device)
    prepared = prepare(data, ranker.network, cache, tell)
    judged = prepared.judged
    place = {name: column for column, name in enumerate(judged.gallery)}
    scores = ranker.scores([query.text for query in judged.queries], prepared.gallery)
    figures = retrieval_figures(scores, [place[query.image] for query in judged.queries])
    split, seed = ranker.made_with.get("split", "all"), ranker.made_with.get("seed", 0)
    learned, held_out = split_matches(prepared.matches, split, seed)
    if ranker.fusion is None:
        tell("two towers predict no match probability: no errors of predictions")
    elif not held_out:
        tell("trained on all pairs, and predictions are judged by others; train with --split held-out")
    elif ranker.made_with.get("pairs_sha256") != digest_of_pairs(learned):
        raise BadInput(
            f"{folder} learned from other pairs than the {split} split of {data} has to learn from, perhaps from those "
            "that it would be judged by; give the data that it was trained on, or train it again"
        )
    else:
        rows = rows_of(prepared, held_out, ranker.texts)
        tell(f"rmse to kendall: predictions for {len(held_out)} pairs of the {split} split, not clipped")
        figures |= prediction_figures(ranker.fusion.pairs(rows.text, rows.image), rows.target)
    return figures
