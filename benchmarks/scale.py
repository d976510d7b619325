"""What a collection of many pictures costs, from drawn unit vectors.

    python -m benchmarks.scale --points N [--server URL]

Writes the points as `ingest` does, opens the collection and asks it, each in a process of its own, and adds a row to
results/scale.md and results/scale.json. Recall is the share of the ten nearest by brute force that are found.

The vectors are shaped like CLIP's: they lie in a cone (two pictures have a cosine near 0.5), fall into groups, and vary
in far fewer directions than they have floats. Those of queries lie off the cone, as those of texts do. Any chunk of
them can be drawn again without the others.
"""

import os
import time
from contextlib import closing
from uuid import uuid4

import click
import numpy as np

from benchmarks.commands import peak_megabytes, result_of
from benchmarks.results import add_row
from benchmarks.small import made_up_record, working_folder, write_points
from gallery.settings import Settings
from gallery.spec import Spec
from gallery.stores import open_store
from gallery.vectors import Vectors, unit_rows

HEAD = """# Many pictures

Drawn vectors of 512 floats; 200 queries, each for the ten nearest with their payload. Recall is against brute force.
A command is that of its commit: an earlier program asked the engine itself, set up in several ways."""
DIMENSION, CHUNK, GROUPS, DIRECTIONS = 512, 10_000, 5000, 64
QUERIES, LIMIT = 200, 10
CONE, CENTRE, WITHIN, REST = 0.7, 0.45, 0.5, 0.2
"""Lengths of a vector's parts before it is made one long."""
SPEC = Spec(encoder="drawn", dimension=DIMENSION, space="drawn-1", text="drawn-1")
MOST_SECONDS = 6 * 3600
Figures = dict[str, float | str]


class Drawing:
    """What all chunks share."""

    def __init__(self) -> None:
        chance = np.random.default_rng(512)
        basis, _ = np.linalg.qr(chance.standard_normal((DIMENSION, DIRECTIONS + 2)))
        self._cone, self._gap = basis[:, 0].astype(np.float32), basis[:, 1].astype(np.float32)
        weights = np.arange(1, DIRECTIONS + 1) ** -0.5
        self._span = (basis[:, 2:] * weights / np.linalg.norm(weights)).T.astype(np.float32)
        self._centres = self._places(chance, GROUPS)

    def chunk(self, number: int, count: int = CHUNK) -> Vectors:
        """Return `count` unit rows, the same for the same `number`."""
        return unit_rows(CONE * self._cone + self._pictures(np.random.default_rng((1, number)), count))

    def queries(self) -> Vectors:
        """Return the queries, none of them in a chunk."""
        return unit_rows(CONE * self._gap + self._pictures(np.random.default_rng((2, 0)), QUERIES))

    def _pictures(self, chance: np.random.Generator, count: int) -> Vectors:
        groups = (GROUPS * chance.random(count) ** 2).astype(np.int64)  # some groups are many times larger
        rest = chance.standard_normal((count, DIMENSION), np.float32) / np.sqrt(DIMENSION)
        rows: Vectors = CENTRE * self._centres[groups] + WITHIN * self._places(chance, count) + REST * rest
        return rows.astype(np.float32)

    def _places(self, chance: np.random.Generator, count: int) -> Vectors:
        return np.asarray(chance.standard_normal((count, DIRECTIONS), np.float32) @ self._span)


@click.command()
@click.option("--points", required=True, type=click.IntRange(CHUNK))
@click.option("--server", metavar="URL", help="Of a Qdrant server; by default the collection is in files.")
def main(points: int, server: str | None) -> None:
    """Write, open and ask a collection, and add the row to results/scale.md."""
    name, figures = f"benchmark-{uuid4().hex[:8]}", Figures()
    with working_folder() as work:
        settings = Settings(data_dir=work, qdrant_url=server)
        try:
            for stage in (write, ask):
                figures |= result_of(stage, settings, name, points, seconds=MOST_SECONDS)
        finally:
            if server:
                open_store(settings).drop(name)
    figures["load of the machine"] = round(os.getloadavg()[0], 1)
    add_row("scale", HEAD, f"{points} {'on a server' if server else 'in files'}", figures)


def write(settings: Settings, name: str, points: int) -> Figures:
    """Write the points, and finish the collection: where it is large enough, its graph is made."""
    drawing, writing = Drawing(), 0.0
    with closing(open_store(settings).edit(name)) as editor:
        editor.begin(SPEC)
        for start in range(0, points, CHUNK):
            rows = drawing.chunk(start // CHUNK, min(CHUNK, points - start))
            records = [made_up_record(start + row) for row in range(len(rows))]
            began = time.perf_counter()
            write_points(editor, records, rows)
            writing += time.perf_counter() - began
        began, worked = time.perf_counter(), time.process_time()
        editor.finish()
    return {
        "points written a second": round(points / writing),
        "seconds to finish": round(time.perf_counter() - began, 1),
        "of the processors, to finish": round(time.process_time() - worked, 1),
        "MB of memory to write, peak": peak_megabytes(),
    }


def ask(settings: Settings, name: str, points: int) -> Figures:
    """Open the collection, ask every query twice, the first time to warm the caches, and compare with brute force."""
    queries, began = Drawing().queries(), time.perf_counter()
    with closing(open_store(settings).open(name)) as collection:
        opened = time.perf_counter() - began
        for query in queries:
            collection.nearest(query, LIMIT)
        seconds, found = list[float](), list[set[str]]()
        for query in queries:
            began = time.perf_counter()
            hits = collection.nearest(query, LIMIT)
            seconds.append(time.perf_counter() - began)
            found.append({hit.image.id for hit in hits})
        memory = peak_megabytes()
    there = [len(ids & truth) for ids, truth in zip(found, _nearest(queries, points), strict=True)]
    p50, p99 = 1000 * np.percentile(seconds, [50, 99])
    return {
        "seconds to open": round(opened, 3),
        "p50 ms": round(p50, 2),
        "p99 ms": round(p99, 2),
        "recall of the ten nearest": round(float(np.mean(there)) / LIMIT, 4),
        "MB of memory to ask, peak": memory,
    }


def _nearest(queries: Vectors, points: int) -> list[set[str]]:
    """Return the ids of the nearest by brute force, chunk by chunk."""
    drawing, scores, numbers = Drawing(), np.empty((QUERIES, 0)), np.empty((QUERIES, 0), np.int64)
    for start in range(0, points, CHUNK):
        rows = drawing.chunk(start // CHUNK, min(CHUNK, points - start))
        scores = np.hstack([scores, queries @ rows.T])
        numbers = np.hstack([numbers, np.broadcast_to(np.arange(start, start + len(rows)), (QUERIES, len(rows)))])
        best = np.argpartition(-scores, LIMIT - 1)[:, :LIMIT]
        scores, numbers = np.take_along_axis(scores, best, 1), np.take_along_axis(numbers, best, 1)
    return [{made_up_record(int(number)).id for number in row} for row in numbers]


if __name__ == "__main__":
    main()
