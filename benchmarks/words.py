"""How long --hybrid takes among many pictures with captions.

    python -m benchmarks.words [--points N]

Drawn vectors, two captions of eleven words each; writes results/words.md and results/words.json.
"""

import random
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from benchmarks.drawn_vectors import CHUNK, Drawing
from benchmarks.results import machine, write_results
from benchmarks.scale_stages import SPEC, record_of
from gallery.settings import Settings
from gallery.stores import Filter, open_store
from search.hybrid import DEPTH
from search.words import Words

ONE_SEARCH = """
import sys, time
from pathlib import Path
from gallery.stores import open_store
from gallery.stores import Filter
from gallery.settings import Settings
collection = open_store(Settings(Path(sys.argv[1]))).open()
began = time.perf_counter()
from search.words import Words
Words(collection, Settings(Path(sys.argv[1]))).search(sys.argv[2], 1000, Filter())
print(time.perf_counter() - began)
"""


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
        first, later = _of_a_process(temporary, query), [_of_a_process(temporary, query) for _ in range(5)]
        collection = open_store(settings).open()
        words = Words(collection, settings)
        within = [_seconds(words, query) for _ in range(11)][1:]
        collection.close()
        kept = sum(file.stat().st_size for file in (settings.collection_folder("photos") / "words").iterdir())
    rows: dict[str, float | str] = {
        "pictures": points,
        f"the {DEPTH} best by words, the first time, which makes the index, s": round(first, 2),
        "the same in another process, s (median of 5)": round(float(np.median(later)), 2),
        "the same in a process that goes on, s (median of 10)": round(float(np.median(within)), 3),
        "index, MB": round(kept / 1e6, 1),
    }
    write_results("words", "The words of many pictures", rows | machine("words"))


def _of_a_process(data: str, query: str) -> float:
    done = subprocess.run([sys.executable, "-c", ONE_SEARCH, data, query], check=True, stdout=subprocess.PIPE)
    return float(done.stdout)


def _seconds(words: Words, query: str) -> float:
    began = time.perf_counter()
    words.search(query, DEPTH, Filter())
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
