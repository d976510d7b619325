"""What was measured, as Markdown and JSON."""

import json
import os
import platform
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

from baseline.compare import Comparison

PUBLISHED = (
    ("danlikendy, ResNet50 + TF-IDF", "ridge", "MAE .216", ""),
    ("danlikendy, ResNet50 + TF-IDF", "mlp", "MAE .191", ""),
    ("ArinaKorshunova, ResNet50 + BERT, PCA", "ridge", "MAE .19", "R² .19"),
    ("ArinaKorshunova, ResNet50 + BERT, PCA", "mlp", "MAE .19", "R² .20"),
    ("ekaterinabogdan, ResNet50 + BERT", "mlp", "MAE .152", "R² .22"),
    ("dolbilov, ResNet50 + DistilBERT", "mlp", "MAE .175", ""),
)
"""Of public solutions of the task; their targets and their filters differ from ours and from each other's."""


def write_report(
    comparison: Comparison, folder: Path, command: str, network: str, seconds: tuple[float, float]
) -> None:
    """Write `baseline.md` and `baseline.json` to `folder`.

    Args:
        comparison: What was measured.
        folder: Where to.
        command: That does it again.
        network: The fingerprint of the image vectors.
        seconds: All, and those until the image vectors were there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = {
        "command": command,
        "image_vectors": network,
        "seconds": round(seconds[0]),
        "image_seconds": round(seconds[1]),
        "commit": _commit(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
    }
    (folder / "baseline.json").write_text(json.dumps(made | asdict(comparison), indent=1) + "\n", encoding="utf-8")
    (folder / "baseline.md").write_text("\n".join(_lines(comparison, made)) + "\n", encoding="utf-8")


def _lines(comparison: Comparison, made: dict[str, Any]) -> list[str]:
    counts = comparison.counts
    lines = [
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
            "ones among the queries. Alike: mean Spearman correlation between two queries' rankings."
        ),
        "",
        "| text | model | seeds | success@1 | interval | @5 | @10 | MRR | first | rankings | alike | s a run |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for text, kinds in comparison.retrieval.items():
        for kind, found in kinds.items():
            own = found["figures"]
            low, high = found["interval"]
            cells = [_cell(own[name]) for name in ("success@5", "success@10", "mrr")]
            cells += [f"{own[name][0]:.0f}" for name in ("distinct_first", "distinct_rankings")]
            lines.append(
                f"| {text} | {kind} | {found['seeds']} | {_cell(own['success@1'])} | {low:.3f}…{high:.3f} | "
                f"{' | '.join(cells)} | {own['rankings_alike'][0]:.3f} | {found['seconds']:.1f} |"
            )
    titles = {
        "held-out": "## Predicting the match probability of unseen images with unseen captions",
        "leaky": "## The split of the published solutions, by image alone: for comparison with their figures only",
    }
    for split, title in titles.items():
        sizes = counts[f"{split} pairs, training and validation, by seed"]
        lines += ["", title, "", f"Pairs to learn from and to judge by, by seed: {sizes}. Values are not clipped.", ""]
        lines += ["| text | model | RMSE | MAE | R² | Spearman | Kendall |", "|---|---|---|---|---|---|---|"]
        for text, models in comparison.predictions[split].items():
            for kind, own in models.items():
                cells = [_cell(own[name]) for name in ("rmse", "mae", "r2", "spearman", "kendall")]
                lines.append(f"| {text} | {kind} | {' | '.join(cells)} |")
    lines += ["", "Published for this task, each under its author's own target and filter of rows:", ""]
    lines += ["| solution | model | MAE | R² |", "|---|---|---|---|"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in PUBLISHED)]


def _cell(value: tuple[float, float]) -> str:
    mean, deviation = value
    return f"{mean:.3f} ± {deviation:.3f}" if deviation else f"{mean:.3f}"


def _commit() -> str:
    root = Path(__file__).parents[1]
    done = subprocess.run(  # noqa: S603 - fixed words
        ["git", "-C", str(root), "rev-parse", "--short", "HEAD"],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "unknown"
