"""The stages of `benchmarks.scale`, each run in a separate process: build, optimise, measure."""

import contextlib
import json
import os
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import qdrant_edge as q
from numpy.typing import NDArray

from benchmarks.drawn_vectors import CHUNK, DIMENSION, Drawing, Vectors
from gallery.records import ImageFile, ImageRecord
from gallery.spec import Spec
from gallery.stores import point_id
from gallery.stores.embedded.tuning import FOUR_BITS, Quantisation, config, payload_index, search_params
from gallery.stores.payload import INDEXED_KEYS, to_payload

SPEC = Spec(encoder="drawn", dimension=DIMENSION, space="drawn-1", text="drawn-1")
GENERATION = Path("collections", "photos", "gen-000001")
QUERIES, LIMIT = 200, 10
BATCH = 500
Figures = dict[str, Any]
QUANTISATION: dict[str, Quantisation | None] = {
    "none": None,
    "int8": q.ScalarQuantizationConfig(type=q.ScalarType.Int8, memory=q.Memory.Cold),
    "turbo4": FOUR_BITS,
}
FILTERS: dict[str, tuple[q.Filter, Callable[[NDArray[np.int64]], NDArray[np.bool_]]]] = {
    "filter 10 %": (
        q.Filter(must=[q.FieldCondition(key="year", match=q.MatchAny([2003, 2013]))]),
        lambda numbers: year_of(numbers) % 10 == 3,
    ),
    "filter 0.1 %": (
        q.Filter(must=[q.FieldCondition(key="folder", match=q.MatchValue("/photos/0007"))]),
        lambda numbers: numbers % 1000 == 7,
    ),
}


def year_of(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the years of pictures, 2000 to 2019 in random order."""
    years: NDArray[np.int64] = 2000 + (numbers * 7919 // 13) % 20
    return years


def record_of(number: int) -> ImageRecord:
    """Return the record of picture `number`."""
    digest = sha256(b"%d" % number).hexdigest()
    year = int(year_of(np.array([number]))[0])
    return ImageRecord(
        id=point_id(digest),
        sha256=digest,
        files=(ImageFile(f"/photos/{number % 1000:04d}/{number:08d}.jpg", 90_000 + number % 9999, number * 10**9),),
        width=4000 - number % 50,
        height=3000,
        format="JPEG",
        camera=f"Camera {number % 40}",
        taken_at=f"{year}-{1 + number % 12:02d}-{1 + number % 28:02d}T12:00:00",
        orientation=1,
        captions=(),
        indexed_at="2026-01-02T03:04:05Z",
    )


def build(folder: Path, points: int, quantisation: str) -> Figures:
    """Write the points chunk by chunk, continuing after the last flushed chunk."""
    generation, state = folder / GENERATION, folder / "chunks"
    shard_folder = generation / "shard"
    if not state.exists():
        shutil.rmtree(shard_folder, ignore_errors=True)
        generation.mkdir(parents=True, exist_ok=True)
        shard = q.EdgeShard.create(str(shard_folder), config(DIMENSION, QUANTISATION[quantisation]))
        for key, kind in INDEXED_KEYS.items():
            shard.update(payload_index(key, kind))
        shard.flush()
        state.write_text("[]")
    else:
        shard = q.EdgeShard.load(str(shard_folder))
    seconds: list[float] = json.loads(state.read_text())
    drawing = Drawing()
    with (folder / "vectors.f32").open("r+b" if seconds else "wb") as floats:
        for chunk in range(len(seconds), -(-points // CHUNK)):
            rows = drawing.chunk(chunk, min(CHUNK, points - chunk * CHUNK))
            floats.seek(4 * DIMENSION * CHUNK * chunk)
            floats.write(rows.tobytes())
            floats.flush()
            records = [record_of(chunk * CHUNK + row) for row in range(len(rows))]
            started = time.perf_counter()
            for start in range(0, len(rows), BATCH):
                batch = zip(records[start : start + BATCH], rows[start : start + BATCH], strict=True)
                new = [q.Point(record.id, vector, to_payload(record)) for record, vector in batch]
                shard.update(q.UpdateOperation.upsert_points(new))
            shard.flush()
            seconds.append(time.perf_counter() - started)
            state.write_text(json.dumps(seconds))
            print(f"written {chunk * CHUNK + len(rows)} at {len(rows) / seconds[-1]:.0f}/s", flush=True)
    shard.close()
    _finish_folder(folder)
    return {"points/s written": round(points / sum(seconds)), **_memory("build")}


def _finish_folder(folder: Path) -> None:
    generation = folder / GENERATION
    (generation / "spec.json").write_text(json.dumps(SPEC.to_dict()))
    (generation.parent / "CURRENT").write_text(generation.name)


def optimise(folder: Path, quantisation: str) -> Figures:
    """Make the graph and the quantised vectors."""
    shard_folder = folder / GENERATION / "shard"
    shutil.rmtree(shard_folder / "temp_segments", ignore_errors=True)
    shard = q.EdgeShard.load(str(shard_folder), config(DIMENSION, QUANTISATION[quantisation]))
    started, cpu = time.perf_counter(), time.process_time()
    shard.optimize()
    shard.flush()
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    info = shard.info()
    shard.close()
    return {
        "seconds to optimise": round(seconds, 1),
        "CPU seconds to optimise": round(cpu_seconds, 1),
        "points in the graph": info.indexed_vectors_count - info.points_count,  # words are always indexed
        "points": info.points_count,
        "segments": info.segments_count,
        **_memory("optimise"),
    }


def truth(folder: Path, points: int) -> Figures:
    """Find the nearest by brute force, and time numpy: one query at a time, over the whole matrix."""
    floats = np.memmap(folder / "vectors.f32", np.float32, "r", shape=(points, DIMENSION))
    queries = Drawing().queries(QUERIES)
    numbers = np.arange(points)
    best: dict[str, list[NDArray[np.int64]]] = {}
    for name, keep in [("plain", np.ones(points, bool)), *((n, f(numbers)) for n, (_, f) in FILTERS.items())]:
        kept = numbers[keep]
        scores = np.empty((QUERIES, len(kept)), np.float32)
        for start in range(0, len(kept), CHUNK):
            scores[:, start : start + CHUNK] = queries @ np.asarray(floats[kept[start : start + CHUNK]]).T
        best[name] = [kept[np.argpartition(-row, LIMIT - 1)[:LIMIT]] for row in scores]
    np.savez(folder / "truth.npz", allow_pickle=False, **{name: np.stack(rows) for name, rows in best.items()})
    times = []
    for query in queries[: 100 if points <= 100_000 else 30]:
        started = time.perf_counter()
        scores_of_one = floats @ query
        np.argpartition(-scores_of_one, LIMIT - 1)[:LIMIT]
        times.append(time.perf_counter() - started)
    return {"numpy, ms": _percentiles(times), **_memory("truth")}


def measure(folder: Path, points: int, quantisation: str) -> Figures:
    """Open the collection, and search it."""
    shard_folder = str(folder / GENERATION / "shard")
    opens = []
    for _ in range(5):
        started = time.perf_counter()
        shard = q.EdgeShard.load(shard_folder)
        opens.append(time.perf_counter() - started)
        shard.close()
    queries = Drawing().queries(QUERIES)
    figures: Figures = {
        "seconds to open": round(statistics.median(opens), 3),
        "seconds to open and answer once, from the disk": round(_first_answer(folder / GENERATION, queries[0]), 2),
        **_memory("open"),
    }
    shard = q.EdgeShard.load(shard_folder)
    ways: dict[str, q.SearchParams] = {"default": q.SearchParams()}
    if quantisation == "none":
        ways |= {f"ef {ef}": q.SearchParams(hnsw_ef=ef) for ef in (256, 512)}
    else:
        ways["full vectors"] = _quantised(ignore=True)
        ways["no rescoring"] = _quantised(rescore=False)
        ways |= {f"rescored of {n} x": _quantised(rescore=True, oversampling=float(n)) for n in (2, 4, 8)}
        ways |= {f"rescored of 4 x, ef {n}": _quantised(n, rescore=True, oversampling=4.0) for n in (256, 512)}
    if points <= 100_000:
        ways["exact"] = q.SearchParams(exact=True)
    wanted = np.load(folder / "truth.npz")
    names = {record_of(int(n)).id: int(n) for n in np.unique(np.concatenate([wanted[k].ravel() for k in wanted]))}
    for way, params in ways.items():
        for kind in wanted:
            where = FILTERS[kind][0] if kind in FILTERS else None
            figures[f"{kind}, {way}"] = _ask(shard, queries, wanted[kind], names, params, where)
            print(kind, way, figures[f"{kind}, {way}"], flush=True)
    shard.close()
    apparent, blocks = _bytes(folder / GENERATION)
    return figures | {"MB on disk": round(blocks / 1e6), "MB on disk, apparent": round(apparent / 1e6)} | _memory("ask")


def _first_answer(generation: Path, query: Vectors) -> float:
    """Return the seconds to open a collection and answer once, with its files not in the system's cache."""
    for path in filter(Path.is_file, generation.rglob("*")):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    started = time.perf_counter()
    shard = q.EdgeShard.load(str(generation / "shard"))
    params = search_params(exact=False)
    shard.query(q.QueryRequest(query=q.Query.Nearest(query.tolist()), limit=LIMIT, params=params, with_payload=True))
    seconds = time.perf_counter() - started
    shard.close()
    return seconds


def _quantised(
    ef: int | None = None, *, ignore: bool = False, rescore: bool | None = None, oversampling: float | None = None
) -> q.SearchParams:
    return q.SearchParams(hnsw_ef=ef, quantization=q.QuantizationSearchParams(ignore, rescore, oversampling))


def _ask(
    shard: q.EdgeShard,
    queries: Vectors,
    wanted: NDArray[np.int64],
    names: dict[str, int],
    params: q.SearchParams,
    where: q.Filter | None,
) -> Figures:
    times: list[float] = []
    found = 0
    for turn in range(2):  # the first run warms the caches
        times, found = [], 0
        for query, numbers in zip(queries[: 50 if turn == 0 else None], wanted, strict=False):
            request = q.QueryRequest(
                query=q.Query.Nearest(query.tolist()), limit=LIMIT, filter=where, params=params, with_payload=True
            )
            started = time.perf_counter()
            hits = shard.query(request)
            times.append(time.perf_counter() - started)
            found += len({names.get(str(hit.id)) for hit in hits} & set(numbers.tolist()))
    return {"ms": _percentiles(times), "recall@10": round(found / (LIMIT * len(queries)), 4)}


def later(folder: Path) -> Figures:
    """Write 250 more pictures as `ingest` does: into a copied generation, which is then published."""
    from gallery.settings import Settings
    from gallery.stores import open_store

    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        target = Path(temporary)
        shutil.copytree(folder / "collections", target / "collections", copy_function=shutil.copy)
        records = [record_of(10**9 + number) for number in range(250)]
        rows = Drawing().chunk(10**6, 250)
        started = time.perf_counter()
        with contextlib.closing(open_store(Settings(target)).edit("photos")) as editor:
            editor.begin(SPEC)
            begun = time.perf_counter()
            editor.upsert([replace(record) for record in records], rows)
            editor.flush()
            written = time.perf_counter()
            editor.finish()
        ended = time.perf_counter()
    return {
        "seconds of an ingest of 250 more": round(ended - started, 2),
        "of these, copying the generation": round(begun - started, 2),
        "of these, finishing and publishing": round(ended - written, 2),
    }


def _percentiles(times: list[float]) -> list[float]:
    return [round(1000 * float(value), 2) for value in np.percentile(times, [50, 99])]


def _bytes(folder: Path) -> tuple[int, int]:
    sizes = [path.stat() for path in folder.rglob("*") if path.is_file()]
    return sum(s.st_size for s in sizes), sum(s.st_blocks * 512 for s in sizes)


def _memory(stage: str) -> Figures:
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    anonymous = int(status["RssAnon"].split()[0]) / 1024
    return {f"MB of memory to {stage}, peak": round(peak), f"MB of memory to {stage}, anonymous": round(anonymous)}
