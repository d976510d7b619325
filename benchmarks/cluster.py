"""Does a Qdrant cluster lose pictures while its nodes are killed? Exits with 1 on the first difference.

    docker compose --file docker/compose.cluster.yaml up --detach --wait
    python -m benchmarks.cluster http://127.0.0.1:6333 http://127.0.0.1:6343 http://127.0.0.1:6353

Start the nodes first; each URL is the REST port of one. `--kill` and `--start` are the commands that end a node at once
and start it again, with `{}` for its number, 1 for the first URL; by default those for docker/compose.cluster.yaml. For
nodes that were started by hand: `--kill 'kill -9 $(cat node{}.pid)' --start './node.sh {}'`.

Each node is killed twice while `ingest` writes: once it comes back after some seconds, once only when `ingest` has
ended, `ingest --forget` has taken out other pictures, and `search` has answered. Then every picture of every replica of
every shard is compared with an embedded collection for which the same commands ran: ids, payloads but for `indexed_at`,
vectors within 1e-5; and every node is asked for the number of pictures.
"""

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import click
import numpy as np

from benchmarks.commands import must
from benchmarks.contents import Contents, contents
from benchmarks.replicas import check_counts, check_replicas, count, replicas
from benchmarks.results import write_results
from benchmarks.small import draw_pictures, working_folder

COMPOSE = "docker compose --file docker/compose.cluster.yaml"
WRITTEN_BEFORE_THE_KILL = 64
FOLDERS = 7
"""The first is indexed with all nodes there, and each other one while a node is killed."""
SEARCH = ("-k", "20", "--paths", "--collection")
MOST_SECONDS = 300
"""Seconds for a command, and for a node to come back and its replicas to recover."""


@dataclass
class Cluster:
    """Nodes that can be killed and started."""

    urls: list[str]
    kill: str
    start: str

    def run(self, command: str, number: int) -> None:
        """Kill or start a node, by the command for it."""
        subprocess.run(command.replace("{}", str(number + 1)), shell=True, check=True)


@dataclass
class Place:
    """A store for the commands."""

    data: Path
    encoder: Path
    name: str
    server: str = ""

    def run(self, *line: str) -> str:
        """Run a command to its end, and return its output; a failure ends the benchmark."""
        return must(list(line), self.data, self.data.parent, MOST_SECONDS, self.server)

    def contents(self) -> Contents:
        """Return what an embedded collection holds."""
        return contents(self.data, self.name)

    def ingest(self, folder: Path) -> None:
        """Index the pictures below a folder."""
        encoder = ("--encoder", str(self.encoder), "--precision", "float32")
        self.run("ingest", str(folder), "--collection", self.name, *encoder)


@click.command()
@click.argument("urls", nargs=3)
@click.option("--kill", default=f"{COMPOSE} kill qdrant{{}}", show_default=True)
@click.option("--start", default=f"{COMPOSE} start qdrant{{}}", show_default=True)
@click.option("--pictures", default=1000, show_default=True, help="Indexed while a node is killed.")
@click.option("--away", default=5.0, show_default=True, help="Seconds for which a node is away that comes back soon.")
def main(urls: tuple[str, str, str], kill: str, start: str, pictures: int, away: float) -> None:
    """Kill each node in turn, and compare; write results/cluster.md and results/cluster.json."""
    cluster = Cluster([url.rstrip("/") for url in urls], kill, start)
    name = f"benchmark-{uuid4().hex[:8]}"
    with working_folder() as work:
        encoder = _small_clip(work)
        truth = Place(work / "embedded", encoder, name)
        tested = Place(work / "server", encoder, name, ",".join(cluster.urls))
        try:
            rows = _measure(cluster, truth, tested, draw_pictures(work / "pictures", FOLDERS * pictures, FOLDERS), away)
        finally:
            tested.run("ingest", "--drop", name, "--yes")
    words = f"URL URL URL --pictures {pictures} --away {away:g}"  # how nodes are killed is this machine's affair
    write_results("cluster", "A cluster whose nodes are killed while pictures are written", rows, words)


def _small_clip(work: Path) -> Path:
    from benchmarks.full_clip import save_full_clip  # torch

    save_full_clip(work / "clip", small=True)
    line = ["ingest", "--export-encoder", str(work / "clip"), "--to", str(work / "encoder")]
    must(line, work / "making", work, MOST_SECONDS)
    return work / "encoder"


def _measure(cluster: Cluster, truth: Place, tested: Place, drawn: list[Path], away: float) -> dict[str, float | str]:
    folders = [path.parent for path in drawn[:FOLDERS]]
    for place in (truth, tested):
        place.ingest(folders[0])
    copies = _compare(cluster, truth, tested)[1]
    seconds = []
    for number, folder in enumerate(folders[1:]):
        node, comes_back = number % 3, number < 3
        truth.ingest(folder)
        with _killed_while_writing(cluster, node, tested, away if comes_back else None):
            tested.ingest(folder)
            if not comes_back:
                _forget_and_search(truth, tested, drawn[::FOLDERS][10 * number : 10 * number + 10])
        seconds.append(_compare(cluster, truth, tested)[0])
        print(f"node {node + 1} was killed and is back; {seconds[-1]:.1f} s later every replica is as it should be")
    return {
        "nodes, each killed twice while pictures were written": len(cluster.urls),
        "pictures": len(truth.contents()),
        "replicas of each picture": copies,
        "commands that failed, searches that differ": 0,
        "pictures that a replica lacks, has besides or has differently": 0,
        "seconds until a node that was started had caught up, median and most": (
            f"{np.median(seconds):.1f} and {max(seconds):.1f}"
        ),
    }


def _forget_and_search(truth: Place, tested: Place, files: list[Path]) -> None:
    for place in (truth, tested):
        place.run("ingest", "--collection", truth.name, *(f"--forget={file}" for file in files), "--yes")
    wanted, found = (place.run("search", "a picture", *SEARCH, truth.name) for place in (truth, tested))
    if wanted != found:
        sys.exit(f"with a node away, search finds\n{found}instead of\n{wanted}")


@contextlib.contextmanager
def _killed_while_writing(cluster: Cluster, node: int, tested: Place, back_after: float | None) -> Iterator[None]:
    """Kill a node once the others have received some more pictures; restart it after some seconds, or at the end."""
    living = next(url for url in cluster.urls if url != cluster.urls[node])
    before = count(living, tested.name)
    is_done = threading.Event()

    def kill_and_start() -> None:
        while count(living, tested.name) < before + WRITTEN_BEFORE_THE_KILL and not is_done.is_set():
            time.sleep(0.05)
        if is_done.is_set():
            sys.exit("everything was written before a node could be killed; give more --pictures")
        cluster.run(cluster.kill, node)
        is_done.wait(back_after)
        cluster.run(cluster.start, node)

    with ThreadPoolExecutor(1) as pool:
        killing = pool.submit(kill_and_start)
        try:
            yield
        finally:
            is_done.set()
        killing.result()


def _compare(cluster: Cluster, truth: Place, tested: Place) -> tuple[float, int]:
    """Compare every replica with the truth; return the seconds until all were complete, and their number."""
    started = time.monotonic()
    found = replicas(cluster.urls, tested.name, MOST_SECONDS)
    seconds = time.monotonic() - started
    wanted = truth.contents()
    check_counts(cluster.urls, tested.name, len(wanted))
    return seconds, check_replicas(wanted, found)


if __name__ == "__main__":
    main()
