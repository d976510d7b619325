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
from eval.measures import estimates
from gallery.judged.dataset import read_practicum
from gallery.judged.trec import topics_of
from gallery.settings import Settings
from search.engine import SearchEngine
from search.query import quoted
from search.request import Request

INDEXED = ("#0", "#1")
DEPTHS = (1, 5, 10)


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--encoder", default="conse", show_default=True)
def main(data: Path, encoder: str) -> None:
    """Measure, print a table, and write results/hybrid.md and results/hybrid.json."""
    queries = read_practicum(data).queries
    indexed = [query for query in queries if query.id.endswith(INDEXED)]
    topics = topics_of([query for query in queries if not query.id.endswith(INDEXED)])
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        with (work / "captions.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("image", "text"), *((query.image, query.text) for query in indexed)])
        command = [sys.executable, "-m", "ingest", str(data / "test_images"), "--encoder", encoder]
        environment = os.environ | {"DATA_DIR": str(work / "data")}
        subprocess.run([*command, "--captions", str(work / "captions.csv")], env=environment, check=True)
        with SearchEngine.open(Settings(data_dir=work / "data")) as engine:
            systems: dict[str, Callable[[str], list[str]]] = {
                "vectors alone": lambda text: [hit.image.path for hit in engine.search(text, max(DEPTHS))],
                "words alone (BM25)": lambda text: _by_words(engine, text),
                "fused": lambda text: _fused(engine, text),
            }
            asked = {name: [find(topic.text) for topic in topics] for name, find in systems.items()}
    rows: dict[str, float | str] = {}
    for name, found in asked.items():
        first = [[Path(path).name for path in paths] for paths in found]
        hit = np.array([[topic.photo in names[:k] for k in DEPTHS] for topic, names in zip(topics, first, strict=True)])
        shares = estimates(lambda weights: weights @ hit / weights.sum(), [topic.photo for topic in topics])  # noqa: B023
        for depth, share in zip(DEPTHS, shares, strict=True):
            rows[f"{name}, success@{depth}"] = f"{share.value:.1%} ({share.low:.1%} to {share.high:.1%})"
    rows |= {
        "photos": len({topic.photo for topic in topics}),
        "captions indexed": len(indexed),
        "queries": len(topics),
        "encoder": encoder,
        "interval": "95 %, bootstrap over photos",
    }
    write_results("hybrid", "Words and vectors", rows | machine("hybrid"))


def _by_words(engine: SearchEngine, text: str) -> list[str]:
    return [hit.image.path for hit in engine.collection.by_words(text, max(DEPTHS))]


def _fused(engine: SearchEngine, text: str) -> list[str]:
    return [hit.path for hit in engine.answer(Request(q=quoted(text), limit=max(DEPTHS), hybrid=True)).hits]


if __name__ == "__main__":
    main()
