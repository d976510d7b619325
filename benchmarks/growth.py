"""How costs grow with a folder: the memory of an ingest, and the time of one that finds nothing new.

    python -m benchmarks.growth [--files 20000]

Indexes 1000 drawn pictures, then the requested number, with a small CLIP of random weights, each in a separate process,
and again with nothing changed. Exits with 1 if memory grows by more than 10 KB a file, or fewer than 20 000
unchanged files are looked at in a second.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np
from PIL import Image

from benchmarks.full_clip import save_full_clip
from benchmarks.results import machine, write_results
from gallery.encoders import PictureEncoder
from gallery.settings import Settings
from gallery.stores import open_store
from ingest.pipeline import ingest

FEW = 1000
MOST_BYTES_A_FILE = 10_000
LEAST_FILES_A_SECOND = 20_000


@click.command()
@click.option("--files", default=20_000, show_default=True)
def main(files: int) -> None:
    """Measure, and write results/growth.md and results/growth.json."""
    rows: dict[str, float | str] = {}
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        save_full_clip(work / "clip", small=True)
        memory = []
        for count in (FEW, files):
            folder = _draw(work / f"pictures{count}", count)
            settings = Settings(data_dir=work / f"data{count}")
            memory.append(_peak_memory(folder, work / "clip", settings.data_dir))
            rows[f"peak memory of an ingest of {count} files, MB"] = round(memory[-1] / 1e6)
            seconds = _seconds_of_nothing_new(folder, settings)
            rows[f"unchanged files looked at in a second, of {count}"] = round(count / seconds)
    growth = (memory[1] - memory[0]) / (files - FEW)
    rows["growth of memory, bytes a file"] = round(growth)
    write_results("growth", "What a larger folder costs", rows | machine("growth"))
    if growth > MOST_BYTES_A_FILE or files / seconds < LEAST_FILES_A_SECOND:
        sys.exit("too much memory, or too slow")


def _draw(folder: Path, count: int) -> Path:
    """Draw small pictures, all different, 500 per folder."""
    chance = np.random.default_rng(count)
    for number in range(count):
        home = folder / f"{number // 500:03d}"
        home.mkdir(parents=True, exist_ok=True)
        noise = chance.integers(0, 256, (4, 4, 3), np.uint8)
        Image.fromarray(noise).resize((64, 48)).save(home / f"{number:06d}.jpg")
    return folder


def _peak_memory(folder: Path, clip: Path, data_dir: Path) -> float:
    """Run `ingest` in a separate process, and return its peak memory in bytes."""
    command = [sys.executable, "-m", "ingest", str(folder), "--encoder", str(clip)]
    with open(os.devnull, "w") as nowhere:
        process = os.posix_spawn(
            sys.executable,
            command,
            os.environ | {"DATA_DIR": str(data_dir)},
            file_actions=[(os.POSIX_SPAWN_DUP2, nowhere.fileno(), 1), (os.POSIX_SPAWN_DUP2, nowhere.fileno(), 2)],
        )
        _, status, usage = os.wait4(process, 0)
    if status:
        sys.exit(f"ingest ended with {status}")
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _seconds_of_nothing_new(folder: Path, settings: Settings) -> float:
    def refuse() -> PictureEncoder:
        sys.exit("something was new")

    editor = open_store(settings).edit("photos")
    started = time.perf_counter()
    ingest([folder], editor, refuse)
    seconds = time.perf_counter() - started
    editor.close()
    return seconds


if __name__ == "__main__":
    main()
