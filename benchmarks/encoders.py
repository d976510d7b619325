"""How fast indexing and searching are, with ConSE and with a CLIP of full size and random weights: `make bench`.

    python -m benchmarks.encoders IMAGES [--count 300]

Each complete `ingest` is compared with two bare loops over the same pictures: the ideal, which only decodes and then
encodes them on all processors; and a plain one, as in small tools, which takes one picture at a time in float32. Writes
results/encoders.md and results/encoders.json.
"""

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

import click
import httpx
import numpy as np
from PIL import Image, ImageOps

from benchmarks.full_clip import save_full_clip
from benchmarks.page import page_running
from benchmarks.results import write_results
from benchmarks.small import made_up_record, working_folder, write_points
from gallery.encoders import Encoder, PictureTower, in_form, load_encoder, place_of, processors
from gallery.pictures import open_image
from gallery.settings import Settings
from gallery.stores import open_store
from gallery.vectors import unit_rows

T = TypeVar("T")
ROUNDS = 3
RUNS = 5
MANY = 10_000
LENGTH = 1024
"""The longer side of each photo, in pixels."""
EXAMPLES = Path(__file__).parents[1] / "examples" / "photos"
STARTER = """
import resource, subprocess, sys, time
began = time.perf_counter()
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@click.command()
@click.argument("images", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--count", default=300, show_default=True, help="Photos to index.")
def main(images: Path, count: int) -> None:
    """Measure, print a table, and write results/encoders.md and results/encoders.json."""
    rows: dict[str, float | str] = {}
    with working_folder() as work:
        settings = Settings(data_dir=work / "data")
        paths = _copies(images, work / "photos", count)
        save_full_clip(work / "clip")
        rows["making ConSE's folder, s"], conse = _timed(lambda: load_encoder(settings, "conse"))
        rows["exporting CLIP, s"], clip = _timed(lambda: load_encoder(settings, str(work / "clip")))
        int8 = in_form(clip, "int8", place_of(settings))
        for name, encoder, floats in (("ConSE", conse, conse), ("CLIP", clip, clip), ("CLIP in 8 bits", int8, clip)):
            rows |= _indexing(name, encoder, floats, paths, work)
        rows |= _searching(clip, paths, images, work)
        environment = _environment(work / "examples", conse)
        _run(_ingest(EXAMPLES), environment)
        rows |= _cold("ConSE, examples", environment, work / "other.jpg")
        rows |= _told(conse, environment)
        size = statistics.median(path.stat().st_size for path in paths)
        rows["pictures"] = f"{len(paths)} photos scaled to {LENGTH} pixels; the median file has {size / 1e6:.2f} MB"
    rows["processors"] = processors()
    rows["the processor's speed: ten million additions in Python, s"] = _timed(lambda: sum(1 for _ in range(10**7)))[0]
    rows["load of the machine, runnable processes"] = round(os.getloadavg()[0], 1)
    write_results("encoders", "Indexing and searching", rows)


def _copies(images: Path, folder: Path, count: int) -> list[Path]:
    """Write `count` of the photos into a folder, all of one length, so that most files have 0.1 to 0.3 MB."""
    folder.mkdir()

    def copy(photo: Path) -> None:
        with Image.open(photo) as opened:
            scaled = ImageOps.contain(opened.convert("RGB"), (LENGTH, LENGTH))
        scaled.save(folder / f"{photo.stem}.jpg", quality=92)

    with ThreadPoolExecutor(processors()) as pool:
        list(pool.map(copy, sorted(images.iterdir())[:count]))
    return sorted(folder.iterdir())


def _indexing(name: str, encoder: Encoder, floats: Encoder, paths: list[Path], work: Path) -> dict[str, float | str]:
    tower, one = encoder.pictures(), floats.pictures(for_one=True)
    tower.pack()
    ingests, ideal = [], []
    for turn in range(ROUNDS):
        ingests.append(_run(_ingest(work / "photos"), _environment(work / f"{name}{turn}", encoder)))
        ideal.append(_timed(lambda: _ideal(tower, paths))[0])
    plain = _timed(lambda: [one.encode_images([open_image(str(path), one.detail).rgb]) for path in paths])[0]
    rate = len(paths) / statistics.median(seconds for seconds, _ in ingests)
    shares = [best / seconds for best, (seconds, _) in zip(ideal, ingests, strict=True)]
    return {
        f"{name}: whole ingest, images/s": round(rate, 1),
        f"{name}: whole ingest / ideal (median of {ROUNDS})": round(statistics.median(shares), 2),
        f"{name}: whole ingest / plain loop in float32": round(rate * plain / len(paths), 2),
        f"{name}: peak memory of the ingest, MB": round(max(memory for _, memory in ingests)),
    }


def _ideal(tower: PictureTower, paths: list[Path]) -> None:
    def encode(start: int) -> None:
        tower.encode_images([open_image(str(path), tower.detail).rgb for path in paths[start : start + tower.at_once]])

    with ThreadPoolExecutor(processors()) as pool:
        list(pool.map(encode, range(0, len(paths), tower.at_once)))


def _searching(clip: Encoder, paths: list[Path], images: Path, work: Path) -> dict[str, float | str]:
    environment = _environment(work / "library", clip)
    many = _copies(images, work / "many", 1010)
    (work / "new").mkdir()
    for photo in many[-10:]:
        photo.rename(work / "new" / photo.name)
    _run(_ingest(work / "many"), environment)
    adding = _run(["ingest", str(work / "new")], environment)[0]
    other = work / "other.jpg"
    Image.open(paths[0]).convert("RGB").resize((400, 300)).save(other)
    rows = _cold("CLIP, 1000 photos", environment, other)
    with page_running([], environment) as (address, _):
        upload = partial(httpx.post, f"{address}/api/search/image", timeout=60)
        picture = _timed(lambda: upload(files={"file": other.read_bytes()}).raise_for_status())[0]
    return {
        "adding 10 photos to 1000, whole process, s": round(adding, 2),
        **rows,
        "first picture query on a fresh page, s": round(picture, 2),
    }


def _cold(what: str, environment: dict[str, str], picture: Path) -> dict[str, float | str]:
    """Search in new processes, as a user does who types a command: by a text, and by a file that is not indexed."""
    texts = [_run(["search", "a dog on a beach"], environment) for _ in range(RUNS)]
    like = [_run(["search", f"like:{picture}"], environment)[0] for _ in range(RUNS)]
    return {
        f"cold search ({what}), whole process, s (median of {RUNS})": round(statistics.median(s for s, _ in texts), 2),
        f"cold search ({what}), peak memory, MB": round(max(memory for _, memory in texts)),
        f"cold search like:FILE ({what}), s (median of {RUNS})": round(statistics.median(like), 2),
    }


def _told(conse: Encoder, environment: dict[str, str]) -> dict[str, float | str]:
    """Time searches of pictures with captions, places and text against searches of the same pictures without."""
    settings = Settings(data_dir=Path(environment["DATA_DIR"]))
    vectors = unit_rows(np.random.default_rng(0).standard_normal((MANY, conse.spec.dimension), np.float32))
    seconds: dict[str, list[float]] = {"plain": [], "told": []}
    for name in seconds:
        with closing(open_store(settings).edit(name)) as editor:
            editor.begin(conse.spec)
            write_points(editor, [made_up_record(number, told=name == "told") for number in range(MANY)], vectors)
            editor.finish()
    for _ in range(4 * RUNS):
        for name, taken in seconds.items():
            taken.append(_run(["search", "a dog on a beach", "--collection", name], environment)[0])
    plain, told = (statistics.median(taken) for taken in seconds.values())
    return {
        f"cold search (ConSE, {MANY} drawn pictures), s (median of {4 * RUNS})": round(plain, 2),
        "the same with captions, places and text / without": round(told / plain, 2),
    }


def _environment(data: Path, encoder: Encoder) -> dict[str, str]:
    """Return the environment for a run with its own DATA_DIR, which already has this encoder's folder."""
    place = data / "encoders"
    place.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        shutil.copytree(encoder.folder, place / encoder.folder.name, copy_function=os.link)
    # Python keeps compiled modules, unless it is told not to, as in some containers: reading sources takes 0.1 s.
    given = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return given | {"DATA_DIR": str(data), "ENCODER": str(encoder.folder), "HF_HUB_OFFLINE": "1"}


def _ingest(folder: Path) -> list[str]:
    return ["ingest", str(folder), "--precision", "float32"]  # a folder given by path keeps its form


def _run(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Run one of our commands in a separate process; return its seconds and its peak memory in MB."""
    # A small process starts it, because a child of this large one would report at least this one's size as its peak.
    asked = [sys.executable, "-c", STARTER, sys.executable, "-m", *command]
    done = subprocess.run(asked, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    seconds, kilobytes = done.stdout.split()
    return float(seconds), int(kilobytes) / 1024


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    began = time.perf_counter()
    result = work()
    return round(time.perf_counter() - began, 2), result


if __name__ == "__main__":
    main()
