"""Does `ingest` survive any folder, and decode every picture correctly? Exits with 1 if not.

    python -m benchmarks.hostile [--files 2000] [--colours 200]

Makes that many hostile files, and decodes each: a truncated one must be an error, or agree with the complete one except
for the part it reports as missing. No file may take more than 10 s or 1 GB. Then they are indexed with a small CLIP of
random weights: the exit code must be 3, every file found counted once, and every good picture indexed.
Files with colours in other spaces are compared with Chromium, or else with Little CMS.
"""

import io
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

import click
import numpy as np
from PIL import Image

from benchmarks import bombs
from benchmarks.colour_managed import compared, make_files
from benchmarks.full_clip import save_full_clip
from benchmarks.results import machine, write_results
from gallery.errors import UnreadableImage
from gallery.pictures import find_images, open_image

MOST_SECONDS, MOST_MEGABYTES = 10.0, 1000
"""The limits per file; seconds count per process competing for a processor."""
MOST_APART = 24
"""Out of 255: how much a row above a cut may differ, because JPEG smoothing crosses it."""
_EDGE = 24
"""Rows above a cut that are not compared."""
NAMES = [
    "a\nb",
    "-rf",
    "--help",
    "café",
    "\U0001f408",
    " ",
    "a'b\"c",
    "$(x)",
    "%2e%2e",
    "\udcff\udcfe",
    "\u202egpj",
    "x" * 200,
]
Maker = Callable[[Path, random.Random], bool]
"""Makes one file at a path, perhaps with another suffix; returns whether it is a picture that must be indexed."""
WHOLE: dict[str, bytes] = {}
"""Path of a truncated file -> its complete bytes."""


@click.command()
@click.option("--files", default=2000, show_default=True)
@click.option("--colours", default=200, show_default=True)
def main(files: int, colours: int) -> None:
    """Make hostile files, decode and index them, and check; write results/hostile.md and results/hostile.json."""
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        save_full_clip(work / "clip", small=True)
        good = make_hostile(work / "hostile", files - len(bombs.MAKERS))
        for name, make in bombs.MAKERS.items():
            (work / "hostile" / name).write_bytes(make())
        found = [file.path for file in find_images(work / "hostile", lambda *_: None)]
        figures = decoded(found)
        command = [sys.executable, "-m", "ingest", str(work / "hostile"), "--encoder", str(work / "clip")]
        rows, seconds = run_ingest(command, work / "data", timeout=600 + files)
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
    write_results("hostile", "Hostile files", figures | machine("hostile"))


def decoded(paths: list[str]) -> dict[str, float | str]:
    """Decode each file, and return the slowest one and the largest memory; exits with 1 if a picture is wrong."""
    command = [sys.executable, "-m", "benchmarks.decoding"]
    done = subprocess.run(command, check=True, input=json.dumps(paths), stdout=subprocess.PIPE, text=True)
    measured = json.loads(done.stdout)
    seconds, megabytes = measured["seconds"], measured["megabytes"]
    slowest = max(seconds, key=seconds.__getitem__)
    crowd = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    if seconds[slowest] > MOST_SECONDS * crowd:
        sys.exit(f"{slowest} took {seconds[slowest]:.1f} s, more than {MOST_SECONDS:.0f}")
    if megabytes > MOST_MEGABYTES:
        sys.exit(f"{megabytes:.0f} MB of memory, more than {MOST_MEGABYTES}")
    compared_with_whole = sum(check_rows(path) for path in paths if path in WHOLE)
    return {
        "slowest file": f"{Path(slowest).name!r}, {seconds[slowest]:.1f} s",
        "processes for each processor meanwhile": round(crowd, 1),
        "largest memory of a process, MB": round(megabytes),
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
    height = len(whole)
    there = max(0, int((1 - missing) * height) - _EDGE)
    rows = slice(height - there, None) if picture.format == "BMP" else slice(there)  # BMP stores the last row first
    apart = np.abs(np.asarray(picture.rgb).astype(int)[rows] - whole[rows])
    if there and apart.mean() > MOST_APART:
        sys.exit(f"{path}: rows that are there differ by {apart.mean():.0f} of 255")
    return True


def run_ingest(command: list[str], data_dir: Path, timeout: float) -> tuple[dict[str, int], float]:
    """Run `ingest` to its end; return the counts of its summary and its seconds."""
    started = time.monotonic()
    done = subprocess.run(
        command,
        check=False,
        env=os.environ | {"DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    if done.returncode != 3:
        sys.exit(f"exit code {done.returncode} instead of 3: {done.stderr}")
    pairs = (line.split("\t") for line in done.stdout.splitlines())
    counted = ("indexed", "already there", "updated", "unreadable")
    return {pair[0]: int(pair[1]) for pair in pairs if pair[0] in counted}, time.monotonic() - started


def check(rows: dict[str, int], found: int, good: int) -> None:
    """Exit with 1 unless all files found are counted, and every good picture is indexed."""
    counted = rows["indexed"] + rows["already there"] + rows["updated"] + rows["unreadable"]
    if counted != found:
        sys.exit(f"{found} files were found, {counted} are accounted for: {rows}")
    if rows["indexed"] + rows["updated"] < good:
        sys.exit(f"{good} files are good pictures, {rows['indexed'] + rows['updated']} were taken: {rows}")


def make_hostile(folder: Path, count: int, seed: int = 0) -> int:
    """Make `count` hostile files in a folder; return how many of them are good pictures nevertheless."""
    chance = random.Random(seed)
    good = 0
    for number, make in enumerate(islice(cycle(MAKERS), count)):
        name = (
            f"{number:04d}{NAMES[number % len(NAMES)]}" if number % 3 else f"{NAMES[number % len(NAMES)]}{number:04d}"
        )
        home = folder / f"{number % 7}"
        home.mkdir(parents=True, exist_ok=True)
        good += make(home / f"{name}.jpg", chance)
    (folder / "loop").symlink_to(folder)
    return good


def encoded(
    chance: random.Random, form: str, mode: str = "RGB", size: tuple[int, int] = (24, 32), **options: object
) -> bytes:
    """Return a file of a little random noise, so that all differ."""
    noise = np.random.default_rng(chance.randrange(2**32)).integers(0, 256, (*size, 4), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).convert(mode).save(buffer, form, **options)
    return buffer.getvalue()


def truncated(path: Path, chance: random.Random) -> bool:
    form = chance.choice(["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF"])
    data = encoded(chance, form, size=(120, 60), interlace=0)  # only GIF has
    path = path.with_suffix(f".{form.lower()}")
    path.write_bytes(data[: chance.randrange(1, len(data))])
    WHOLE[str(path)] = data
    return False


def flipped(path: Path, chance: random.Random) -> bool:
    data = bytearray(encoded(chance, chance.choice(["JPEG", "PNG", "GIF", "WEBP", "TIFF", "AVIF"])))
    for _ in range(8):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)
    return False


def wrong_suffix(path: Path, chance: random.Random) -> bool:
    path.write_bytes(encoded(chance, chance.choice(["PNG", "GIF", "WEBP", "TIFF", "BMP"])))
    return True


def empty(path: Path, _: random.Random) -> bool:
    path.touch()
    return False


def text(path: Path, chance: random.Random) -> bool:
    path.write_text(chance.choice(["#!/bin/sh\nrm -rf ~\n", "<svg onload='x'/>", "%!PS-Adobe-3.0 EPSF-3.0\n(x) show"]))
    return False


def one_pixel(path: Path, chance: random.Random) -> bool:
    Image.new("RGB", (1, 1), tuple(chance.randrange(256) for _ in range(3))).save(path, "PNG")
    return True


def very_wide(path: Path, chance: random.Random) -> bool:
    Image.new("RGB", chance.choice([(30_000, 1), (1, 30_000)]), chance.randrange(2**24)).save(path, "PNG")
    return True


def bomb(path: Path, chance: random.Random) -> bool:
    """A PNG of a few bytes whose header claims up to 4 billion pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    side = chance.choice([20_000, 40_000, 65_000])
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99_999)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body + str(chance.random()).encode())
    return False


def odd_mode(path: Path, chance: random.Random) -> bool:
    form, mode = chance.choice(
        [("JPEG", "CMYK"), ("JPEG", "L"), ("PNG", "P"), ("PNG", "LA"), ("PNG", "1"), ("TIFF", "CMYK")]
    )
    path.write_bytes(encoded(chance, form, mode))
    return True


def sixteen_bit(path: Path, chance: random.Random) -> bool:
    grey = np.random.default_rng(chance.randrange(2**32)).integers(0, 65536, (20, 20), np.uint16)
    Image.fromarray(grey).save(path, chance.choice(["PNG", "TIFF"]))
    return True


def broken_exif(path: Path, chance: random.Random) -> bool:
    path.write_bytes(encoded(chance, "JPEG", exif=b"Exif\0\0" + chance.randbytes(60)))
    return True


def animated(path: Path, chance: random.Random) -> bool:
    frames = [Image.new("RGB", (9, 9), chance.randrange(2**24)) for _ in range(3)]
    frames[0].save(path, chance.choice(["GIF", "WEBP", "PNG"]), save_all=True, append_images=frames[1:])
    return True


def no_file(path: Path, chance: random.Random) -> bool:
    """A folder, a pipe, or a link that is broken or points to itself."""
    kind = chance.randrange(4)
    if kind == 0:
        path.mkdir()
    elif kind == 1:
        os.mkfifo(path)
    else:
        path.symlink_to(path.name if kind == 2 else "nowhere")
    return False


MAKERS: list[Maker] = [
    truncated,
    flipped,
    wrong_suffix,
    truncated,
    empty,
    text,
    one_pixel,
    very_wide,
    bomb,
    odd_mode,
    sixteen_bit,
    broken_exif,
    animated,
    no_file,
]

if __name__ == "__main__":
    main()
