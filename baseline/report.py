"""What was measured, as Markdown and JSON."""

import json
import os
import platform
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pandas import DataFrame, concat, isna

from baseline.compare import Comparison
from baseline.published import PUBLISHED, verdict

if TYPE_CHECKING:
    from pandas.api.typing import DataFrameGroupBy

PREDICTED = ["rmse", "mae", "r2", "spearman", "kendall"]
TITLES = {
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R²",
    "spearman": "Spearman",
    "kendall": "Kendall",
    "success@5": "@5",
    "success@10": "@10",
    "mrr": "MRR",
}

CHOSEN_ONCE = (
    "The network's layers, dropout and decay were chosen once for each kind of text vectors, on the pairs that seed 0 "
    "learns from; other seeds and the split by image alone judge by some of these, which can only flatter the network."
)


def write_report(
    comparison: Comparison, folder: Path, command: str, network: str, commit: str, seconds: tuple[float, float]
) -> None:
    """Write `baseline.md` and `baseline.json` to `folder`.

    Args:
        comparison: What was measured.
        folder: Where to.
        command: That does it again.
        network: The fingerprint of the image vectors.
        commit: Of the code, as it was when the run began: an earlier report of the run is a change, too.
        seconds: All, and those until the image vectors were there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = {
        "command": command,
        "image_vectors": network,
        "seconds": round(seconds[0]),
        "image_seconds": round(seconds[1]),
        "commit": commit,
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
    }
    (folder / "baseline.json").write_text(json.dumps(made | asdict(comparison), indent=1) + "\n", encoding="utf-8")
    (folder / "baseline.md").write_text("\n".join(_lines(comparison, made)) + "\n", encoding="utf-8")


def _lines(comparison: Comparison, made: dict[str, Any]) -> list[str]:
    counts = comparison.counts
    return [
        "# The baseline, and two towers on the same data",
        "",
        (
            f"`{made['command']}`: {made['seconds']} s, of which {made['image_seconds']} s until the image "
            f"vectors were made or fetched. Commit {made['commit']}; {made['machine']}. "
            f"Image vectors: {made['image_vectors']}."
        ),
        "",
        f"## Finding {counts['gallery']} unseen photos by {counts['queries']} queries",
        "",
        (
            f"Learned from {counts['pairs']} judged pairs (early fusion) or {counts['captions']} captions with their "
            "own images (two towers). Mean ± standard deviation over seeds; the interval is 95 %, over photos. "
            f"Chance is {1 / counts['gallery']:.3f} for success@1. First and rankings: different "
            "ones among the queries. Alike: mean Spearman correlation between two queries' rankings. Rank: of the "
            "matrix of all scores."
        ),
        "",
        *_retrieval_table(DataFrame(comparison.retrieval)),
        "",
        *_prediction_lines(DataFrame(comparison.predictions)),
    ]


def _retrieval_table(runs: DataFrame) -> list[str]:
    groups = runs.groupby(["text", "model"], sort=False)
    shown = _with_spread(groups, ["success@1", "success@5", "success@10", "mrr"])
    mean = groups.mean()
    shown.insert(0, "seeds", groups.size().astype(str))
    shown.insert(2, "interval", [f"{low:.3f}…{high:.3f}" for low, high in zip(mean["low"], mean["high"], strict=True)])
    shown["first"] = mean["distinct_first"].map("{:.0f}".format)
    shown["rankings"] = mean["distinct_rankings"].map("{:.0f}".format)
    shown["alike"] = mean["rankings_alike"].map("{:.3f}".format)
    shown["rank"] = mean["matrix_rank"].map("{:.0f}".format)
    shown["s a run"] = groups["seconds"].median().map("{:.1f}".format)
    return _table(shown.reset_index())


def _prediction_lines(runs: DataFrame) -> list[str]:
    held_out, leaky = (
        runs[runs["split"] == split].groupby(["text", "model"], sort=False) for split in ("held-out", "leaky")
    )
    ours = leaky[["rmse", "mae", "r2"]].mean()
    figures, unseen = ours.to_dict("index"), held_out[["mae", "r2"]].mean().to_dict("index")
    best = max(runs["text"].unique(), key=lambda text: figures[text, "mlp"]["r2"])
    beside = concat([ours.reset_index().assign(source="ours", image="as above"), DataFrame(PUBLISHED)])
    beside = beside[["source", "image", "text", "model", "rmse", "mae", "r2"]]
    for name in ("rmse", "mae", "r2"):
        beside[name] = beside[name].map(lambda value: "" if isna(value) else f"{value:.3f}")
    return [
        "## Predicting the match probability of unseen images with unseen captions",
        "",
        _sizes(held_out),
        "",
        *_table(_with_spread(held_out, PREDICTED).reset_index()),
        "",
        CHOSEN_ONCE,
        "",
        "## The split of the published solutions, by image alone: for comparison with their figures only",
        "",
        f"{_sizes(leaky)} The published ones differ from ours and from each other in target and filter of rows.",
        "",
        *_table(beside),
        "",
        verdict(best, figures[best, "mlp"], figures[best, "ridge"], figures[best, "mean"], unseen[best, "mlp"]),
    ]


def _sizes(groups: "DataFrameGroupBy[Any, Any]") -> str:
    first = next(iter(groups))[1]
    sizes = ", ".join(
        f"{learned} and {judged}" for learned, judged in zip(first["learned"], first["judged"], strict=True)
    )
    return f"Pairs to learn from and to judge by, for each seed: {sizes}. Values are not clipped."


def _with_spread(groups: "DataFrameGroupBy[Any, Any]", names: list[str]) -> DataFrame:
    """Return mean ± standard deviation over seeds, or the value of a single one."""
    mean, spread = groups[names].mean(), groups[names].std().fillna(0)
    cells = {
        name: [f"{m:.3f} ± {s:.3f}" if s else f"{m:.3f}" for m, s in zip(mean[name], spread[name], strict=True)]
        for name in names
    }
    return DataFrame(cells, index=mean.index)


def _table(frame: DataFrame) -> list[str]:
    """Return a frame of texts as a table in Markdown."""
    titles = [TITLES.get(name, name) for name in frame.columns]
    rows = [titles, ["---"] * len(titles), *frame.to_numpy().tolist()]
    return [f"| {' | '.join(row)} |" for row in rows]
