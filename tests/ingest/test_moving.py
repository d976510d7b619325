"""A library that has moved, and facts that are read again; with an encoder that counts letters."""

import os
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from letter_encoder import COLOURS, LetterEncoder
from PIL import Image

from gallery.errors import BadInput
from gallery.records import Caption, ImageRecord
from gallery.settings import Settings
from gallery.stores import open_store
from ingest.captions import CaptionsByPath
from ingest.moving import move
from ingest.pipeline import ingest
from ingest.refreshing import RefreshReport, refresh
from ingest.report import IngestReport
from ingest.stopping import Stop

Run = Callable[..., IngestReport]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    for name, colour in COLOURS.items():
        Image.new("RGB", (20, 30), colour).save(tmp_path / "photos" / f"{name}.png")
    return tmp_path / "photos"


@pytest.fixture
def run(settings: Settings) -> Run:
    def run_once(root: Path, **options: object) -> IngestReport:
        with closing(open_store(settings).edit("photos")) as editor:
            return ingest([root], editor, LetterEncoder, **options)  # type: ignore[arg-type]

    return run_once


def records(settings: Settings) -> dict[str, ImageRecord]:
    with closing(open_store(settings).open("photos")) as collection:
        return {Path(record.path).name: record for record, _ in collection.scan()}


def test_a_moved_library_is_known_under_its_new_paths(run: Run, settings: Settings, photos: Path) -> None:
    run(photos, captions=CaptionsByPath([Caption("red.png", "a wall")], photos))
    disk = photos.rename(photos.parent / "disk")
    (disk / "blue.png").unlink()
    with closing(open_store(settings).edit("photos")) as editor:
        report = move(editor, photos, disk)
    assert (report.moved, report.missing) == (4, [str(photos / "blue.png")])
    found = records(settings)
    assert found["red.png"].path == str(disk / "red.png")
    assert found["red.png"].captions == ("a wall",)
    assert run(disk).unchanged == 4


def test_a_move_that_leads_nowhere_is_refused(run: Run, settings: Settings, photos: Path) -> None:
    run(photos)
    with closing(open_store(settings).edit("photos")) as editor:
        with pytest.raises(BadInput, match="is not there"):
            move(editor, photos, photos / "nowhere")
        with pytest.raises(BadInput, match="knows no file below"):
            move(editor, photos / "nowhere", photos)


def test_a_vanished_root_is_pruned_when_asked(run: Run, settings: Settings, photos: Path) -> None:
    run(photos)
    disk = photos.rename(photos.parent / "disk")
    report = run(disk)
    assert report.moved == (str(photos), str(disk))
    with pytest.raises(BadInput, match="there is no folder or file"):
        run(photos)
    assert run(photos, prune=True).pruned == 5
    assert {len(record.files) for record in records(settings).values()} == {1}


def test_facts_are_read_again_without_encoding(run: Run, settings: Settings, photos: Path) -> None:
    run(photos)
    (photos / "red.png.json").write_text('{"photoTakenTime": {"timestamp": "1625106600"}, "description": "a wall"}')
    with closing(open_store(settings).edit("photos")) as editor:
        report = refresh(editor)
    assert (report.pictures, report.changed, report.unread) == (5, 1, 0)
    red = records(settings)["red.png"]
    assert (red.taken_at, red.date_source) == ("2021-07-01T02:30:00+00:00", "takeout")
    assert red.captions == ("a wall",)


def test_a_refresh_that_is_stopped_keeps_what_it_read(run: Run, settings: Settings, photos: Path) -> None:
    run(photos)
    for path in photos.glob("*.png"):
        path.with_name(f"{path.name}.json").write_text(
            '{"photoTakenTime": {"timestamp": "1625106600"}, "description": "a wall"}'
        )
    stop, kept = Stop(), 0

    def stopping(report: RefreshReport) -> None:
        nonlocal kept
        kept = report.changed
        if report.done == 1:
            with suppress(KeyboardInterrupt):
                stop.ask()

    with closing(open_store(settings).edit("photos")) as editor, pytest.raises(KeyboardInterrupt):
        refresh(editor, stopping, stop=stop)
    with closing(open_store(settings).edit("photos")) as editor:
        report = refresh(editor)
    assert kept > 0
    assert kept + report.changed == 5
    assert {record.captions for record in records(settings).values()} == {("a wall",)}


def test_a_record_of_an_earlier_version_gets_its_facts(run: Run, settings: Settings, photos: Path) -> None:
    run(photos)
    before = records(settings)["red.png"]
    with closing(open_store(settings).edit("photos")) as editor:
        assert editor.spec
        editor.begin(editor.spec)
        editor.update([replace(before, date_source=None, captions=("a wall",), phash="0" * 16)])
        refresh(editor)
    red = records(settings)["red.png"]
    assert (red.date_source, red.captions, red.phash) == ("mtime", ("a wall",), None)


def test_an_edit_that_keeps_size_and_time_is_noticed(run: Run, photos: Path) -> None:
    path = photos / "note.bmp"
    Image.new("RGB", (9, 9), "red").save(path)
    run(photos)
    looks = path.stat()
    Image.new("RGB", (9, 9), "blue").save(path)
    os.utime(path, ns=(looks.st_atime_ns, looks.st_mtime_ns))
    assert path.stat().st_size == looks.st_size
    assert run(photos).indexed == 1


def test_verifying_reads_all_and_changes_nothing(run: Run, photos: Path) -> None:
    run(photos)
    report = run(photos, verify=True)
    assert (report.verified, report.updated, report.indexed, report.unchanged) == (5, 0, 0, 0)


def test_a_copy_without_a_caption_wipes_none(run: Run, settings: Settings, photos: Path) -> None:
    (photos / "zoo.png").write_bytes((photos / "red.png").read_bytes())
    run(photos, captions=CaptionsByPath([Caption("red.png", "a wall")], photos))
    assert records(settings)["red.png"].captions == ("a wall",)


def test_what_matches_no_picture_is_listed(run: Run, photos: Path) -> None:
    (photos / "sub").mkdir()
    Image.new("RGB", (5, 5), "red").save(photos / "sub" / "red.png")
    Image.new("RGB", (6, 6), "red").save(photos / "Case.png")
    names = ["red.png", "C:\\old\\photos\\blue.png", " gold.png ", "case.png", "gone.png"]
    captions = CaptionsByPath([Caption(name, "a wall") for name in names], photos)
    run(photos, captions=captions)
    assert captions.unmatched() == ["case.png (there is Case.png)", "gone.png"]
    assert captions.of(str(photos / "sub" / "red.png")) == ()
