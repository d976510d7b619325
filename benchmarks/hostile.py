"""Does `ingest` survive whatever lies in a folder? Exits with 1 if it crashes, hangs, or loses count of a file.

    python -m benchmarks.hostile [--files 1000]

Makes that many hostile files, indexes them with a small CLIP of random weights, and checks: the exit code is 3, every
file that was found is accounted for once, every picture that Pillow can decode is indexed, and memory and time stay
within bounds.
"""

import io
import os
import random
import resource
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

from benchmarks.full_clip import save_full_clip
from benchmarks.results import machine, write_results
from gallery.pictures import find_images

MOST_MEGABYTES = 4000
MOST_SECONDS_A_FILE = 1.0
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
"""Makes one file at a path, which may get another suffix; returns whether it is a picture that must be indexed."""


@click.command()
@click.option("--files", default=1000, show_default=True)
def main(files: int) -> None:
    """Make hostile files, index them and check; write results/hostile.md and results/hostile.json."""
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        save_full_clip(work / "clip", small=True)
        good = make_hostile(work / "hostile", files)
        command = [sys.executable, "-m", "ingest", str(work / "hostile"), "--encoder", str(work / "clip")]
        rows, seconds = run_ingest(command, work / "data", timeout=60 + MOST_SECONDS_A_FILE * files)
        found = sum(1 for _ in find_images(work / "hostile", lambda *_: None))
    megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    check(rows, found, good)
    if megabytes > MOST_MEGABYTES:
        sys.exit(f"{megabytes:.0f} MB of memory, more than {MOST_MEGABYTES}")
    figures: dict[str, float | str] = {
        "files made": files,
        "files found": found,
        "indexed": rows["indexed"],
        "updated (the same bytes again)": rows["updated"],
        "unreadable": rows["unreadable"],
        "good pictures not indexed": 0,
        "seconds": round(seconds, 1),
        "peak memory, MB": round(megabytes),
    }
    write_results("hostile", "Hostile files", figures | machine("hostile"))


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
    """Exit with 1 unless all that was found is accounted for, and every good picture is in."""
    counted = rows["indexed"] + rows["already there"] + rows["updated"] + rows["unreadable"]
    if counted != found:
        sys.exit(f"{found} files were found, {counted} are accounted for: {rows}")
    if rows["indexed"] + rows["updated"] < good:
        sys.exit(f"{good} files are good pictures, {rows['indexed'] + rows['updated']} were taken: {rows}")


def make_hostile(folder: Path, count: int, seed: int = 0) -> int:
    """Make `count` hostile files in a folder; return how many of them are good pictures all the same."""
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


def encoded(chance: random.Random, form: str, mode: str = "RGB", **options: object) -> bytes:
    """Return a file of small random noise, so that no two are the same."""
    noise = np.random.default_rng(chance.randrange(2**32)).integers(0, 256, (24, 32, 4), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).convert(mode).save(buffer, form, **options)
    return buffer.getvalue()


def truncated(path: Path, chance: random.Random) -> bool:
    form = chance.choice(["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF"])
    data = encoded(chance, form)
    path.with_suffix(f".{form.lower()}").write_bytes(data[: chance.randrange(1, len(data))])
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
    """A folder, a pipe or a link that leads nowhere or to itself."""
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
