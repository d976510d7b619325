"""How fast indexing and searching are here: `make bench`.

    python -m benchmarks.bench [--images FOLDER] [--encoder NAME] [--count N]

By default a full-size CLIP with random weights over drawn photos of 500 x 375 pixels. The pipeline and the bare model
take turns on the same pictures, with the same batches and threads. Writes results/bench.md and results/bench.json.
"""

import contextlib
import io
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import torch
from gallery.encoder import Encoder, load_encoder
from PIL import Image, ImageDraw, ImageFilter

from benchmarks.full_clip import save_full_clip
from benchmarks.results import machine, write_results
from gallery.pictures import find_images
from gallery.pictures import open_image
from gallery.settings import Settings
from gallery.stores.collection import edit_collection, open_collection
from ingest.pipeline import ingest
from search.engine import SearchEngine

BATCH = 32
ROUNDS = 3
COLD_SEARCHES = 5
WARM_SEARCHES = 100


@click.command()
@click.option("--images", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Pictures of your own.")
@click.option("--encoder", help="Name or folder; by default a full-size CLIP with random weights.")
@click.option("--count", default=256, show_default=True, help="Pictures.")
def main(images: Path | None, encoder: str | None, count: int) -> None:
    """Measure, print a table, and write results/bench.md and results/bench.json."""
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        folder = images or _draw_photos(work / "photos", count)
        paths = [Path(file.path) for file in find_images(folder, lambda *_: None)][:count]
        name = encoder or str(work / "clip")
        if not encoder:
            with contextlib.redirect_stderr(io.StringIO()):
                save_full_clip(work / "clip")
        rows = _measure(paths, name, work)
    rows["pictures"] = f"{len(paths)} from {images}" if images else f"{len(paths)} drawn, 500 x 375"
    rows["encoder"] = encoder or "full-size CLIP (ViT-B/32), random weights"
    rows |= machine("bench")
    write_results("bench", "Speed and memory", rows)


def _measure(paths: list[Path], name: str, work: Path) -> dict[str, float | str]:
    encoder = load_encoder(name)
    pixels = np.stack([encoder.pixels(open_image(str(path), encoder.detail).rgb) for path in paths])
    encoder.encode_pixels(pixels[:BATCH])
    bare, pipeline = [], []
    for turn in range(ROUNDS):
        bare.append(_seconds(lambda: [encoder.encode_pixels(batch) for batch in _batches(pixels)]))
        settings = Settings(data_dir=work / f"data{turn}")
        pipeline.append(_seconds(lambda: _ingest(paths, settings, encoder)))  # noqa: B023 - called at once
    bare_rate, pipeline_rate = (len(paths) / statistics.median(seconds) for seconds in (bare, pipeline))
    collection = open_collection(settings)
    engine = SearchEngine(encoder, collection)
    warm = [_seconds(lambda: engine.search(f"a photo of number {n}")) for n in range(WARM_SEARCHES)]  # noqa: B023
    collection.close()
    environment = os.environ | {"DATA_DIR": str(settings.data_dir)}
    cold = [_run(["search", "a photo of a cat"], environment)[0] for _ in range(COLD_SEARCHES)]
    fresh = os.environ | {"DATA_DIR": str(work / "fresh")}
    _, memory = _run(["ingest", *map(str, paths), "--encoder", name], fresh)
    return {
        "pipeline, images/s": round(pipeline_rate, 2),
        "bare model, images/s": round(bare_rate, 2),
        "efficiency (pipeline / bare)": round(pipeline_rate / bare_rate, 3),
        "cold search, s (median of 5)": round(statistics.median(cold), 2),
        "warm search, ms (median of 100)": round(1000 * statistics.median(warm), 2),
        "peak memory of ingest, MB": round(memory / 1024),
        "threads of the model": torch.get_num_threads(),
    }


def _ingest(paths: list[Path], settings: Settings, encoder: Encoder) -> None:
    editor = edit_collection(settings, "photos")
    report = ingest(paths, editor, lambda: encoder, batch_size=BATCH)
    editor.close()
    assert report.indexed == len(paths), report


def _batches(pixels: np.ndarray) -> list[np.ndarray]:
    return [pixels[start : start + BATCH] for start in range(0, len(pixels), BATCH)]


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _run(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Run one of our commands in a process of its own; return its seconds and the peak memory so far, in KB."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", *command], env=environment, check=True, capture_output=True)
    return time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


def _draw_photos(folder: Path, count: int) -> Path:
    """Draw pictures that take as long to decode as photos do: smooth grounds, edges and some noise."""
    folder.mkdir()
    chance = np.random.default_rng(0)
    for number in range(count):
        few = Image.fromarray(chance.integers(0, 256, (6, 8, 3), np.uint8))
        ground = few.resize((500, 375), Image.Resampling.BICUBIC)
        pen = ImageDraw.Draw(ground)
        for _ in range(30):
            x, y, r = (float(chance.integers(low, high)) for low, high in ((0, 500), (0, 375), (3, 80)))
            pen.ellipse((x - r, y - r, x + r, y + r), fill=tuple(int(c) for c in chance.integers(0, 256, 3)))
        noise = chance.normal(0, 6, (375, 500, 3))
        soft = np.asarray(ground.filter(ImageFilter.GaussianBlur(1)), np.float32) + noise
        Image.fromarray(soft.clip(0, 255).astype(np.uint8)).save(folder / f"{number:04d}.jpg", quality=88)
    return folder


if __name__ == "__main__":
    main()
