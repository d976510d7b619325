"""Changing a collection's encoder: the new one is built beside it, and replaces it only when complete."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lasting_client import LastingClient
from letter_encoder import COLOURS, LetterEncoder
from memory_server import memory_server
from PIL import Image
from qdrant_client import QdrantClient

from gallery.encoders import PictureEncoder
from gallery.errors import BadInput, CollectionError
from gallery.records import Caption, ImageRecord
from gallery.settings import Settings
from gallery.stores import Store, open_store
from gallery.stores.server import store as server_store
from gallery.stores.server.store import ServerStore
from gallery.vectors import Vectors
from ingest import commands
from ingest.captions import CaptionsByPath
from ingest.pipeline import ingest
from ingest.report import IngestReport

SCRIPT = """
import sys
from pathlib import Path
from test_encoder_change import Renamed, change
from gallery.settings import Settings
from ingest import writer
writer.WRITE_EVERY = 32
photos, data = map(Path, sys.argv[1:])
print("begun", flush=True)
change(Settings(data_dir=data), photos, Renamed("new"), batch_size=8)
"""


class Renamed(LetterEncoder):
    """The same vectors under another name, of another space."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.spec = replace(self.spec, encoder=name, space=name, text=name)


@pytest.fixture(params=["embedded", "memory"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    if request.param == "embedded":
        yield Settings(tmp_path / "data")
        return
    with memory_server() as url:
        yield Settings(tmp_path / "data", qdrant_url=url)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Ten pictures: five colours in each of two folders, all different."""
    for number, folder in enumerate(("one", "two")):
        (tmp_path / "photos" / folder).mkdir(parents=True)
        for name, colour in COLOURS.items():
            Image.new("RGB", (20 + number, 30), colour).save(tmp_path / "photos" / folder / f"{name}.png")
    return tmp_path / "photos"


def change(place: Settings | Store, root: Path, encoder: PictureEncoder, **options: Any) -> IngestReport:  # noqa: ANN401 - of all sorts
    """Do what `ingest ROOT --encoder NAME` does."""
    editor = (open_store(place) if isinstance(place, Settings) else place).edit("photos")
    try:
        editor.change(encoder.spec)
        return ingest([root], editor, lambda: encoder, **options)
    finally:
        editor.close()


def contents(settings: Settings) -> dict[str, ImageRecord]:
    collection = open_store(settings).open("photos")
    found = {record.id: replace(record, indexed_at="") for record, _ in collection.scan()}
    collection.close()
    return found


def encoder_of(settings: Settings) -> str:
    collection = open_store(settings).open("photos")
    collection.close()
    return collection.spec.encoder


class Interrupted(Renamed):
    """Is stopped at the first picture of a colour."""

    def __init__(self, name: str, at: str) -> None:
        super().__init__(name)
        self._colour = COLOURS[at]

    def encode_pixels(self, pixels: Vectors) -> Vectors:
        if (pixels[:, :, 0, 0] == self._colour).all(axis=1).any():
            raise KeyboardInterrupt
        return super().encode_pixels(pixels)


def test_all_that_was_known_is_in_the_new_collection(settings: Settings, photos: Path) -> None:
    captions = CaptionsByPath([Caption("red.png", "a red wall")], photos)
    change(settings, photos, Renamed("old"), captions=captions)
    before = contents(settings)
    report = change(settings, photos / "one", Renamed("new"))
    assert (report.indexed, report.unchanged) == (10, 0)
    assert contents(settings) == before, "also what lies elsewhere, and the captions"
    assert encoder_of(settings) == "new"
    assert open_store(settings).names() == ["photos"], "the former one is gone"
    assert [(info.encoder, info.pictures) for info in open_store(settings).overview()] == [("new", 10)]
    assert change(settings, photos, Renamed("new")).unchanged == 10


def test_the_old_one_answers_until_the_new_one_is_whole(
    settings: Settings, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.writer.WRITE_EVERY", 2)
    change(settings, photos, Renamed("old"))
    before = contents(settings)
    with pytest.raises(KeyboardInterrupt):
        change(settings, photos, Interrupted("new", at="red"), batch_size=2)
    assert encoder_of(settings) == "old"
    assert contents(settings) == before
    with pytest.raises(CollectionError, match="is being changed"):
        commands.forget(settings, "photos", [photos / "one"], yes=True, dry_run=False)
    again = Renamed("new")
    report = change(settings, photos, again)
    assert report.unchanged >= 4, "what was encoded is kept"
    assert report.unchanged + report.indexed == 10
    assert again.encoded == report.indexed, "and is not encoded again"
    assert encoder_of(settings) == "new"
    assert contents(settings) == before


def test_a_change_can_be_taken_back(settings: Settings, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.writer.WRITE_EVERY", 2)
    change(settings, photos, Renamed("old"))
    with pytest.raises(KeyboardInterrupt):
        change(settings, photos, Interrupted("new", at="red"), batch_size=2)
    old = Renamed("old")
    assert change(settings, photos, old).unchanged == 10
    assert (encoder_of(settings), old.encoded) == ("old", 0)
    commands.forget(settings, "photos", [photos / "one"], yes=True, dry_run=False)
    assert len(contents(settings)) == 5


def test_what_an_interrupted_run_knew_is_not_lost(
    settings: Settings, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.writer.WRITE_EVERY", 2)
    change(settings, photos / "one", Renamed("old"))
    with pytest.raises(KeyboardInterrupt):
        change(settings, photos / "two", Interrupted("old", at="red"), batch_size=2)
    change(settings, photos / "one", Renamed("new"))
    assert len(contents(settings)) == 9


def test_pictures_that_cannot_be_read_any_more_are_not_dropped_unasked(settings: Settings, photos: Path) -> None:
    change(settings, photos, Renamed("old"))
    (photos / "two").rename(photos.parent / "unplugged")
    new = Renamed("new")
    with pytest.raises(BadInput, match="5 files of photos cannot be read any more"):
        change(settings, photos / "one", new)
    assert (encoder_of(settings), len(contents(settings))) == ("old", 10)
    report = change(settings, photos / "one", new, prune_all=True)
    assert (report.left_out, report.unchanged, new.encoded) == (5, 5, 5)
    assert (encoder_of(settings), len(contents(settings))) == ("new", 5)


def test_pictures_of_other_machines_are_encoded_or_ask_for_a_yes(tmp_path: Path, photos: Path) -> None:
    client = LastingClient(":memory:")
    here, there = (
        ServerStore(Settings(tmp_path / name, qdrant_url="http://qdrant"), lambda *_: client)
        for name in ("here", "there")
    )

    def encoder_and_count() -> tuple[str, int]:
        collection = here.open("photos")
        return collection.spec.encoder, collection.count()

    change(here, photos / "one", Renamed("old"))
    change(there, photos / "two", Renamed("old"))
    change(here, photos / "one", Renamed("new"))
    assert encoder_and_count() == ("new", 10)
    (photos / "two").rename(photos / "away")  # as from a machine that cannot see the other's disk
    with pytest.raises(BadInput, match="5 files of photos cannot be read"):
        change(here, photos / "one", Renamed("newer"))
    assert encoder_and_count() == ("new", 10)
    change(here, photos / "one", Renamed("newer"), prune_all=True)
    assert encoder_and_count() == ("newer", 5)
    QdrantClient.close(client)


def test_an_edited_and_a_moved_file_are_no_loss(settings: Settings, photos: Path) -> None:
    change(settings, photos, Renamed("old"))
    Image.new("RGB", (50, 30), "blue").save(photos / "one" / "red.png")
    (photos / "two" / "red.png").rename(photos / "moved.png")
    assert change(settings, photos, Renamed("new")).indexed == 10
    assert encoder_of(settings) == "new"


@pytest.mark.filterwarnings("ignore:Payload indexes have no effect")
def test_points_under_their_own_name_cannot_be_replaced(settings: Settings, photos: Path) -> None:
    if not settings.qdrant_url:
        pytest.skip("only a server has aliases")
    change(settings, photos, Renamed("old"))
    client = server_store.connect(settings)
    physical = client.get_aliases().aliases[0].collection_name
    assert physical.startswith("photos--")
    commands.drop(settings, "photos", yes=True, dry_run=False)
    assert open_store(settings).names() == []
    from gallery.stores.server.connection import Caller, Link
    from gallery.stores.server.directory import point_alias

    client.create_collection("photos", vectors_config={})  # made without an alias
    with pytest.raises(CollectionError, match="under its own name"):
        point_alias(Link(client, Caller("", 1)), "photos", "other")


def test_a_dry_run_lists_all_and_leaves_nothing(
    tmp_path: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(tmp_path / "data")
    keep = {
        "part": None,
        "encoder": None,
        "precision": None,
        "captions": None,
        "batch_size": 2,
        "exclude": (),
        "prune": False,
        "yes": False,
    }
    commands.index(settings, [photos], "photos", dry_run=True, **keep)  # type: ignore[arg-type]
    assert capsys.readouterr().out.count("would read") == 10
    assert not (tmp_path / "data").exists()
    change(settings, photos, Renamed("old"))
    holder = open_store(settings).edit("photos")
    commands.index(settings, [photos], "photos", dry_run=True, **keep)  # type: ignore[arg-type]
    assert "would read" not in capsys.readouterr().out
    commands.list_failures(settings, "photos")
    holder.close()


def test_killed_while_the_encoder_changes(tmp_path: Path, photos: Path) -> None:
    for number in range(150):
        Image.new("RGB", (30 + number, 9), list(COLOURS.values())[number % 5]).save(photos / "two" / f"{number}.png")
    undisturbed = Settings(tmp_path / "undisturbed")
    change(undisturbed, photos, Renamed("old"))
    wanted = contents(undisturbed)
    chance = random.Random(0)
    here = Path(__file__).parent
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(here), str(here.parent / "support")])}
    for attempt in range(2):
        settings = Settings(tmp_path / f"killed{attempt}")
        change(settings, photos, Renamed("old"))
        command = [sys.executable, "-c", SCRIPT, str(photos / "one"), str(settings.data_dir)]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            assert process.stdout.readline() == "begun\n"
            time.sleep(chance.uniform(0, 0.8))
            process.kill()
        assert contents(settings) == wanted, "whichever of the two it is"
        change(settings, photos / "one", Renamed("new"))
        assert encoder_of(settings) == "new"
        assert contents(settings) == wanted


def test_captions_given_later_open_no_file(tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(tmp_path / "data")
    change(settings, photos, Renamed("old"))
    system_open = os.open

    def closed(path: str, *arguments: int, **options: int) -> int:
        assert not str(path).endswith(".png"), f"{path} was opened"
        return system_open(path, *arguments, **options)

    monkeypatch.setattr(os, "open", closed)
    editor = open_store(settings).edit("photos")
    captions = CaptionsByPath([Caption("red.png", "a red wall")], photos)
    unloaded: Callable[[], PictureEncoder] = lambda: pytest.fail("the encoder was loaded")  # noqa: E731
    report = ingest([photos], editor, unloaded, captions=captions)
    editor.close()
    assert (report.updated, report.unreadable) == (10, [])
    assert sum(record.captions == ("a red wall",) for record in contents(settings).values()) == 2
    assert all(record.stack for record in contents(settings).values())
