"""Moved, gone and unwanted files."""

import os
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from faulty_server import FaultyServer
from letter_encoder import COLOURS, LetterEncoder
from PIL import Image
from qdrant_client import QdrantClient

from gallery.errors import BadInput
from gallery.settings import Settings
from gallery.stores import open_store
from gallery.stores.server.store import ServerStore
from ingest import commands
from ingest.pipeline import ingest
from ingest.removal import is_below, is_gone, remove
from ingest.report import IngestReport

Ingest = Callable[..., IngestReport]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Ten pictures: five colours in each of two folders, all different."""
    for number, folder in enumerate(("old", "new")):
        (tmp_path / "photos" / folder).mkdir(parents=True)
        for name, colour in COLOURS.items():
            Image.new("RGB", (20 + number, 30), colour).save(tmp_path / "photos" / folder / f"{name}.png")
    return tmp_path / "photos"


@pytest.fixture
def encoder() -> LetterEncoder:
    return LetterEncoder()


@pytest.fixture
def run(settings: Settings, encoder: LetterEncoder, photos: Path) -> Ingest:
    def run_once(*roots: Path, **options: object) -> IngestReport:
        editor = open_store(settings).edit("photos")
        try:
            return ingest(roots or (photos,), editor, lambda: encoder, **options)  # type: ignore[arg-type]
        finally:
            editor.close()

    return run_once


def places(settings: Settings) -> list[str]:
    """Return the places of all pictures, sorted."""
    collection = open_store(settings).open()
    found = sorted(file.path for record, _ in collection.scan() for file in record.files)
    collection.close()
    return found


def on_disk(*folders: Path) -> list[str]:
    return sorted(str(path) for folder in folders for path in folder.rglob("*.png"))


def test_a_moved_file_is_one_place_and_no_encode(
    run: Ingest, settings: Settings, encoder: LetterEncoder, photos: Path
) -> None:
    run()
    (photos / "old" / "red.png").rename(photos / "new" / "crimson.png")
    report = run()
    assert (report.indexed, report.updated, encoder.encoded) == (0, 1, 10)
    assert places(settings) == on_disk(photos)
    assert run().unchanged == 10


def test_a_renamed_folder_is_followed(run: Ingest, settings: Settings, encoder: LetterEncoder, photos: Path) -> None:
    run()
    (photos / "old").rename(photos / "2021")
    report = run()
    assert (report.updated, encoder.encoded) == (5, 10)
    assert places(settings) == on_disk(photos)


def test_a_copy_from_a_place_outside_the_walk_keeps_both(run: Ingest, settings: Settings, photos: Path) -> None:
    """Files on a missing disk do not count as moved."""
    run(photos / "old")
    shutil.copytree(photos / "old", photos / "copy")
    shutil.rmtree(photos / "old")
    run(photos / "copy")
    assert len(places(settings)) == 10


def test_nothing_is_removed_without_being_asked(run: Ingest, settings: Settings, photos: Path) -> None:
    run()
    (photos / "old" / "red.png").unlink()
    assert run().pruned == 0
    assert len(places(settings)) == 10


def test_pruning_removes_what_is_gone(run: Ingest, settings: Settings, photos: Path) -> None:
    run()
    (photos / "old" / "red.png").unlink()
    assert run(prune=True).pruned == 1
    assert places(settings) == on_disk(photos)
    assert run(prune=True).pruned == 0


def test_pruning_keeps_the_picture_that_another_file_holds(run: Ingest, settings: Settings, photos: Path) -> None:
    shutil.copy(photos / "old" / "red.png", photos / "copy.png")
    run()
    (photos / "copy.png").unlink()
    assert run(prune=True).pruned == 1
    assert places(settings) == on_disk(photos)


def test_pruning_a_fifth_is_done_and_more_is_refused(run: Ingest, settings: Settings, photos: Path) -> None:
    run()
    (photos / "old" / "red.png").unlink()
    (photos / "old" / "gold.png").unlink()
    (photos / "old" / "blue.png").unlink()
    Image.new("RGB", (77, 30), "red").save(photos / "added.png")
    with pytest.raises(BadInput, match="3 of 11 pictures would be pruned"):
        run(prune=True)
    assert len(places(settings)) == 11, "what was new is indexed all the same"
    assert run(prune=True, prune_all=True).pruned == 3
    assert places(settings) == on_disk(photos)


def test_only_what_lies_below_the_walked_folders_is_pruned(run: Ingest, settings: Settings, photos: Path) -> None:
    run()
    (photos / "old" / "red.png").unlink()
    (photos / "new" / "red.png").unlink()
    assert run(photos / "new", prune=True).pruned == 1
    assert str(photos / "old" / "red.png") in places(settings)


def test_an_option_for_what_is_there_means_the_only_collection(settings: Settings, photos: Path) -> None:
    assert commands.default_collection(settings) == "photos"
    for name, meant in {"holidays": "holidays", "examples": "photos"}.items():
        editor = open_store(settings).edit(name)
        ingest([photos], editor, LetterEncoder)
        editor.close()
        assert commands.default_collection(settings) == meant


def test_a_run_that_prunes_nothing_says_how_many_pictures_are_gone(run: Ingest, photos: Path) -> None:
    shutil.copy(photos / "old" / "blue.png", photos / "new" / "copy.png")
    assert run().gone == 0
    for name in ("red", "blue"):
        (photos / "old" / f"{name}.png").unlink()
    Image.new("RGB", (9, 9)).save(photos / "new" / "another.png")
    assert [run().gone, run().gone, run(photos / "new").gone] == [1, 1, 0], "a copy of one of the two is still there"
    assert run(prune=True, prune_all=True).gone == 0
    assert run().gone == 0


def test_a_disk_that_is_not_in_place_empties_nothing(run: Ingest, settings: Settings, photos: Path) -> None:
    run()
    for path in photos.iterdir():
        shutil.rmtree(path)
    assert run().gone == 0
    report = run(prune=True, prune_all=True)
    assert report.pruned == 0
    assert report.not_walked == [(str(photos), "no picture there; if it is on another disk, is that disk connected?")]
    assert len(places(settings)) == 10


def test_an_emptied_folder_may_be_a_mount_point(run: Ingest, settings: Settings, photos: Path) -> None:
    run()
    for path in (photos / "old").iterdir():
        path.unlink()
    assert run(prune=True, prune_all=True).pruned == 0
    (photos / "old").rmdir()
    assert run(prune=True, prune_all=True).pruned == 5
    assert places(settings) == on_disk(photos)


def test_a_link_to_a_disk_that_is_not_in_place(run: Ingest, settings: Settings, photos: Path, tmp_path: Path) -> None:
    (photos / "old").rename(tmp_path / "disk")
    (photos / "usb").symlink_to(tmp_path / "disk")
    run()
    (tmp_path / "disk").rename(tmp_path / "unplugged")
    assert run(prune=True, prune_all=True).pruned == 0
    assert len(places(settings)) == 10


def test_roots_below_each_other_are_walked_once(run: Ingest, photos: Path) -> None:
    report = run(photos, photos / "old", photos / "old" / "red.png", photos)
    assert (report.indexed, report.updated, report.unchanged) == (10, 0, 0)


@pytest.mark.parametrize("pattern", ["!", "[z-a]"])
def test_what_is_no_pattern_is_refused(run: Ingest, photos: Path, pattern: str) -> None:
    with pytest.raises(BadInput, match=r"not a valid \.gitignore pattern"):
        run(exclude=[pattern])
    (photos / "old" / ".galleryignore").write_text(f"{pattern}\n")
    with pytest.raises(BadInput, match="what it excludes is unknown; fix or remove it"):
        run()


def test_an_ignore_file_that_is_a_pipe_stops_the_run_at_once(run: Ingest, photos: Path) -> None:
    os.mkfifo(photos / "old" / ".galleryignore")
    with pytest.raises(BadInput, match="not a regular file"):
        run()


def test_a_folder_that_cannot_be_read_is_not_pruned(
    run: Ingest, settings: Settings, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run()
    shutil.rmtree(photos / "old")
    (photos / "old").mkdir()
    scandir = os.scandir

    def refuse(path: str) -> object:
        if path == str(photos / "old"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    report = run(prune=True, prune_all=True)
    assert report.pruned == 0
    assert len(places(settings)) == 10


def test_what_is_excluded_is_not_read(run: Ingest, settings: Settings, photos: Path) -> None:
    assert run(exclude=["old/", "gold.*"]).indexed == 4
    assert places(settings) == [str(photos / "new" / f"{name}.png") for name in ("black", "blue", "green", "red")]


def test_an_ignore_file_speaks_for_its_folder_and_below(run: Ingest, settings: Settings, photos: Path) -> None:
    (photos / ".galleryignore").write_text("# colours\nred.png\n/gold.png\n")
    (photos / "old" / ".galleryignore").write_text("*\n!red.png\n")
    run()
    names = [str(Path(path).relative_to(photos)) for path in places(settings)]
    assert names == ["new/black.png", "new/blue.png", "new/gold.png", "new/green.png", "old/red.png"]


def test_excluding_later_removes_nothing(run: Ingest, settings: Settings) -> None:
    run()
    assert run(exclude=["old"], prune=True).pruned == 0
    assert len(places(settings)) == 10


def test_below_is_a_matter_of_whole_names() -> None:
    assert is_below("/a/b", ["/a"])
    assert is_below("/a", ["/a"])
    assert is_below("/a", ["/"])
    assert not is_below("/ab", ["/a"])


def test_gone_is_only_what_is_known_to_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to("nowhere")
    assert is_gone(str(tmp_path / "missing"))
    assert is_gone(str(tmp_path / "file" / "below"))
    assert not is_gone(str(tmp_path / "dangling"))
    assert not is_gone("/" + "x" * 5000)


def test_a_picture_that_one_replica_alone_has_is_removed_with_its_file(tmp_path: Path, photos: Path) -> None:
    server = FaultyServer()
    store = ServerStore(Settings(tmp_path / "data", qdrant_url="http://qdrant"), lambda *_: server)
    with closing(store.edit("photos")) as editor:
        ingest([photos], editor, LetterEncoder)
    ids = [record.id for record in store.open("photos").records()]
    server.lacking = set(ids[:3])
    with closing(store.edit("photos")) as editor:
        remove(editor, list(editor.journal.under(str(photos))))
    server.lacking = set()
    assert store.open("photos").count() == 0
    QdrantClient.close(server)


def test_a_removal_that_was_interrupted_is_finished_by_the_same_command(
    run: Ingest, settings: Settings, photos: Path
) -> None:
    run()
    with closing(open_store(settings).edit("photos")) as editor:
        remove(editor, list(editor.journal.under(str(photos / "old"))))  # and is stopped before it publishes
    assert len(places(settings)) == 10
    with pytest.raises(BadInput, match=r"nothing at or below .*old is indexed"):
        commands.forget(settings, "photos", [photos / "old"], yes=True, dry_run=False)
    assert len(places(settings)) == 5
