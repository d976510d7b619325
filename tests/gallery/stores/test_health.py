"""Deliberate damage: it is found, nothing is lost silently, and whatever can be repaired is repaired."""

import json
import logging
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
import qdrant_edge as q
from numpy.typing import NDArray

from gallery.errors import CollectionError, Damaged
from gallery.records import ImageRecord
from gallery.settings import Settings
from gallery.spec import Spec
from gallery.stores import Entry, open_store
from gallery.stores.embedded.cloning import copy_file
from gallery.stores.embedded.disk import bytes_on_disk
from gallery.stores.embedded.editor import EmbeddedEditor
from gallery.stores.embedded.engine import engine_errors, load_shard
from gallery.stores.embedded.generations import RESERVE, published
from gallery.stores.embedded.repairing import repair
from gallery.stores.payload import to_payload

Vectors = NDArray[np.float32]
MakeRecord = Callable[..., ImageRecord]
Write = Callable[..., None]
Damage = Callable[[Path], Any]
SPEC = Spec(encoder="letters", dimension=64, space="letters-1", text="letters-1")
THERE = 20


def empty(path: Path) -> None:
    path.write_bytes(b"")


def garbage(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"\xff" * 4096)


def deep(path: Path) -> None:
    path.write_text("[" * 100_000)


def infinite(path: Path) -> None:
    path.write_text('{"schema": 1e999, "dimension": 1e999, "points": 1e999, "files": {"a": [1e999, 0, 0, null]}}')


def gone(path: Path) -> None:
    path.unlink()


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "collections" / "photos"


def write_to(
    settings: Settings,
    name: str,
    numbers: Sequence[int],
    make_record: MakeRecord,
    unit_rows: Callable[..., Vectors],
    *,
    finish: bool = True,
) -> None:
    with closing(open_store(settings).edit(name)) as editor:
        editor.begin(SPEC)
        records = [make_record(n) for n in numbers]
        editor.upsert(records, unit_rows(400)[list(numbers)])
        editor.flush()
        editor.journal.write([Entry(file, record.sha256) for record in records for file in record.files])
        if finish:
            editor.finish()


@pytest.fixture
def write(settings: Settings, make_record: MakeRecord, unit_rows: Callable[..., Vectors]) -> Write:
    """Return a function that writes the pictures of these numbers, and finishes unless told not to."""

    def write(*numbers: int, finish: bool = True) -> None:
        write_to(settings, "photos", numbers, make_record, unit_rows, finish=finish)

    return write


@pytest.fixture(scope="session")
def template(
    tmp_path_factory: pytest.TempPathFactory, make_record: MakeRecord, unit_rows: Callable[..., Vectors]
) -> Path:
    """A DATA_DIR with two collections; made once, as a publication waits for the disk."""
    data = tmp_path_factory.mktemp("template")
    for name, numbers in {"other": [1, 2], "photos": list(range(THERE))}.items():
        write_to(Settings(data), name, numbers, make_record, unit_rows)
    return data / "collections"


@pytest.fixture
def collection(template: Path, settings: Settings) -> None:
    """A collection to damage, and another that stays intact."""
    shutil.copytree(template, settings.data_dir / "collections", copy_function=copy_file)


def there(settings: Settings) -> dict[str, ImageRecord]:
    with closing(open_store(settings).open("photos")) as collection:
        return {record.id: record for record in collection.records()}


def generation(folder: Path) -> Path:
    path = published(folder)
    assert path
    return path


def one(folder: Path, pattern: str) -> Path:
    return sorted(folder.rglob(pattern))[0]


def expect(settings: Settings, make_record: MakeRecord, count: int = THERE) -> None:
    assert there(settings) == {make_record(n).id: make_record(n) for n in range(count)}


def rewrite(generation: Path, operation: q.UpdateOperation) -> None:
    with closing(load_shard(generation)) as shard:
        shard.update(operation)
        shard.flush()


def whole_after_repair(settings: Settings) -> None:
    store = open_store(settings)
    store.repair("photos")
    assert store.check("photos") == []
    assert [info.name for info in store.overview()] == store.names() == ["other", "photos"]


@pytest.mark.usefixtures("collection")
def test_nothing_is_wrong_with_a_collection_that_is_written_searched_and_shrunk(
    settings: Settings, write: Write, make_record: MakeRecord
) -> None:
    write(THERE)
    there(settings)
    with closing(open_store(settings).edit("photos")) as editor:
        editor.begin(SPEC)
        editor.delete([make_record(0).id])
        editor.flush()
        editor.journal.forget_pictures([make_record(0).sha256])
        editor.finish()
    for _ in range(2):
        there(settings)
        assert open_store(settings).check("photos") == []


@pytest.mark.usefixtures("collection")
@pytest.mark.parametrize("damage", [garbage, folder_instead], ids=lambda damage: damage.__name__)
def test_a_damaged_pointer_is_no_loss_and_is_mended(
    settings: Settings, folder: Path, make_record: MakeRecord, damage: Damage
) -> None:
    damage(folder / "CURRENT")
    expect(settings, make_record)
    assert "CURRENT" in open_store(settings).check("photos")[0].what
    whole_after_repair(settings)
    assert (folder / "CURRENT").read_text() == generation(folder).name


@pytest.mark.usefixtures("collection")
def test_a_pointer_to_a_generation_in_the_making_is_not_followed(
    settings: Settings, folder: Path, write: Write, make_record: MakeRecord
) -> None:
    write(THERE, finish=False)
    (folder / "CURRENT").write_text("gen-000002")
    expect(settings, make_record)


@pytest.mark.usefixtures("collection")
@pytest.mark.parametrize(
    ("damage", "by"),
    [(empty, "repair"), (garbage, "a write"), (gone, "repair"), (folder_instead, "a write")],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_damaged_journal_is_made_anew_from_the_points(
    settings: Settings, folder: Path, write: Write, make_record: MakeRecord, damage: Damage, by: str
) -> None:
    damage(generation(folder) / "journal.sqlite")
    expect(settings, make_record)
    assert "journal" in open_store(settings).check("photos")[0].what
    if by == "repair":
        whole_after_repair(settings)
    else:
        write(1)
    with closing(open_store(settings).journal("photos")) as journal:
        known = {entry.file.path: entry.sha256 for entry in journal.all()}
    records = [make_record(n) for n in range(THERE)]
    assert known == {file.path: record.sha256 for record in records for file in record.files}
    expect(settings, make_record)


@pytest.mark.usefixtures("collection")
@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("spec.json", deep),
        ("segment.json", folder_instead),
        ("version.info", gone),
        ("page_0.dat", garbage),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_what_the_engine_needs_is_written_again_and_indexes_are_made_again(
    settings: Settings, folder: Path, write: Write, make_record: MakeRecord, name: str, damage: Damage
) -> None:
    damage(one(generation(folder), f"payload_index/*/{name}" if name == "page_0.dat" else name))
    assert open_store(settings).check("photos")
    with pytest.raises(CollectionError, match=r"damaged .*ingest --repair --collection photos"):
        there(settings)
    with pytest.raises(CollectionError, match=r"damaged .*ingest --repair --collection photos"):
        write(THERE)
    infos = {info.name: info for info in open_store(settings).overview()}
    assert infos["other"].pictures == 2
    assert "ingest --repair" in infos["photos"].encoder
    whole_after_repair(settings)
    expect(settings, make_record)


@pytest.mark.usefixtures("collection")
def test_points_that_cannot_be_read_are_counted_and_the_others_kept(
    settings: Settings,
    folder: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    empty(one(generation(folder), "vector_storage/vectors/chunk_0.mmap"))
    with caplog.at_level(logging.WARNING):
        whole_after_repair(settings)
    assert f"Lost {THERE} pictures of photos, which could not be read" in caplog.text
    assert there(settings) == {}
    with closing(open_store(settings).journal("photos")) as journal:
        assert list(journal.all()) == [], "so that they are read again"


@pytest.mark.usefixtures("collection")
def test_one_vector_that_is_none_costs_one_picture(
    settings: Settings, folder: Path, make_record: MakeRecord, caplog: pytest.LogCaptureFixture
) -> None:
    garbage_of_one = bytes(64 * 4)
    with one(generation(folder), "vector_storage/vectors/chunk_0.mmap").open("r+b") as file:
        file.seek(64 * 4 * 3)
        file.write(garbage_of_one)
    with caplog.at_level(logging.WARNING):
        whole_after_repair(settings)
    assert "Lost 1 picture of photos, which" in caplog.text
    found = there(settings)
    assert len(found) == THERE - 1
    assert all(record in [make_record(n) for n in range(THERE)] for record in found.values())


@pytest.mark.usefixtures("collection")
def test_what_a_run_left_damaged_is_set_aside_and_its_pictures_come_back(
    settings: Settings, folder: Path, write: Write, make_record: MakeRecord
) -> None:
    write(*range(THERE, THERE + 5), finish=False)
    empty(one(folder / "gen-000002", "payload_index/*/page_0.dat"))
    assert "interrupted run left damage" in open_store(settings).check("photos")[0].what
    write(0)  # another run
    kept = list(folder.glob("damaged-*"))
    assert len(kept) == 1
    assert (kept[0] / "shard").is_dir()
    expect(settings, make_record)
    whole_after_repair(settings)
    expect(settings, make_record, THERE + 5)
    assert not list(folder.glob("damaged-*"))


@pytest.mark.usefixtures("collection")
def test_a_text_that_is_none_in_a_journal_that_a_run_left_is_made_anew(
    settings: Settings, folder: Path, write: Write, make_record: MakeRecord
) -> None:
    write(THERE, finish=False)
    with closing(sqlite3.connect(folder / "gen-000002" / "journal.sqlite")) as database, database:
        database.execute("UPDATE files SET sha256 = CAST(x'ff' AS TEXT) WHERE path = (SELECT MIN(path) FROM files)")
    write(THERE + 1)
    expect(settings, make_record, THERE + 2)
    assert open_store(settings).check("photos") == []


@pytest.mark.usefixtures("collection")
def test_a_value_that_has_changed_in_what_a_run_left_is_found(
    settings: Settings, folder: Path, write: Write, make_record: MakeRecord
) -> None:
    write(THERE, THERE + 1, finish=False)
    other = {"path": ["/another.jpg"]}
    rewrite(folder / "gen-000002", q.UpdateOperation.set_payload([UUID(make_record(THERE).id)], other))
    assert f"picture {make_record(THERE).id} is not whole" in open_store(settings).check("photos")[0].what
    write(THERE, THERE + 1)
    assert len(list(folder.glob("damaged-*"))) == 1
    expect(settings, make_record, THERE + 2)


@pytest.mark.usefixtures("collection")
def test_what_a_run_of_an_earlier_version_left_is_continued(
    settings: Settings, folder: Path, write: Write, make_record: MakeRecord
) -> None:
    write(THERE, finish=False)
    payload = to_payload(make_record(THERE))
    del payload["origin"]["checksum"]
    rewrite(folder / "gen-000002", q.UpdateOperation.overwrite_payload([UUID(make_record(THERE).id)], payload))
    write(THERE + 1)
    assert not list(folder.glob("damaged-*"))
    expect(settings, make_record, THERE + 2)


def test_numbers_that_the_engine_does_not_read_back_exactly_are_no_damage(
    settings: Settings, make_record: MakeRecord, unit_rows: Callable[..., Vectors]
) -> None:
    with closing(open_store(settings).edit("photos")) as editor:
        editor.begin(SPEC)
        editor.upsert([make_record(location=(15.008767101905619, -46.096042160316244))], unit_rows(1))
    assert [fault.what for fault in open_store(settings).check("photos")] == ["an interrupted run is not finished"]


@pytest.mark.usefixtures("collection")
def test_a_folder_in_the_place_of_a_file_is_damage(
    settings: Settings, folder: Path, write: Write, make_record: MakeRecord
) -> None:
    write(*range(THERE, THERE + 5), finish=False)
    path = one(folder / "gen-000002", "mutable_id_tracker.versions")
    path.unlink()
    path.mkdir()
    assert "is no file any more" in open_store(settings).check("photos")[0].what
    write(0)
    assert len(list(folder.glob("damaged-*"))) == 1
    whole_after_repair(settings)
    assert there(settings).keys() >= {make_record(number).id for number in range(THERE)}


@pytest.mark.usefixtures("collection")
def test_what_a_run_left_is_kept_where_the_disk_is_full(
    settings: Settings, folder: Path, write: Write, make_record: MakeRecord
) -> None:
    write(THERE, finish=False)
    for attempt in (lambda: EmbeddedEditor(folder, None, lambda _: 0), lambda: repair(folder, lambda _: 0)):
        with pytest.raises(CollectionError, match=r"lacks 269 MB; make room .* searches go on"):
            attempt()
    assert (folder / "gen-000002").is_dir()
    expect(settings, make_record)
    write(THERE + 1)
    expect(settings, make_record, THERE + 2)


@pytest.mark.usefixtures("collection")
def test_all_the_room_that_a_copy_needs_is_asked_for_before_it_is_made(folder: Path) -> None:
    wanted = RESERVE + bytes_on_disk(generation(folder))
    for free, lacking in ((0, wanted), (wanted - 1, 1)):
        said = f" lacks {-(-lacking // 10**6)} MB; make room"
        editor = EmbeddedEditor(folder, None, {folder: free}.__getitem__)
        with closing(editor), pytest.raises(CollectionError, match=said):
            editor.begin(SPEC)
        assert not (folder / "gen-000002").exists()


def test_what_the_engine_says_of_a_full_disk_proves_no_damage() -> None:
    said = "Service runtime error: Not enough space available for optimization, needed: 351.06 MiB, available: 3 MiB"
    with pytest.raises(CollectionError, match=r"needed: 351\.06 MiB.*; free some space") as caught, engine_errors("a"):
        raise Exception(said)
    assert not isinstance(caught.value, Damaged)


@pytest.mark.usefixtures("collection")
def test_a_copy_needs_no_room_for_holes(folder: Path) -> None:
    with (generation(folder) / "hole").open("wb") as file:
        file.truncate(10**10)
    taken = bytes_on_disk(generation(folder))
    with closing(EmbeddedEditor(folder, None, lambda _: RESERVE + taken)) as editor:
        editor.begin(SPEC)
    assert (folder / "gen-000002").is_dir()


def test_a_collection_that_was_never_finished_is_listed_named_and_dropped(
    settings: Settings, folder: Path, write: Write
) -> None:
    write(0, finish=False)
    shutil.rmtree(folder / "gen-000001" / "shard")
    store = open_store(settings)
    cure = "run ingest PATH again, or ingest --drop photos --yes"
    assert [info.encoder for info in store.overview()] == [f"never finished: {cure}"]
    with pytest.raises(CollectionError, match=r"nothing can be searched in photos yet: .*: ingest --drop photos --yes"):
        store.open("photos")
    store.drop("photos")
    assert store.overview() == []
    assert not folder.exists()


@pytest.mark.usefixtures("collection")
@pytest.mark.parametrize("name", ["CURRENT", "sealed.json", "edge_config.json"])
@pytest.mark.parametrize("damage", [deep, infinite, folder_instead], ids=lambda damage: damage.__name__)
def test_a_damaged_collection_hides_no_other_and_is_dropped(
    settings: Settings, folder: Path, name: str, damage: Damage
) -> None:
    damage(one(folder, name))
    store = open_store(settings)
    assert [info.pictures for info in store.overview() if info.name == "other"] == [2]
    assert store.names() == ["other", "photos"]
    store.drop("photos")
    assert store.names() == ["other"]


def test_a_spec_with_another_letter_is_damage(settings: Settings, folder: Path, write: Write) -> None:
    write(0, finish=False)
    spec = folder / "gen-000001" / "spec.json"
    spec.write_text(spec.read_text().replace("letters-1", "letters-2"))
    with pytest.raises(Damaged, match="nothing says what its vectors were made with"):
        open_store(settings).repair("photos")


@pytest.mark.usefixtures("collection")
def test_a_collection_from_before_seals_is_read_and_sealed_by_the_next_write(
    settings: Settings, folder: Path, write: Write, make_record: MakeRecord
) -> None:
    current = generation(folder)
    (current / "sealed.json").unlink()
    values = json.loads((current / "spec.json").read_text())
    (current / "spec.json").write_text(json.dumps({key: values[key] for key in values if key != "digest"}))
    expect(settings, make_record)
    write(THERE)
    expect(settings, make_record, THERE + 1)
    assert (generation(folder) / "sealed.json").is_file()
