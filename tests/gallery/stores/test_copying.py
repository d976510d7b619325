"""Copies of collections: the same pictures, payloads and vectors, even after a kill in the middle."""

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lasting_client import LastingClient
from memory_server import memory_server
from numpy.typing import NDArray
from qdrant_client import QdrantClient

from gallery.errors import BadInput, CollectionError, SpecMismatch
from gallery.records import ImageRecord
from gallery.settings import Settings
from gallery.spec import Spec
from gallery.stores import Editor, Store, open_store
from gallery.stores.copying import copy_collection, settings_of
from gallery.stores.embedded.collection import open_published
from gallery.stores.payload import to_payload

Vectors = NDArray[np.float32]
MakeRecord = Callable[..., ImageRecord]
UnitRows = Callable[..., Vectors]
Content = dict[str, tuple[ImageRecord, Vectors]]

SPEC = Spec(encoder="letters", dimension=64, space="letters-1", text="letters-1")
COUNT = 1100


@pytest.fixture
def client() -> QdrantClient:
    return LastingClient(":memory:")


@pytest.fixture
def server(client: QdrantClient) -> Iterator[str]:
    with memory_server(client) as url:
        yield url


@pytest.fixture
def settings(tmp_path: Path, make_record: MakeRecord, unit_rows: UnitRows) -> Settings:
    settings = Settings(tmp_path / "data", public_url="https://photos.example/gallery")
    with contextlib.closing(open_store(settings).edit("photos")) as editor:
        editor.begin(SPEC)
        editor.upsert([make_record(number) for number in range(COUNT)], unit_rows(COUNT))
        editor.finish()
    return settings


def content(settings: Settings, name: str = "photos") -> Content:
    with contextlib.closing(open_store(settings).open(name)) as collection:
        assert collection.spec == SPEC
        return {record.id: (record, vector) for record, vector in collection.scan()}


def payloads(folder: Path) -> dict[str, Any]:
    import qdrant_edge as q

    with contextlib.closing(open_published(folder / "collections" / "photos")) as collection:
        points, _ = collection.shard.scroll(q.ScrollRequest(limit=2 * COUNT, with_payload=True))
        return {str(point.id): point.payload for point in points}


def assert_same(one: Content, other: Content) -> None:
    assert one.keys() == other.keys()
    for id, (record, vector) in one.items():
        assert other[id][0] == record
        np.testing.assert_allclose(other[id][1], vector, atol=2e-7)


def test_embedded_to_server_to_embedded_is_the_same(
    settings: Settings, tmp_path: Path, server: str, client: QdrantClient
) -> None:
    on_server, back = settings_of(settings, server), settings_of(settings, str(tmp_path / "back"))
    report = copy_collection(settings, "photos", on_server, "photos")
    assert (report.pictures, report.copied, report.compared, report.others) == (COUNT, COUNT, 1000, 0)
    copy_collection(on_server, "photos", back, "photos")
    assert_same(content(settings), content(back))
    assert payloads(tmp_path / "back") == payloads(tmp_path / "data")
    assert list(payloads(tmp_path / "back").popitem()[1]) == list(payloads(tmp_path / "data").popitem()[1])
    point = client.scroll("photos", limit=1)[0][0]
    assert point.payload == payloads(tmp_path / "data")[str(point.id)]


def test_beside_itself_under_another_name(settings: Settings) -> None:
    copy_collection(settings, "photos", settings, "backup")
    assert_same(content(settings), content(settings, "backup"))


def test_onto_itself_is_refused(settings: Settings) -> None:
    with pytest.raises(BadInput, match="--as"):
        copy_collection(settings, "photos", settings_of(settings, f"{settings.data_dir}/"), "photos")
    server = Settings(settings.data_dir, qdrant_url="http://127.0.0.1:1")
    with pytest.raises(BadInput, match="unset that to copy from files"):
        copy_collection(server, "photos", settings_of(server, "http://127.0.0.1:1/"), "photos")


def editing(change: Callable[[Editor], None]) -> Callable[[Settings], Store]:
    """Return an opener of a store whose editors are changed before they are used."""

    def open_changed(settings: Settings) -> Store:
        store = open_store(settings)
        edit = store.edit

        def edit_changed(name: str) -> Editor:
            editor = edit(name)
            change(editor)
            return editor

        store.edit = edit_changed  # type: ignore[method-assign, assignment]  # a store of the test's
        return store

    return open_changed


class Killed(BaseException):
    """An exception that no code catches."""


@pytest.mark.parametrize("place", ["server", "copy"])
@pytest.mark.parametrize("step", ["upsert", "flush", "finish"])
def test_killed_in_the_middle_and_repeated_is_the_same(
    step: str, place: str, settings: Settings, server: str, tmp_path: Path
) -> None:
    target = settings_of(settings, server if place == "server" else str(tmp_path / place))
    calls = itertools.count()

    def change(editor: Editor) -> None:
        work = getattr(editor, step)

        def die(*values: Any) -> None:  # noqa: ANN401 - handed on as they are
            if next(calls) == (0 if step == "finish" else 2):
                raise Killed
            work(*values)

        setattr(editor, step, die)

    with pytest.raises(Killed):
        copy_collection(settings, "photos", target, "photos", open_target=editing(change))
    report = copy_collection(settings, "photos", target, "photos")
    assert report.copied == {"upsert": COUNT - 512, "flush": COUNT - 768, "finish": 0}[step]
    assert_same(content(settings), content(target))


def test_a_second_copy_writes_what_has_changed(
    settings: Settings, tmp_path: Path, make_record: MakeRecord, unit_rows: UnitRows
) -> None:
    target = settings_of(settings, str(tmp_path / "copy"))
    copy_collection(settings, "photos", target, "photos")
    with contextlib.closing(open_store(settings).edit("photos")) as editor:
        editor.begin(SPEC)
        editor.update([make_record(7, captions=("changed",))])
        editor.upsert([make_record(COUNT)], unit_rows(1, seed=9))
        editor.finish()
    assert copy_collection(settings, "photos", target, "photos").copied == 2
    assert_same(content(settings), content(target))


def test_what_only_the_copy_has_stays_there(
    settings: Settings, tmp_path: Path, make_record: MakeRecord, unit_rows: UnitRows
) -> None:
    target = settings_of(settings, str(tmp_path / "copy"))
    with contextlib.closing(open_store(target).edit("photos")) as editor:
        editor.begin(SPEC)
        editor.upsert([make_record(5000)], unit_rows(1))
        editor.finish()
    assert copy_collection(settings, "photos", target, "photos").others == 1


def test_a_copy_knows_the_files(settings: Settings, tmp_path: Path) -> None:
    target = settings_of(settings, str(tmp_path / "copy"))
    copy_collection(settings, "photos", target, "photos")
    with contextlib.closing(open_store(target).edit("photos")) as editor:
        for record, _ in content(settings).values():
            for file in record.files:
                entry = editor.journal.entry(file.path)
                assert entry
                assert (entry.file, entry.sha256) == (file, record.sha256)


def test_thumbnails_keep_their_addresses(settings: Settings, tmp_path: Path) -> None:
    copy_collection(replace(settings, public_url=None), "photos", Settings(tmp_path / "copy"), "photos")
    assert payloads(tmp_path / "copy") == payloads(tmp_path / "data")


def test_thumbnails_get_the_address_of_the_settings(settings: Settings, tmp_path: Path) -> None:
    moved = replace(settings, public_url="https://new.example")
    copy_collection(moved, "photos", settings_of(moved, str(tmp_path / "copy")), "photos")
    record = next(iter(content(settings).values()))[0]
    assert payloads(tmp_path / "copy")[record.id] == to_payload(record, "https://new.example")


def test_a_copy_of_another_space_is_refused(settings: Settings, tmp_path: Path) -> None:
    target = settings_of(settings, str(tmp_path / "copy"))
    with contextlib.closing(open_store(target).edit("photos")) as editor:
        editor.begin(replace(SPEC, space="words-1"))
        editor.finish()
    with pytest.raises(SpecMismatch):
        copy_collection(settings, "photos", target, "photos")


@pytest.mark.parametrize("fault", ["vector", "payload"])
def test_a_copy_that_differs_is_told(fault: str, settings: Settings, tmp_path: Path) -> None:
    def change(editor: Editor) -> None:
        work = editor.upsert

        def write_wrongly(records: Sequence[ImageRecord], vectors: Vectors) -> None:
            if fault == "vector":
                work(records, np.roll(vectors, 1, axis=0))
            else:
                work([replace(record, camera="none") for record in records], vectors)

        editor.upsert = write_wrongly  # type: ignore[method-assign]  # a store that writes wrongly

    target = settings_of(settings, str(tmp_path / "copy"))
    with pytest.raises(CollectionError, match="is not as it was"):
        copy_collection(settings, "photos", target, "photos", open_target=editing(change))


def test_a_place_is_an_address_or_a_folder(settings: Settings) -> None:
    assert settings_of(settings, "https://qdrant:6333").qdrant_url == "https://qdrant:6333"
    assert settings_of(replace(settings, qdrant_url="http://qdrant"), "some/folder").qdrant_url is None
    with pytest.raises(BadInput, match="s3://bucket"):
        settings_of(settings, "s3://bucket")
