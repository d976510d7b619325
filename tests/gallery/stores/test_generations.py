"""Generations of embedded collections: one writer, any number of readers, and crashes at the worst moments."""

import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import qdrant_edge
from numpy.typing import NDArray

from gallery.errors import CollectionError
from gallery.records import ImageRecord
from gallery.settings import Settings
from gallery.spec import Spec
from gallery.stores import Where, open_store
from gallery.stores.embedded import collection as embedded
from gallery.stores.embedded.collection import open_generation
from gallery.stores.embedded.disk import bytes_on_disk, sync_all
from gallery.stores.embedded.generations import Workshop, published
from gallery.stores.payload import INDEXED_KEYS
from gallery.stores.tuning import INDEX_FROM

Vectors = NDArray[np.float32]
MakeRecord = Callable[..., ImageRecord]
UnitRows = Callable[..., Vectors]
Write = Callable[..., None]

ROOT = Path(embedded.__file__).parents[3]
SPEC = Spec(encoder="letters", dimension=64, space="letters-1", text="letters-1")
OPEN_IN_A_LOOP = """
settings, least, stop = values
opened = 0
while not stop.exists():
    with closing(open_store(settings).open("photos")) as collection:
        count, hits = collection.count(), len(collection.nearest(np.eye(1, 64, dtype=np.float32)[0], 10_000))
        assert count == hits >= least, (count, hits, least)
        least = count
    opened += 1
    if opened == 1:
        print("ready", flush=True)
print(opened)
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "collections" / "photos"


@pytest.fixture
def write(settings: Settings, make_record: MakeRecord, unit_rows: UnitRows) -> Write:
    """Return a function that writes the pictures of these numbers, and finishes unless told not to."""

    def write(*numbers: int, finish: bool = True) -> None:
        with closing(open_store(settings).edit("photos")) as editor:
            editor.begin(SPEC)
            editor.upsert([make_record(n) for n in numbers], unit_rows(400)[list(numbers)])
            editor.flush()
            if finish:
                editor.finish()

    return write


@contextmanager
def process(code: str, *values: object) -> Iterator[subprocess.Popen[bytes]]:
    """Run `code` with these `values` in another Python, which is killed at the end if it still runs."""
    imports = (
        "import pickle, sys, time; import numpy as np; from contextlib import closing\n"
        "from gallery.stores import open_store\n"
        "values = pickle.load(sys.stdin.buffer)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", imports + code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as child:
        assert child.stdin
        pickle.dump(values, child.stdin)
        child.stdin.close()
        try:
            yield child
        finally:
            child.kill()


def line(child: subprocess.Popen[bytes]) -> str:
    assert child.stdout
    return child.stdout.readline().decode().strip()


def generation(folder: Path) -> Path:
    path = published(folder)
    assert path
    return path


def count(settings: Settings) -> int:
    with closing(open_store(settings).open("photos")) as collection:
        return collection.count()


def test_nothing_is_seen_before_it_is_finished(settings: Settings, write: Write) -> None:
    write(0, 1, finish=False)
    assert open_store(settings).names() == []
    write(2)
    assert count(settings) == 3
    write(3, finish=False)
    assert count(settings) == 3


def test_readers_go_on_answering_from_the_generation_that_they_opened(
    settings: Settings, folder: Path, write: Write, make_record: MakeRecord, unit_rows: UnitRows
) -> None:
    write(*range(300))
    before = generation(folder)
    with closing(open_store(settings).open("photos")) as old:
        write(300)
        assert generation(folder) != before
        assert not before.exists()
        with closing(open_store(settings).open("photos")) as new:
            assert count(settings) == new.count() == 301
            vector = unit_rows(400)[300]
            assert new.nearest(vector, 1)[0].image == make_record(300)
            assert old.nearest(vector, 1)[0].image != make_record(300)
        for record, found in zip(sorted(map(make_record, range(300)), key=lambda r: r.id), old.scan(), strict=True):
            assert found[0] == record
        assert old.count({"folder": "/a1"}) == 60
        assert old.facet("folder", limit=1) == {"/a0": 60}


def test_the_next_run_goes_on_with_what_was_flushed(
    settings: Settings, folder: Path, write: Write, make_record: MakeRecord
) -> None:
    write(0)
    write(1, finish=False)
    with closing(open_store(settings).edit("photos")) as editor:
        editor.begin(SPEC)
        assert editor.points.get([make_record(1).id])
    with closing(open_store(settings).edit("photos")) as editor:
        editor.finish()
    assert count(settings) == 2
    assert [path.name for path in folder.glob("gen-*")] == [generation(folder).name]


def test_what_was_flushed_outlives_a_kill(settings: Settings, make_record: MakeRecord, unit_rows: UnitRows) -> None:
    records, vectors = [make_record(n) for n in range(300)], unit_rows(300)
    writer = """
settings, spec, records, vectors = values
editor = open_store(settings).edit("photos")
editor.begin(spec)
editor.upsert(records[:200], vectors[:200])
editor.flush()
editor.upsert(records[200:], vectors[200:])
print("written", flush=True)
time.sleep(60)
"""
    with process(writer, settings, SPEC, records, vectors) as child:
        assert line(child) == "written"
        child.kill()
        child.wait()
        with closing(open_store(settings).edit("photos")) as editor:
            editor.finish()
    with closing(open_store(settings).open("photos")) as collection:
        found = dict(collection.scan())
    assert set(records[:200]) <= found.keys() <= set(records)
    rows = [row for row, record in enumerate(records) if record in found]
    assert np.allclose([found[records[row]] for row in rows], vectors[rows], atol=1e-6)


def test_a_copy_that_a_crash_cut_short_is_ignored_and_removed(settings: Settings, folder: Path, write: Write) -> None:
    write(0)
    draft = folder / "gen-000002.draft"
    shutil.copytree(generation(folder), draft)
    shutil.rmtree(draft / "shard" / "segments")
    (draft / "spec.json").write_text("{")
    (draft / "left").touch()
    with closing(open_store(settings).edit("photos")) as editor:
        assert editor.spec == SPEC
    write(1)
    assert count(settings) == 2
    assert not draft.exists()
    assert not list(folder.rglob("left"))


def test_what_a_crash_in_the_middle_of_optimizing_leaves_is_removed(
    settings: Settings, folder: Path, write: Write
) -> None:
    write(0, finish=False)
    left = folder / "gen-000001" / "shard" / "temp_segments" / "segment_builder_1"
    left.mkdir(parents=True)
    (left / "vectors").write_bytes(b"0" * 100)
    write(1)
    assert count(settings) == 2
    assert not list(folder.rglob("segment_builder*"))


def test_a_second_editor_is_refused_and_told_who_holds_the_lock(settings: Settings) -> None:
    with closing(open_store(settings).edit("photos")), pytest.raises(CollectionError, match=f"process {os.getpid()};"):
        open_store(settings).edit("photos")
    hold = 'editor = open_store(values[0]).edit("photos"); print("held", flush=True); time.sleep(60)'
    with process(hold, settings) as child:
        assert line(child) == "held"
        with pytest.raises(CollectionError, match=f"process {child.pid};"):
            open_store(settings).edit("photos")
    with closing(open_store(settings).edit("photos")):
        pass


def test_a_generation_can_be_copied_while_readers_open_it(
    settings: Settings, folder: Path, tmp_path: Path, write: Write
) -> None:
    write(*range(300))
    with process(OPEN_IN_A_LOOP, settings, 300, tmp_path / "stop") as reader:
        assert line(reader) == "ready"
        copies, end = 0, time.monotonic() + 2.5
        while time.monotonic() < end or not copies:
            with closing(open_store(settings).edit("photos")) as editor:
                editor.begin(SPEC)
                assert count(settings) == 300
            copies += 1
            shutil.rmtree(folder / "gen-000002")
        (tmp_path / "stop").touch()
        assert int(line(reader)) > 1
        assert reader.wait() == 0
    write(300)
    assert count(settings) == 301


def test_bytes_are_counted_while_readers_create_and_remove_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def removed_before(path: Any) -> Any:  # noqa: ANN401 - as os.scandir has it
        if Path(path).name == ".atomicwrite1":
            Path(path).rmdir()
        return scandir(path)

    (tmp_path / "shard" / ".atomicwrite1").mkdir(parents=True)
    (tmp_path / "shard" / "vectors").write_bytes(b"1" * 10_000)
    (tmp_path / "spec.json").write_bytes(b"1" * 5000)
    sizes = [path.stat().st_blocks * 512 for path in (tmp_path / "shard" / "vectors", tmp_path / "spec.json")]
    monkeypatch.setattr(os, "scandir", removed_before)
    assert bytes_on_disk(tmp_path) == sum(sizes) >= 15_000


def test_a_copy_does_without_what_readers_create_and_remove(tmp_path: Path) -> None:
    base, done = tmp_path / "base", threading.Event()
    base.mkdir()
    names = {f"{number:03d}" for number in range(200)}
    for name in [*names, ".atomicwrite1"]:
        (base / name).write_text(name)

    def come_and_go() -> None:
        while not done.is_set():
            (base / "temporary").touch()
            (base / "temporary").unlink()

    reader = threading.Thread(target=come_and_go)
    reader.start()
    with closing(Workshop(tmp_path / "photos")) as workshop:
        for _ in range(30):
            assert {path.name for path in workshop.draft(base).iterdir()} - {"temporary"} == names
    done.set()
    reader.join()


def test_readers_that_open_while_generations_change_find_all_points(
    settings: Settings, tmp_path: Path, write: Write
) -> None:
    write(*range(300))
    with process(OPEN_IN_A_LOOP, settings, 300, tmp_path / "stop") as reader:
        assert line(reader) == "ready"
        for number in range(300, 305):
            write(number)
        (tmp_path / "stop").touch()
        assert line(reader).isdigit()
        assert reader.wait() == 0


def test_a_generation_that_is_being_removed_is_not_opened(
    settings: Settings, folder: Path, tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(0, 1)
    old = generation(folder)
    shutil.copytree(old, tmp_path / "half", ignore=shutil.ignore_patterns("segments"))

    class PublishedJustBefore:
        @staticmethod
        def load(path: str) -> qdrant_edge.EdgeShard:
            monkeypatch.undo()
            write(2)
            shutil.copytree(tmp_path / "half", old)  # as the other process leaves it in the middle of rmtree
            return qdrant_edge.EdgeShard.load(path)

    monkeypatch.setattr(qdrant_edge, "EdgeShard", PublishedJustBefore)
    assert count(settings) == 3


def indexes(folder: Path) -> dict[str, str]:
    shard = qdrant_edge.EdgeShard.load(str(generation(folder) / "shard"))
    schema = shard.info().payload_schema
    shard.close()
    return {key: str(index.data_type).rpartition(".")[2].lower() for key, index in schema.items()}


def test_a_collection_gets_its_indexes_once_it_is_large(
    settings: Settings, folder: Path, make_record: MakeRecord, unit_rows: UnitRows
) -> None:
    def index(records: Sequence[ImageRecord], expected: set[str]) -> None:
        with closing(open_store(settings).edit("photos")) as editor:
            editor.begin(SPEC)
            editor.upsert(records, unit_rows(len(records)))
            editor.finish()
        assert indexes(folder) == {key: INDEXED_KEYS[key] for key in expected}
        assert not any("index" in finding.what for finding in open_store(settings).check("photos"))

    plain = [make_record(4 * number, captions=(), text=()) for number in range(INDEX_FROM)]  # without a camera
    of_all = {"path", "folder", "date", "year", "width", "height", "format", "stack"}
    index([make_record(1, place=("Belém",), camera=None, text=()), *plain[:-2]], {"stack"})
    index(plain[-2:-1], of_all | {"place"})
    index([make_record(18)], of_all | {"place", "camera", "captions", "text"})


def test_a_collection_that_lacks_the_last_index_answers_as_before_and_gets_it(
    settings: Settings, folder: Path, make_record: MakeRecord, unit_rows: UnitRows
) -> None:
    with closing(open_store(settings).edit("photos")) as editor:
        editor.begin(SPEC)
        editor.upsert([make_record(number) for number in range(INDEX_FROM)], unit_rows(INDEX_FROM))
        editor.finish()

    def answers() -> list[object]:
        with closing(open_store(settings).open("photos")) as photos:
            wanted: list[Where] = [{"camera": "Camera 1"}, {"captions": None}, {"year": 2007}, {"place": None}]
            counts = [photos.count(where) for where in wanted]
            return [*counts, photos.facet("camera"), photos.facet("path", 5), photos.facet("place"), photos.newest(50)]

    expected = answers()
    begun = folder / "gen-000002"
    shutil.copytree(generation(folder), begun)
    (begun / "sealed.json").unlink()
    with closing(qdrant_edge.EdgeShard.load(str(begun / "shard"))) as shard:
        shard.update(qdrant_edge.UpdateOperation.delete_field_index("path"))
        shard.flush()
    with closing(open_generation(begun)) as unfinished:
        assert unfinished.count({"camera": "Camera 1"}) == expected[0]
        assert unfinished.facet("path", 5) == expected[5]
    with closing(open_store(settings).edit("photos")) as editor:
        editor.finish()
    assert generation(folder) == begun
    assert "path" in indexes(folder)
    assert answers() == expected


def test_text_is_indexed_with_the_first_picture_that_has_some(
    settings: Settings, folder: Path, make_record: MakeRecord, unit_rows: UnitRows
) -> None:
    with closing(open_store(settings).edit("photos")) as editor:
        editor.begin(SPEC)
        editor.upsert([make_record(18)], unit_rows(1))
        editor.finish()
    assert indexes(folder).keys() == {"stack", "text"}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_to_is_one_clear_sentence(
    settings: Settings, folder: Path, write: Write
) -> None:
    write(0)
    read, edit = (lambda: open_store(settings).open("photos")), (lambda: open_store(settings).edit("new"))
    cases: list[tuple[Path, Callable[[], object], str]] = [
        (generation(folder) / "shard", read, r"is read-only, and the engine writes there .*; allow writing"),
        (folder.parent, edit, r"cannot be written to .*; set DATA_DIR"),
    ]
    for locked, attempt, message in cases:
        locked.chmod(0o555)
        try:
            with pytest.raises(CollectionError, match=message):
                attempt()
        finally:
            locked.chmod(0o755)


def test_no_reader_ever_sees_half_a_pointer(tmp_path: Path) -> None:
    workshop = Workshop(tmp_path)
    done, seen = threading.Event(), list[Path | None]()
    workshop.publish(workshop.settle(workshop.draft(None)), 0)

    def watch() -> None:
        while not done.is_set():
            seen.append(published(tmp_path))

    watcher = threading.Thread(target=watch)
    watcher.start()
    for number in range(2, 202):
        with (tmp_path / "CURRENT").open() as pointer:
            workshop.publish(workshop.settle(workshop.draft(None)), 0)
            assert pointer.read() == f"gen-{number - 1:06d}"  # replaced, not written over
    done.set()
    watcher.join()
    workshop.close()
    names = [path.name for path in seen if path]
    assert len(names) == len(seen)
    assert names == sorted(names)
    assert set(names) <= {f"gen-{number:06d}" for number in range(1, 202)}
    assert generation(tmp_path).name == "gen-000201"


def test_ctrl_c_waits_until_files_are_synced(tmp_path: Path) -> None:
    went_on = []

    class Interrupted(type(tmp_path)):  # type: ignore[misc]
        def rglob(self, pattern: str) -> Iterator[Path]:
            yield from tmp_path.rglob(pattern)
            signal.raise_signal(signal.SIGINT)
            went_on.append(True)

    (tmp_path / "file").touch()
    with pytest.raises(KeyboardInterrupt):
        sync_all(Interrupted(tmp_path))
    assert went_on
