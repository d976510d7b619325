"""Real faults: none of them loses anything."""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from lasting_client import LastingClient
from letter_encoder import COLOURS, LetterEncoder
from memory_server import memory_server
from PIL import Image
from qdrant_client import QdrantClient

from benchmarks.hostile_files import make_hostile
from gallery.errors import CollectionError, Reason, UnreadableImage
from gallery.pictures import find_images, read_file
from gallery.records import ImageRecord
from gallery.settings import Settings
from gallery.stores import open_store
from gallery.stores.server import store as server_store
from gallery.vectors import Vectors
from ingest.pipeline import ingest
from ingest.report import IngestReport

SCRIPT = """
import sys
from pathlib import Path
from letter_encoder import LetterEncoder
from gallery.stores import open_store
from gallery.settings import Settings
from ingest import writer
from ingest.pipeline import ingest
writer.WRITE_EVERY = 32
photos, data = map(Path, sys.argv[1:])
editor = open_store(Settings(data_dir=data)).edit("photos")
print("begun", flush=True)
report = ingest([photos], editor, LetterEncoder, batch_size=8)
editor.close()
print(report.unchanged, report.indexed + report.updated)
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """200 pictures, some of them byte-identical."""
    root = tmp_path / "photos"
    for number in range(200):
        path = root / f"{number % 9}" / f"{number:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        colour = list(COLOURS.values())[number % len(COLOURS)]
        Image.new("RGB", (1 + number // 10, 3), colour).save(path)
    return root


def run(settings: Settings, photos: Path, before: Callable[[], object] = lambda: None) -> IngestReport:
    """Index; `before` is called during the walk, before the first file is opened."""

    def load() -> LetterEncoder:
        before()
        return LetterEncoder()

    editor = open_store(settings).edit("photos")
    try:
        return ingest([photos], editor, load)
    finally:
        editor.close()


def contents(settings: Settings) -> dict[str, tuple[ImageRecord, Vectors]]:
    collection = open_store(settings).open("photos")
    found = {record.id: (replace(record, indexed_at=""), vector) for record, vector in collection.scan()}
    collection.close()
    return found


def start(photos: Path, data: Path) -> "subprocess.Popen[str]":
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1] / "support")}
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(photos), str(data)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_killed_at_random_moments_nothing_is_lost_or_doubled(settings: Settings, photos: Path, tmp_path: Path) -> None:
    run(settings, photos)
    wanted = contents(settings)
    chance = random.Random(0)
    for attempt in range(3):
        data = tmp_path / f"killed{attempt}"
        with start(photos, data) as process:
            assert process.stdout
            assert process.stdout.readline() == "begun\n"
            time.sleep(chance.uniform(0, 0.8))
            process.kill()
        with start(photos, data) as process:
            out, _ = process.communicate(timeout=60)
        unchanged, done = map(int, out.split()[1:])
        assert unchanged + done == 200
        found = contents(Settings(data_dir=data))
        assert found.keys() == wanted.keys()
        for id, (record, vector) in wanted.items():
            assert found[id][0] == record
            assert np.abs(found[id][1] - vector).max() <= 1e-5


def test_a_second_ingest_is_told_who_holds_the_collection(settings: Settings, photos: Path) -> None:
    editor = open_store(settings).edit("photos")
    with start(photos, settings.data_dir) as process:
        out, errors = process.communicate(timeout=60)
    editor.close()
    assert process.returncode == 1
    assert out == ""
    assert f"is being written to by process {os.getpid()}; wait for it or stop it" in errors


@pytest.mark.filterwarnings("ignore")  # what Pillow thinks of them
def test_hostile_files_are_all_accounted_for(settings: Settings, tmp_path: Path) -> None:
    good = make_hostile(tmp_path / "hostile", 140)
    report = run(settings, tmp_path / "hostile")
    found = sum(1 for _ in find_images(tmp_path / "hostile", lambda *_: None))
    assert report.indexed + report.updated + report.unchanged + len(report.unreadable) == found
    assert report.indexed + report.updated >= good
    again = run(settings, tmp_path / "hostile")
    assert (again.indexed, again.updated, again.unchanged) == (0, 0, report.indexed + report.updated)
    assert len(again.unreadable) == len(report.unreadable)


def test_a_file_that_vanishes_after_the_walk(settings: Settings, photos: Path) -> None:
    report = run(settings, photos, (photos / "0" / "000.png").unlink)
    assert [(Path(path).name, reason) for path, reason, _ in report.unreadable] == [("000.png", Reason.VANISHED)]
    assert report.indexed + report.updated == 199


def test_a_file_that_grows_while_it_is_read_is_not_taken_for_whole() -> None:
    grown = Path("/proc/self/status")  # says that it has no bytes, and has some
    if not grown.exists():
        pytest.skip("no /proc here")
    with pytest.raises(UnreadableImage) as caught:
        read_file(str(grown))
    assert caught.value.reason == Reason.IO_ERROR
    assert not caught.value.reason.lasting


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can look at files as somebody else")
def test_a_folder_without_permission_is_named_and_the_rest_is_found() -> None:
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        root.chmod(0o755)
        for name in ("closed", "open"):
            (root / name).mkdir()
            (root / name / "a.jpg").touch()
        (root / "closed").chmod(0)
        os.seteuid(65534)
        try:
            found = [file.path for file in find_images(root, lambda path, _: failed.append(path))]
        finally:
            os.seteuid(0)
        assert found == [str(root / "open" / "a.jpg")]
        assert failed == [str(root / "closed")]


def test_a_full_disk_stops_the_run_and_loses_nothing(photos: Path, tmp_path: Path) -> None:
    """On a separate file system, whose last bytes another process takes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=600m", "none", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root may mount a file system")
    try:
        settings = Settings(data_dir=disk)
        first = photos / "0"
        run(settings, first)
        before = contents(settings)
        filler = disk / "filler"
        with filler.open("wb") as file:
            file.write(bytes(shutil.disk_usage(disk).free - 100 * 2**20))
        with pytest.raises(CollectionError, match="make room"):
            run(settings, photos)
        assert contents(settings).keys() == before.keys(), "searching goes on"
        filler.unlink()
        run(settings, photos)
        assert sum(len(record.files) for record, _ in contents(settings).values()) == 200
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


class Interrupted(LastingClient):
    """A server in memory; while it is gone, calls go to a port where nobody listens, for the real errors."""

    gone_until = 0.0

    def upsert(self, *args: object, **kwargs: object) -> object:  # type: ignore[override]
        if time.monotonic() < self.gone_until:
            nobody = QdrantClient(url="http://127.0.0.1:9", prefer_grpc=True, check_compatibility=False, timeout=1)
            return nobody.upsert(*args, **kwargs)  # type: ignore[arg-type]
        return super().upsert(*args, **kwargs)  # type: ignore[arg-type]


@pytest.fixture
def client() -> Interrupted:
    return Interrupted(":memory:")


@pytest.fixture
def on_server(client: Interrupted, tmp_path: Path) -> Iterator[Settings]:
    with memory_server(client) as url:
        yield Settings(data_dir=tmp_path / "data", qdrant_url=url)


@pytest.mark.filterwarnings("ignore:Payload indexes have no effect")
def test_a_server_that_is_gone_for_a_while_is_waited_for(
    client: Interrupted, on_server: Settings, photos: Path
) -> None:
    def leave() -> None:
        client.gone_until = time.monotonic() + 2

    assert run(on_server, photos, leave).indexed + run(on_server, photos).unchanged >= 200
    assert time.monotonic() > client.gone_until
    assert sum(len(record.files) for record, _ in contents(on_server).values()) == 200


@pytest.mark.filterwarnings("ignore:Payload indexes have no effect")
def test_a_server_that_stays_away_stops_the_run_with_what_is_saved(
    client: Interrupted, on_server: Settings, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_store, "INGEST_PATIENCE", 0.5)
    run(on_server, photos / "0")
    client.gone_until = time.monotonic() + 3600
    with pytest.raises(CollectionError, match="check that it runs"):
        run(on_server, photos)
    client.gone_until = 0
    report = run(on_server, photos)
    assert report.unchanged >= 23
    assert sum(len(record.files) for record, _ in contents(on_server).values()) == 200


def test_searches_see_the_last_finished_state_while_an_ingest_writes(settings: Settings, photos: Path) -> None:
    run(settings, photos / "0")
    before = contents(settings).keys()
    stop, seen = threading.Event(), []

    def look() -> None:
        while not stop.is_set():
            seen.append(contents(settings).keys())
            time.sleep(0.05)

    looking = threading.Thread(target=look)
    looking.start()
    run(settings, photos)
    stop.set()
    looking.join()
    after = contents(settings).keys()
    assert len(seen) > 1
    assert all(state in (before, after) for state in seen)
