"""Whether `+ x` and `-x` do what they say, on real photos.

    python -m benchmarks.operators [IMAGES] [--encoder NAME]

Every ordered pair of ten things is searched for as `y`, `y + x` and `y -x`; the ten best hits are compared by their
mean cosine to `x`. Writes results/operators.md and results/operators.json.
"""

import itertools
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import click
import numpy as np

from benchmarks.results import machine, write_results
from gallery.settings import Settings
from search.engine import SearchEngine
from search.request import Request

THINGS = ("a cat", "a dog", "a bird", "a castle", "a car", "a ship", "food", "a flower", "water", "a mountain")
BEST = 10


@click.command()
@click.argument("images", default="examples/photos", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--encoder", default="conse", show_default=True)
def main(images: Path, encoder: str) -> None:
    """Measure, print a table, and write results/operators.md and results/operators.json."""
    with tempfile.TemporaryDirectory() as data:
        command = [sys.executable, "-m", "ingest", str(images), "--encoder", encoder]
        subprocess.run(command, env=os.environ | {"DATA_DIR": data}, check=True)
        with SearchEngine.open(Settings(data_dir=Path(data))) as engine:
            engine.prepare([Request(q=thing) for thing in THINGS])
            pictures = engine.collection.count()
            more, less = [], []
            for x, y in itertools.permutations(THINGS, 2):
                plain = _mean_cosine(engine, y, x)
                more.append(_mean_cosine(engine, f'{y} +"{x}"', x) - plain)
                less.append(_mean_cosine(engine, f'{y} -"{x}"', x) - plain)
    rows: dict[str, float | str] = {
        "change of the mean cosine to x by + x": round(float(np.mean(more)), 4),
        "pairs where it rises, stays, falls": _signs(more),
        "change of the mean cosine to x by -x": round(float(np.mean(less)), 4),
        "pairs where it rises, stays, falls (-x)": _signs(less),
        "pairs": len(more),
        "hits looked at": BEST,
        "pictures": pictures,
        "encoder": encoder,
    }
    write_results("operators", "What + and - do", rows | machine("operators"))


def _mean_cosine(engine: SearchEngine, line: str, x: str) -> float:
    ids = [hit.id for hit in engine.answer(Request(q=line, limit=BEST)).hits]
    vectors = engine.collection.vectors(ids)
    return float(np.mean([vectors[id] @ engine.vector(x) for id in ids]))


def _signs(changes: list[float]) -> str:
    rises, falls = (sum(sign * change > 1e-6 for change in changes) for sign in (1, -1))
    return f"{rises}, {len(changes) - rises - falls}, {falls}"


if __name__ == "__main__":
    main()
