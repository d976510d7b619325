"""Does `ingest` survive any folder, and decode every picture correctly? Exits with 1 if not.

    python -m benchmarks.hostile [--files 2000] [--colours 200]

Makes that many hostile files, and decodes each: a truncated one must be an error, or agree with the complete one except
for the part it reports as missing. No file may take more than 10 s or 1 GB. Then they are indexed with a small CLIP of
random weights: the exit code must be 3, every file found counted once, and every good picture indexed.
Files with colours in other spaces are compared with Chromium, or else with Little CMS.
"""

import os
import resource
import sys
import time
from contextlib import suppress
from pathlib import Path

import click
import numpy as np

from benchmarks.colour_managed import compared, make_files
from benchmarks.commands import peak_megabytes, result_of, run_command
from benchmarks.full_clip import save_full_clip
from benchmarks.hostile_files import BOMBS, WHOLE, make_hostile
from benchmarks.results import write_results
from benchmarks.small import working_folder
from gallery.errors import UnreadableImage
from gallery.pictures import find_images, open_image
from gallery.pictures.loader import end_workers

MOST_SECONDS, MOST_MEGABYTES = 10.0, 1000
"""The limits per file; seconds count per process competing for a processor."""
MOST_APART = 24
"""Out of 255: how much a row above a cut may differ, because JPEG smoothing crosses it."""
COUNTED = ("indexed", "already there", "updated", "unreadable")
_EDGE = 24
"""Rows above a cut that are not compared."""


@click.command()
@click.option("--files", default=2000, show_default=True)
@click.option("--colours", default=200, show_default=True)
def main(files: int, colours: int) -> None:
    """Make hostile files, decode and index them, and check; write results/hostile.md and results/hostile.json."""
    with working_folder() as work:
        save_full_clip(work / "clip", small=True)
        good = make_hostile(work / "hostile", files - len(BOMBS))
        for name, make in BOMBS.items():
            (work / "hostile" / name).write_bytes(make())
        found = [file.path for file in find_images(work / "hostile", lambda *_: None)]
        figures = decoded(found)
        rows, seconds = run_ingest(work, timeout=600 + files)
    check(rows, len(found), good)
    wrong, by_browser, by_lcms, apart = compared(make_files(colours), lambda data: open_image(data).rgb)
    if wrong:
        sys.exit("wrong colours: " + "; ".join(wrong))
    figures |= {
        "files made": files,
        "files found": len(found),
        "indexed": rows["indexed"],
        "updated (the same bytes again)": rows["updated"],
        "unreadable": rows["unreadable"],
        "good pictures not indexed": 0,
        "seconds of ingest": round(seconds, 1),
        "colours compared with Chromium, with Little CMS, wrong": f"{by_browser}, {by_lcms}, 0",
        "most that a colour is apart, of 255": apart,
    }
    write_results("hostile", "Hostile files", figures)


def decode(paths: list[str]) -> tuple[dict[str, float], int]:
    """Decode files one after another; return the seconds of each, and the largest memory in MB."""
    seconds: dict[str, float] = {}
    for path in paths:
        started = time.monotonic()
        with suppress(UnreadableImage):
            open_image(path, 448)
        seconds[path] = time.monotonic() - started
    end_workers()
    of_workers = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    return seconds, max(peak_megabytes(), of_workers)


def decoded(paths: list[str]) -> dict[str, float | str]:
    """Decode each file, and return the slowest one and the largest memory; exits with 1 if a picture is wrong."""
    seconds, megabytes = result_of(decode, paths, seconds=600 + len(paths))
    slowest = max(seconds, key=seconds.__getitem__)
    crowd = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    if seconds[slowest] > MOST_SECONDS * crowd:
        sys.exit(f"{slowest} took {seconds[slowest]:.1f} s, more than {MOST_SECONDS:.0f}")
    if megabytes > MOST_MEGABYTES:
        sys.exit(f"{megabytes} MB of memory, more than {MOST_MEGABYTES}")
    compared_with_whole = sum(check_rows(path) for path in paths if path in WHOLE)
    return {
        "slowest file": f"{Path(slowest).name!r}, {seconds[slowest]:.1f} s",
        "processes for each processor meanwhile": round(crowd, 1),
        "largest memory of a process, MB": megabytes,
        "cut files that are pictures, wrong": f"{compared_with_whole}, 0",
    }


def check_rows(path: str) -> bool:
    """Return whether a truncated file is a picture; exits with 1 unless its intact rows are right."""
    try:
        picture = open_image(path)
    except UnreadableImage:
        return False
    whole = np.asarray(open_image(WHOLE[path]).rgb).astype(int)
    note = "".join(note for note in picture.notes if note.startswith("damaged"))
    missing = int(note.split()[1]) / 100 if note else 0
    there = max(0, int((1 - missing) * len(whole)) - _EDGE)
    rows = slice(len(whole) - there, None) if picture.format == "BMP" else slice(there)  # BMP stores the last row first
    apart = np.abs(np.asarray(picture.rgb).astype(int)[rows] - whole[rows])
    if there and apart.mean() > MOST_APART:
        sys.exit(f"{path}: rows that are there differ by {apart.mean():.0f} of 255")
    return True


def run_ingest(work: Path, timeout: float) -> tuple[dict[str, int], float]:
    """Run `ingest` to its end; return the counts of its summary and its seconds."""
    started = time.monotonic()
    line = ["ingest", str(work / "hostile"), "--encoder", str(work / "clip")]
    ran = run_command(line, work / "data", work, timeout)
    if ran.code != 3:
        sys.exit(f"exit code {ran.code} instead of 3: {ran.err}")
    said = dict(line.split("\t")[:2] for line in ran.out.splitlines())
    return {name: int(said[name]) for name in COUNTED}, time.monotonic() - started


def check(rows: dict[str, int], found: int, good: int) -> None:
    """Exit with 1 unless all files found are counted, and every good picture is indexed."""
    if sum(rows.values()) != found:
        sys.exit(f"{found} files were found, {sum(rows.values())} are accounted for: {rows}")
    if rows["indexed"] + rows["updated"] < good:
        sys.exit(f"{good} files are good pictures, {rows['indexed'] + rows['updated']} were taken: {rows}")


if __name__ == "__main__":
    main()
