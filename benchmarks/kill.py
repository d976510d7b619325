"""Is anything lost when a command is stopped at a random moment? Exits with 1 on the first loss.

    python -m benchmarks.kill [--runs 200] [--seed 0]

Each run starts an ingest, a prune, a forget, a change of the encoder or a copy in a separate process, and sends it
SIGKILL, SIGTERM or Ctrl-C at a random time. A search must then find what it found before, or the command's complete
result. The command is run again to its end, and the collection is compared with that of an undisturbed run: ids and
payloads equal but for `indexed_at`, vectors within 1e-5. Uses drawn pictures and a tiny encoder, to spend the time on
what can break.
"""

import random
import shutil
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import click

from benchmarks.commands import must, run_command
from benchmarks.contents import Contents, contents, difference
from benchmarks.results import write_results
from benchmarks.small import draw_pictures, make_letters, working_folder
from gallery.settings import Settings
from gallery.stores.embedded.cloning import copy_file

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True, slots=True)
class Job:
    """A command to interrupt.

    Attributes:
        line: The command.
        start: The DATA_DIR before it.
        result: Where its collection is, relative to the DATA_DIR.
        before: The pictures there before it.
        after: The pictures there after it.
        seconds: How long it takes undisturbed.
    """

    line: list[str]
    start: Path
    result: str
    before: Contents
    after: Contents
    seconds: float


@click.command()
@click.option("--runs", default=200, show_default=True)
@click.option("--pictures", default=300, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(runs: int, pictures: int, seed: int) -> None:
    """Stop, finish and compare; write results/kill.md and results/kill.json."""
    chance = random.Random(seed)
    counts: Counter[str] = Counter()
    with working_folder() as work:
        jobs = make_jobs(work, pictures)
        for number in range(runs):
            name, job = list(jobs.items())[number % len(jobs)]
            sent = SIGNALS[number // len(jobs) % len(SIGNALS)]
            what = f"run {number}: {name}, {sent.name}"
            counts[f"stopped by {sent.name}"] += stop_and_finish(job, sent, chance.uniform(0, job.seconds), work, what)
            counts[name] += 1
    rows: dict[str, float | str] = {"runs": runs, "pictures": pictures}
    rows |= {f"runs of {name}": counts[name] for name in jobs}
    rows |= {f"stopped by {sent.name}": counts[f"stopped by {sent.name}"] for sent in SIGNALS}
    rows |= {"runs that differ, or lost a picture": 0}
    write_results("kill", "Stopped at a random moment, and finished", rows)


def make_jobs(work: Path, pictures: int) -> dict[str, Job]:
    """Make the collections that the commands start from, and record the commands' undisturbed results."""
    photos = work / "photos"
    draw_pictures(photos, pictures, folders=4)
    shutil.copytree(photos, work / "pruned")
    lines = {
        "ingest": ["ingest", str(photos)],
        "prune": ["ingest", str(work / "pruned"), "--prune", "--yes"],
        "forget": ["ingest", "--forget", str(photos / "0"), "--yes"],
        "change of the encoder": ["ingest", str(photos), "--encoder", "other"],
        "copy": ["ingest", "--copy-to", "copy"],
    }
    indexed = {"ingest": [photos / "0"], "prune": [work / "pruned"]}
    jobs = {}
    for name, line in lines.items():
        start = work / f"start {name}"
        make_letters(Settings(data_dir=start))
        make_letters(Settings(data_dir=start), "other", space="letters 2", mean=0.5)
        must(["ingest", *map(str, indexed.get(name, [photos])), "--encoder", "letters"], start, work)
        if name == "prune":
            shutil.rmtree(work / "pruned" / "0")
        jobs[name] = _job(line, start, "copy" if name == "copy" else ".", work)
    return jobs


def _job(line: list[str], start: Path, result: str, work: Path) -> Job:
    data = work / "alone"
    shutil.copytree(start, data, copy_function=copy_file)
    before = contents(start) if result == "." else {}
    began = time.monotonic()
    must(_at(line, data), data, work)
    seconds = time.monotonic() - began
    job = Job(line, start, result, before, contents(data / result), seconds)
    shutil.rmtree(data)
    return job


def stop_and_finish(job: Job, sent: signal.Signals, after: float, work: Path, what: str) -> bool:
    """Stop a command, look, finish it, and compare; return whether it was stopped before its end."""
    data = work / "run"
    shutil.copytree(job.start, data, copy_function=copy_file)
    stopped = run_command(_at(job.line, data), data, work, after, sent)
    if stopped.code == 1 or "Traceback" in stopped.err:
        sys.exit(f"{what}: {stopped}")
    found = contents(data / job.result)
    if difference(job.before, found) and difference(job.after, found):
        sys.exit(f"{what}: half of it is published")
    finished = run_command(_at(job.line, data), data, work)
    if finished.code and "--forget" not in job.line:  # it says so if nothing is left to forget
        sys.exit(f"{what}: {finished}")
    if differs := difference(job.after, contents(data / job.result)):
        sys.exit(f"{what}: {differs}")
    print(f"{what} after {after:.2f} s: ended with {stopped.code}; finished, and all the same", flush=True)
    shutil.rmtree(data)
    return stopped.code != 0


def _at(line: list[str], data: Path) -> list[str]:
    """Return a command with the target of its copy, if it makes one."""
    return [str(data / word) if word == "copy" else word for word in line]


if __name__ == "__main__":
    main()
