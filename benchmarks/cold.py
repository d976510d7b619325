"""How long one search takes, from a new process to its last line.

    python -m benchmarks.cold [--runs N] [--encoder NAME]

A full-size CLIP with random weights over the example pictures, unless another encoder is named. The exported text
tower and the original take turns, so that both have the same machine; the disk's cache is warm. Then the page is
started, and the same command asks it, as it does by itself whenever a page runs for its collection. Writes
results/cold.md and results/cold.json.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
from gallery.text_onnx import MANIFEST

from benchmarks.full_clip import save_full_clip
from benchmarks.page import page_running
from benchmarks.results import machine, write_results

PHOTOS = Path("examples/photos")
QUERY = "a cat"
LEAST_WARM = 10
"""Searches with the page running: they take next to nothing."""


@click.command()
@click.option("--runs", default=10, show_default=True)
@click.option("--encoder", help="Name or folder; by default a full-size CLIP with random weights.")
def main(runs: int, encoder: str | None) -> None:
    """Measure, print a table, and write results/cold.md and results/cold.json."""
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        if not encoder:
            save_full_clip(work / "clip")
        environment = os.environ | {"DATA_DIR": str(work / "data"), "HF_HUB_OFFLINE": "1"}
        ingest = [sys.executable, "-m", "ingest", str(PHOTOS), "--encoder", encoder or str(work / "clip")]
        made = subprocess.run(ingest, env=environment, check=True, stderr=subprocess.PIPE, text=True)
        export = float(made.stderr.partition("Exported in ")[2].split()[0])
        first, answer = run(["search", QUERY], environment)
        (manifest,) = (work / "data").rglob(MANIFEST)
        exported, original = [], []
        for _ in range(runs):
            seconds, found = run(["search", QUERY], environment)
            assert paths(found) == paths(answer)
            exported.append(seconds)
            aside = manifest.rename(manifest.with_suffix(".aside"))
            manifest.write_text('{"refused": "set aside, to measure the original"}')
            original.append(run(["search", QUERY], environment)[0])
            aside.rename(manifest)
        with page_running(environment, []):
            warm = []
            for _ in range(max(runs, LEAST_WARM)):
                seconds, found = run(["search", QUERY], environment)
                assert paths(found) == paths(answer)
                warm.append(seconds)
        nothing = [run(["search", "--help"], environment)[0] for _ in range(runs)]
    fast, slow = statistics.median(exported), statistics.median(original)
    rows: dict[str, float | str] = {
        f"cold search, s (median of {runs})": round(fast, 2),
        "least and most": f"{min(exported):.2f} and {max(exported):.2f}",
        f"the same with the original in torch, s (median of {runs})": round(slow, 2),
        "ratio": round(slow / fast, 1),
        f"with the page running, s (median of {len(warm)})": round(statistics.median(warm), 3),
        "with the page running, least and most": f"{min(warm):.3f} and {max(warm):.3f}",
        "search --help, s": round(statistics.median(nothing), 2),
        "first search, s": round(first, 2),
        "export at the end of ingest, s": export,
        "same answers": "yes",
        "encoder": encoder or "full-size CLIP (ViT-B/32), random weights",
        "load of the machine, runnable processes": round(os.getloadavg()[0], 1),
    }
    write_results("cold", "A cold search", rows | machine("cold"))


def run(command: list[str], environment: dict[str, str]) -> tuple[float, str]:
    """Run one of our commands in a process of its own; return its seconds and what it printed."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", *command], env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    return time.perf_counter() - started, done.stdout


def paths(lines: str) -> list[str]:
    return [line.split("\t")[2] for line in lines.splitlines()]


if __name__ == "__main__":
    main()
