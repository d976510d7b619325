"""How long --hybrid takes with many captioned pictures.

    python -m benchmarks.words [--points N]

Drawn vectors, two captions of eleven words each; writes results/words.md and results/words.json.
"""

import random
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from benchmarks.drawn_vectors import CHUNK, Drawing
from benchmarks.results import machine, write_results
from benchmarks.scale_stages import SPEC, record_of
from gallery.settings import Settings
from gallery.stores import ImageCollection, open_store
from search.hybrid import DEPTH


@click.command()
@click.option("--points", default=10_000, show_default=True)
def main(points: int) -> None:
    """Measure, print a table, and write results/words.md and results/words.json."""
    chance = random.Random(0)
    vocabulary = ["".join(chance.choices("abcdefghiklmnoprstu", k=chance.randint(3, 8))) for _ in range(8000)]
    weights = [1 / rank for rank in range(3, 8003)]  # Zipf's law
    query = " ".join(vocabulary[5:200:60])
    with tempfile.TemporaryDirectory() as temporary:
        settings, drawing = Settings(Path(temporary)), Drawing()
        editor = open_store(settings).edit("photos")
        editor.begin(SPEC)
        for start in range(0, points, CHUNK):
            count = min(CHUNK, points - start)
            captions = [[" ".join(chance.choices(vocabulary, weights, k=11)) for _ in "12"] for _ in range(count)]
            records = [replace(record_of(start + n), captions=tuple(captions[n])) for n in range(count)]
            editor.upsert(records, drawing.chunk(start // CHUNK, count))
        editor.finish()
        editor.close()
        with closing(open_store(settings).open()) as collection:
            within = [_seconds(collection, query) for _ in range(11)]
    rows: dict[str, float | str] = {
        "pictures": points,
        f"the {DEPTH} best by words, the first time, s": round(within[0], 4),
        "the same from then on, s (median of 10)": round(float(np.median(within[1:])), 4),
    }
    write_results("words", "The words of many pictures", rows | machine("words"))


def _seconds(collection: ImageCollection, query: str) -> float:
    began = time.perf_counter()
    collection.by_words(query, DEPTH)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
