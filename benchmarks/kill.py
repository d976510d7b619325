"""Is anything lost when `ingest` is killed at a random moment? Exits with 1 on the first loss.

    python -m benchmarks.kill IMAGES [--runs 30] [--encoder NAME]

Every run starts `ingest` on IMAGES in a process of its own, kills it with SIGKILL at a random time, runs it again to
its end, and compares the collection with that of an undisturbed run: ids equal, payloads equal but for `indexed_at`,
vectors within 1e-5. By default with a small CLIP of random weights, so that the time goes into what can break.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from benchmarks.full_clip import save_full_clip
from benchmarks.results import machine, write_results
from gallery.records import ImageRecord
from gallery.settings import Settings
from gallery.stores import open_store
from gallery.vectors import Vectors

MOST_DIFFERENCE = 1e-5
Contents = dict[str, tuple[ImageRecord, Vectors]]


@click.command()
@click.argument("images", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--runs", default=30, show_default=True)
@click.option("--encoder", help="By default a small CLIP of random weights.")
@click.option("--seed", default=0, show_default=True)
def main(images: Path, runs: int, encoder: str | None, seed: int) -> None:
    """Kill, finish and compare; write results/kill.md and results/kill.json."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        if not encoder:
            save_full_clip(work / "clip", small=True)
        command = [sys.executable, "-m", "ingest", str(images), "--encoder", encoder or str(work / "clip")]
        started = time.monotonic()
        _run(command, work / "undisturbed")
        seconds = time.monotonic() - started
        wanted = contents(work / "undisturbed")
        kept, greatest = [], 0.0
        for number in range(runs):
            data = work / f"run{number}"
            after = chance.uniform(0.1, seconds)
            _run(command, data, kill_after=after)
            saved = _run(command, data)
            found = contents(data)
            difference = compare(wanted, found)
            kept.append(saved)
            greatest = max(greatest, difference)
            print(f"run {number}: killed after {after:.1f} s; {saved} of {len(wanted)} were kept; all the same")
    rows: dict[str, float | str] = {
        "runs, each killed once": runs,
        "pictures": len(wanted),
        "seconds of an undisturbed run": round(seconds, 1),
        "runs that differ": 0,
        "greatest difference of a number": f"{greatest:.1e}",
        "pictures kept over the kill, least, median and most": f"{min(kept)}, {int(np.median(kept))}, {max(kept)}",
    }
    write_results("kill", "Killed and finished", rows | machine("kill"))


def contents(data_dir: Path, name: str = "photos") -> Contents:
    """Return all pictures of an embedded collection, without the time of their indexing, and their vectors."""
    collection = open_store(Settings(data_dir=data_dir)).open(name)
    found = {record.id: (replace(record, indexed_at=""), vector) for record, vector in collection.scan()}
    collection.close()
    return found


def compare(wanted: Contents, found: Contents) -> float:
    """Return the greatest difference of a number in the vectors; exit with 1 if anything differs."""
    if wanted.keys() != found.keys():
        sys.exit(f"ids differ: {len(wanted.keys() - found.keys())} lost, {len(found.keys() - wanted.keys())} more")
    for id, (record, _) in wanted.items():
        if record != found[id][0]:
            sys.exit(f"payloads differ: {record} became {found[id][0]}")
    difference = max(float(np.abs(vector - found[id][1]).max()) for id, (_, vector) in wanted.items())
    if difference > MOST_DIFFERENCE:
        sys.exit(f"vectors differ by {difference}")
    return difference


def _run(command: list[str], data_dir: Path, kill_after: float | None = None) -> int:
    """Run `ingest`, to its end or until it is killed; return how many files it found there already."""
    process = subprocess.Popen(
        command, env=os.environ | {"DATA_DIR": str(data_dir)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        out, errors = process.communicate(timeout=kill_after)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return 0
    if process.returncode:
        sys.exit(f"ingest failed: {errors}")
    return int(dict(line.split("\t")[:2] for line in out.splitlines())["already there"])


if __name__ == "__main__":
    main()
