"""What words add to vectors, on photos whose captions are held apart.

    python -m benchmarks.hybrid DATA [--encoder NAME]

DATA is laid out as `gallery.judged.dataset.read_practicum` has it. Two captions of each test photo are indexed, and
the others are the queries. Writes results/hybrid.md and results/hybrid.json.
"""

import csv
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np

from benchmarks.results import machine, write_results
from gallery.judged.dataset import read_practicum
from gallery.records import Hit
from gallery.settings import Settings
from gallery.stores.filters import Filter
from search.engine import SearchEngine
from search.query import quoted
from search.request import Request
from search.words import Words

INDEXED = ("#0", "#1")
DEPTHS = (1, 5, 10)
RESAMPLES = 9999


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--encoder", default="conse", show_default=True)
def main(data: Path, encoder: str) -> None:
    """Measure, print a table, and write results/hybrid.md and results/hybrid.json."""
    queries = read_practicum(data).queries
    indexed = [query for query in queries if query.id.endswith(INDEXED)]
    asked = [query for query in queries if not query.id.endswith(INDEXED)]
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        with (work / "captions.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("image", "text"), *((query.image, query.text) for query in indexed)])
        command = [sys.executable, "-m", "ingest", str(data / "test_images"), "--encoder", encoder]
        environment = os.environ | {"DATA_DIR": str(work / "data")}
        subprocess.run([*command, "--captions", str(work / "captions.csv")], env=environment, check=True)
        with SearchEngine.open(Settings(data_dir=work / "data")) as engine:
            words = Words(engine.collection, None)
            systems: dict[str, Callable[[str], list[str]]] = {
                "vectors alone": lambda text: _paths(engine.search(text, max(DEPTHS))),
                "words alone (BM25)": lambda text: _paths(words.search(text, max(DEPTHS), Filter())),
                "fused": lambda text: _fused(engine, text),
            }
            ranks = {name: [_rank(find(query.text), query.image) for query in asked] for name, find in systems.items()}
    photos = sorted({query.image for query in asked})
    rows: dict[str, float | str] = {}
    for name, found in ranks.items():
        for depth in DEPTHS:
            hits = np.array([rank <= depth for rank in found], float)
            by_photo = np.array([hits[[query.image == photo for query in asked]].mean() for photo in photos])
            rows[f"{name}, success@{depth}"] = _interval(by_photo)
    rows |= {
        "photos": len(photos),
        "captions indexed": len(indexed),
        "queries": len(asked),
        "encoder": encoder,
        "interval": "95 %, bootstrap over photos",
    }
    write_results("hybrid", "Words and vectors", rows | machine("hybrid"))


def _rank(paths: list[str], image: str) -> float:
    return next((rank for rank, path in enumerate(paths, 1) if Path(path).name == image), float("inf"))


def _paths(hits: list[Hit]) -> list[str]:
    return [hit.image.path for hit in hits]


def _fused(engine: SearchEngine, text: str) -> list[str]:
    answer = engine.answer(Request(q=quoted(text), limit=max(DEPTHS), hybrid=True))
    return [hit.path for hit in answer.hits]


def _interval(by_photo: np.ndarray) -> str:
    chance = np.random.default_rng(0)
    means = by_photo[chance.integers(0, len(by_photo), (RESAMPLES, len(by_photo)))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return f"{by_photo.mean():.1%} ({low:.1%} to {high:.1%})"


if __name__ == "__main__":
    main()
