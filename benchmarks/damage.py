"""Does a damaged collection silently lose pictures? Exits with 1 if it does, or shows a traceback.

    python -m benchmarks.damage [--cases 600] [--seed 0]

Each case damages one file of a collection (flipped bits, a shorter file, garbage, no file, a folder instead) and then
lists, searches, checks, ingests, repairs, forgets and drops, each in a process of its own. The collection is published,
or has a second generation that an interrupted run left, or was never published; the files of some of its pictures are
gone, so that these pictures are in the collection only. After each case its pictures are compared with the truth:
whatever is missing must have been reported, and every error must name its cure.
"""

import multiprocessing
import os
import random
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Set
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import cycle, islice, product
from pathlib import Path

import click
import numpy as np

from benchmarks.commands import Ran, must, run_command
from benchmarks.contents import Contents, contents
from benchmarks.results import write_results
from benchmarks.small import draw_pictures, make_letters, working_folder
from gallery.encoders import load_encoder
from gallery.settings import Settings
from gallery.stores import Entry, now, open_store
from gallery.stores.embedded.cloning import copy_file

NAME, OTHER = "photos", "other"
PICTURES, FOLDERS, GONE = 32, 4, 6
EVERYTHING = ["search", "--collection", NAME, "--group", "none", "--paths", "-k", "1000", "width>=0"]
CURE = re.compile(r"ingest --(repair|drop)|run ingest|ingest FOLDER|make room|free some space|nothing was removed")
"""What to do next, or that there is nothing to do: `--forget` is asked for a file that is not there."""
LOST = re.compile(r"(\d+) pictures? .*(lost|could not be read)")
Damage = Callable[[Path, random.Random], None]


@dataclass(frozen=True, slots=True)
class State:
    """A collection on the disk before it is damaged.

    Attributes:
        folder: Its DATA_DIR.
        published: The pictures that a search must find.
        whole: The pictures that it has once `ingest` is done.
    """

    folder: Path
    published: Contents
    whole: Contents


@dataclass(slots=True)
class Case:
    """The result of one case.

    Attributes:
        faults: Violations of the rules.
        named: Whether a command named the damage.
        lost: How many pictures were lost and named.
    """

    number: int
    what: str
    faults: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    named: bool = False
    lost: int = 0


def flip(path: Path, chance: random.Random) -> None:
    """Flip up to eight bits, half of the time where the file holds anything."""
    data = bytearray(path.read_bytes() or b"\0")
    places = [place for place, byte in enumerate(data[: 2**17]) if byte] if chance.random() < 0.5 else []
    for _ in range(chance.choice([1, 2, 8])):
        data[chance.choice(places or range(min(len(data), 2**17)))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


def shorten(path: Path, chance: random.Random) -> None:
    """Cut a file off: to nothing, to a few bytes less, or anywhere."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(chance.choice([0, max(0, size - chance.randrange(1, 9)), chance.randrange(size + 1)]))


def overwrite(path: Path, chance: random.Random) -> None:
    """Write garbage over up to 4096 bytes, or ones, as a dying disk does."""
    size = path.stat().st_size
    length = min(max(size, 16), chance.choice([16, 512, 4096]))
    with path.open("r+b") as file:
        file.seek(chance.choice([0, chance.randrange(max(1, min(size, 2**17)))]))
        file.write(chance.choice([chance.randbytes(length), b"\xff" * length, bytes(length)]))


def replace_all(path: Path, chance: random.Random) -> None:
    """Replace the contents: deep JSON, an invalid number, or bytes that are not text."""
    path.write_bytes(chance.choice([b"[" * 100_000, b'{"points": 1e999, "dimension": 1e999}', b"\xff\xfe\0", b"null"]))


def remove(path: Path, _: random.Random) -> None:
    """Remove a file."""
    path.unlink()


def put_folder(path: Path, _: random.Random) -> None:
    """Replace a file with a folder."""
    path.unlink()
    path.mkdir()


DAMAGES: list[Damage] = [flip, shorten, overwrite, replace_all, remove, put_folder]


@click.command()
@click.option("--cases", default=600, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--jobs", default=2, show_default=True, help="Cases at once.")
@click.option("--only", type=int, help="Run this case alone, and show what was said.")
def main(cases: int, seed: int, jobs: int, only: int | None) -> None:
    """Damage, use, repair and compare; write results/damage.md and results/damage.json."""
    os.environ["ENCODER"] = "letters"  # left by a collection that is started again
    with working_folder() as work:
        states = make_states(work)
        plan = enumerate(_plan(states, cases, random.Random(seed)))
        wanted = [(number, *planned) for number, planned in plan if only in (None, number)]
        # Each job has a fork server of its own: one that two threads share now and then loses an exit code.
        done = []
        with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
            for case in pool.map(partial(_run_case, states, work, seed), wanted):
                done.append(case)
                if case.faults or only is not None:
                    print(f"case {case.number}: {case.what}", *case.faults, *case.said, sep="\n  ", flush=True)
    if only is None:
        _report(done)
    if any(case.faults for case in done):
        sys.exit(f"{sum(bool(case.faults) for case in done)} cases with faults")


def _report(done: list[Case]) -> None:
    kinds = Counter(fault.partition(":")[0] for case in done for fault in case.faults)
    rows: dict[str, float | str] = {
        "cases": len(done),
        "tracebacks": kinds["traceback"],
        "ended by a signal": kinds["signal"],
        "pictures lost or changed without a word": kinds["silent loss"],
        "errors without a cure": kinds["no cure"],
        "other collections hidden": kinds["hidden"],
        "not whole after --repair and ingest": kinds["not mended"],
        "cases in which a command named the damage": sum(case.named for case in done),
        "cases without any effect, or mended without a word": sum(not case.named for case in done),
        "pictures lost that had no file any more, all of them named": sum(case.lost for case in done),
    }
    write_results("damage", "Damaged on purpose", rows)


def make_states(work: Path) -> dict[str, State]:
    """Make the three collections to damage, each in a DATA_DIR of its own, beside one that stays whole."""
    drawn = draw_pictures(work / "pictures", PICTURES, FOLDERS)
    *first, later = sorted({str(path.parent) for path in drawn})
    forgotten, *gone = [path for path in drawn if str(path.parent) != later][: 1 + GONE]
    data = work / "published"
    make_letters(Settings(data_dir=data))
    draw_pictures(work / "others", 3)
    must(["ingest", str(work / "others"), "--collection", OTHER, "--encoder", "letters"], data, work)
    shutil.copytree(data, work / "never")
    must(["ingest", *first, "--encoder", "letters"], data, work)
    must(["ingest", "--forget", str(forgotten), "--yes"], data, work)
    for path in (forgotten, *gone):
        path.unlink()
    must(["search", "--hybrid", "--collection", NAME, "0000"], data, work)
    published = contents(data)
    copy_tree(data, work / "begun")
    copy_tree(data, work / "full")
    must(["ingest", str(work / "pictures")], work / "full", work)
    full = contents(work / "full")
    _interrupt(full, work / "begun", published.keys())
    fresh = {id: pair for id, pair in full.items() if Path(pair[0].path).exists()}
    _interrupt(full, work / "never", full.keys() - fresh.keys())
    return {
        "published": State(work / "published", published, full),
        "begun": State(work / "begun", published, full),
        "never": State(work / "never", {}, fresh),
    }


def _interrupt(full: Contents, target: Path, there: Set[str]) -> None:
    """Leave a generation in the making that has what `full` has beyond `there`."""
    pairs = [(replace(record, indexed_at=now()), vector) for id, (record, vector) in full.items() if id not in there]
    settings = Settings(data_dir=target)
    with closing(open_store(settings).edit(NAME)) as editor:
        editor.begin(load_encoder(settings, "letters").spec)
        editor.upsert([record for record, _ in pairs], np.stack([vector for _, vector in pairs]))
        editor.flush()
        editor.journal.write([Entry(file, record.sha256) for record, _ in pairs for file in record.files])


def copy_tree(source: Path, target: Path) -> None:
    """Copy a folder; holes in its files stay holes."""
    shutil.copytree(source, target, copy_function=copy_file)


def _plan(states: dict[str, State], cases: int, chance: random.Random) -> list[tuple[str, Path, Damage]]:
    """Choose a collection, a file and a kind of damage, with every kind of file equally often."""
    kinds: dict[tuple[str, str], list[Path]] = {}
    for name, state in states.items():
        for path in sorted(path for path in state.folder.rglob("*") if path.is_file()):
            place = path.relative_to(state.folder)
            if OTHER not in place.parts and place.parts[0] in ("collections", "thumbs"):
                kinds.setdefault((name, _kind(place)), []).append(place)
    combinations = list(product(kinds, DAMAGES))
    chance.shuffle(combinations)
    return [(kind[0], chance.choice(kinds[kind]), damage) for kind, damage in islice(cycle(combinations), cases)]


def _kind(place: Path) -> str:
    """Return a file's kind: its path without segment digests and index keys."""
    plain = re.sub(r"[0-9a-f-]{36}", "SEGMENT", str(place))
    return re.sub(r"payload_index/[^/]+-(\w+)/", r"payload_index/\1/", plain)


def _run_case(states: dict[str, State], work: Path, seed: int, planned: tuple[int, str, Path, Damage]) -> Case:
    number, name, path, damage = planned
    case = Case(number, f"{name}: {damage.__name__} {path}")
    with tempfile.TemporaryDirectory(dir=work) as own:
        data = Path(own) / "data"
        copy_tree(states[name].folder, data)
        damage(data / path, random.Random(f"{seed} {number}"))
        _use(case, states[name], data, work / "pictures")
    return case


def _use(case: Case, state: State, data: Path, pictures: Path) -> None:
    """List, search, check, ingest, repair, forget and drop; note every fault."""

    def run(*line: str) -> Ran:
        ran = run_command(list(line), data, data.parent)
        _judge(case, line, ran)
        return ran

    listed = run("ingest", "--list")
    if not re.search(rf"^{OTHER}\tletters\t3\t", listed.out, re.MULTILINE):
        case.faults.append(f"hidden: {listed.out}")
    if case.number % 4 == 0 and run("search", "--collection", OTHER, "--paths", "width>=0").out.count("\n") != 3:
        case.faults.append("hidden: the other collection is not searched")
    found = run(*EVERYTHING)
    if found.code == 0 and found.out.count("\n") != len(state.published):
        case.faults.append(f"silent loss: {found.out.count(chr(10))} of {len(state.published)} found")
    if case.number % 4 == 0 or "words" in case.what:
        run("search", "--collection", NAME, "--hybrid", "0000 png")
    if case.number % 6 == 5:
        run("ingest", "--forget", str(pictures / "nowhere"), "--yes")
    if case.number % 6 != 4:
        _mend(case, state, data, pictures, run)
    _end(case, data, run)


def _mend(case: Case, state: State, data: Path, pictures: Path, run: Callable[..., Ran]) -> None:
    checked = run("ingest", "--check", "--collection", NAME)
    ingested = run("ingest", str(pictures))
    case.named |= checked.code == 1 or ingested.code != 0
    if case.named:
        run("ingest", "--repair", "--collection", NAME)
        if run("ingest", str(pictures)).code:
            case.faults.append("not mended: ingest")
    is_written = case.named or not ingested.out.startswith("indexed\t0\n")  # since the check
    if is_written and run("ingest", "--check", "--collection", NAME).code:
        case.faults.append("not mended: check")
    _compare(case, state, data)


def _compare(case: Case, state: State, data: Path) -> None:
    """Compare what is there with the truth."""
    try:
        found = contents(data)
    except Exception as error:  # noqa: BLE001 - the engine raises what it likes, and may even end the process
        case.faults.append(f"not mended: the collection cannot be read: {error!r}")
        return
    missing = state.whole.keys() - found.keys()
    named = max((int(match[1]) for said in case.said for match in LOST.finditer(said)), default=0)
    if missing and (named < len(missing) or any(Path(state.whole[id][0].path).exists() for id in missing)):
        case.faults.append(f"silent loss: {len(missing)} pictures, {named} named")
    case.lost = len(missing)
    for id in found.keys() & state.whole.keys():
        if (became := found[id][0]) != state.whole[id][0]:
            case.faults.append(f"silent loss: {state.whole[id][0]} became {became}")


def _end(case: Case, data: Path, run: Callable[..., Ran]) -> None:
    """Drop the collection: however damaged, it and its thumbnails are removed; the other stays."""
    known = NAME in run("ingest", "--list").out
    dropped = run("ingest", "--drop", NAME, "--yes")
    if (known and dropped.code) or (data / "collections" / NAME).exists():
        case.faults.append(f"not mended: cannot be dropped: {dropped.err}")
    if run("ingest", "--list").out.count("\n") != 1:
        case.faults.append("hidden: after the drop")


def _judge(case: Case, line: tuple[str, ...], ran: Ran) -> None:
    what = " ".join(line[:2])
    if ran.err.strip():
        case.said.append(f"{what}: {ran.err.strip()}")
    if ran.code < 0:
        case.faults.append(f"signal: {what} ended with {ran.code}")
    if "Traceback" in ran.err or "panicked" in ran.err:
        case.faults.append(f"traceback: {what}: {ran.err[-600:]}")
    elif ran.code == 1 and "--check" not in line and not CURE.search(ran.err):
        case.faults.append(f"no cure: {what}: {ran.err}")
    elif ran.code not in (0, 1):
        case.faults.append(f"no cure: {what} ended with {ran.code}: {ran.err}")


if __name__ == "__main__":
    main()
