"""Files -> points, with an encoder that counts letters and the real embedded engine."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tifffile
from letter_encoder import COLOURS, LetterEncoder
from numpy.typing import NDArray
from PIL import Image

from gallery.errors import BadInput, EncoderError, Reason, SpecMismatch
from gallery.records import Caption, Hit, ImageRecord
from gallery.settings import Settings
from gallery.spec import Spec
from gallery.stores import open_store
from ingest.captions import CaptionsByPath
from ingest.pipeline import ingest
from ingest.progress import print_summary
from ingest.report import IngestReport
from ingest.stopping import Stop
from ingest.threads import ahead, in_background
from search.engine import SearchEngine

Ingest = Callable[..., IngestReport]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def encoder() -> LetterEncoder:
    return LetterEncoder()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """One picture of each colour, `red.png` and so on, in two folders."""
    root = tmp_path / "photos"
    for name, colour in COLOURS.items():
        path = root / ("warm" if name in ("red", "gold") else "cold") / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 30), colour).save(path)
    return root


@pytest.fixture
def run(settings: Settings, encoder: LetterEncoder, photos: Path) -> Ingest:
    """Run `ingest` over the photos, or other roots, into the collection `photos`."""

    def run_once(*roots: Path, **options: object) -> IngestReport:
        editor = open_store(settings).edit("photos")
        try:
            return ingest(roots or (photos,), editor, lambda: encoder, **{"batch_size": 2, **options})  # type: ignore[arg-type]
        finally:
            editor.close()

    return run_once


@pytest.fixture
def find(settings: Settings, encoder: LetterEncoder) -> Callable[[str], list[Hit]]:
    def search(query: str) -> list[Hit]:
        collection = open_store(settings).open("photos")
        hits = SearchEngine(encoder, collection).search(query)
        collection.close()
        return hits

    return search


def stored(settings: Settings) -> dict[str, ImageRecord]:
    """Return all records of the collection by the name of their first file, their vectors having been checked."""
    collection = open_store(settings).open("photos")
    encoder = LetterEncoder()
    records = {}
    for record, vector in collection.scan():
        with Image.open(record.path) as image:
            assert np.allclose(vector, encoder.encode_images([image.convert("RGB")])[0], atol=1e-6), record.path
        records[Path(record.path).name] = record
    collection.close()
    return records


def touch(path: Path) -> None:
    later = path.stat().st_mtime_ns + 10**9
    os.utime(path, ns=(later, later))


def test_every_picture_is_found_by_its_colour(run: Ingest, find: Callable[[str], list[Hit]]) -> None:
    report = run()
    assert (report.indexed, report.updated, report.unchanged, report.unreadable) == (5, 0, 0, [])
    for name in COLOURS:
        best = find(name)[0]
        assert Path(best.image.path).stem == name
        assert best.score == pytest.approx(1, abs=1e-6)


def test_metadata_travels_with_the_picture(run: Ingest, settings: Settings, photos: Path) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x0110] = 6, "Maker", "Model"
    exif.get_ifd(0x8769)[0x9003] = "2021:05:06 07:08:09"
    Image.new("RGB", (40, 20), "blue").save(photos / "turned.jpg", exif=exif)
    run()
    record = stored(settings)["turned.jpg"]
    assert (record.width, record.height, record.format, record.orientation) == (20, 40, "JPEG", 6)
    assert (record.camera, record.taken_at) == ("Maker Model", "2021-05-06T07:08:09")
    found = (photos / "turned.jpg").stat()
    assert [(f.path, f.size, f.mtime_ns) for f in record.files] == [
        (str(photos / "turned.jpg"), found.st_size, found.st_mtime_ns)
    ]


def refuse_to_open(monkeypatch: pytest.MonkeyPatch, below: Path) -> None:
    """Make opening anything at or below a path fail, as chmod would, but for root too."""
    system_open = os.open

    def refuse(path: str, *arguments: int, **options: int) -> int:
        if str(path).startswith(str(below)):
            raise PermissionError(13, "Permission denied", path)
        return system_open(path, *arguments, **options)

    monkeypatch.setattr(os, "open", refuse)


def test_a_second_run_opens_no_file_and_loads_no_encoder(
    run: Ingest, settings: Settings, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run()
    refuse_to_open(monkeypatch, photos)
    editor = open_store(settings).edit("photos")
    report = ingest([photos], editor, lambda: pytest.fail("the encoder was loaded"))
    editor.close()
    assert (report.indexed, report.unchanged) == (0, 5)


def test_a_broken_file_is_named_and_blames_no_neighbour(run: Ingest, settings: Settings, photos: Path) -> None:
    (photos / "cold" / "bust.png").write_bytes((photos / "cold" / "blue.png").read_bytes()[:60])
    (photos / "cold" / "empty.jpg").touch()
    report = run()
    assert {(Path(path).name, reason) for path, reason, _ in report.unreadable} == {
        ("bust.png", Reason.DAMAGED),
        ("empty.jpg", Reason.EMPTY),
    }
    assert report.indexed == 5
    assert sorted(stored(settings)) == ["black.png", "blue.png", "gold.png", "green.png", "red.png"]


def test_a_broken_file_is_not_opened_again_until_it_changes(run: Ingest, photos: Path) -> None:
    bust = photos / "bust.png"
    bust.write_bytes(b"no picture")
    run()
    again = run()
    assert (again.remembered, again.to_read) == (1, 0)
    assert [Path(path).name for path, _, _ in again.unreadable] == ["bust.png"]
    Image.new("RGB", (3, 3), "red").save(bust)
    assert run().indexed == 1


def test_a_passing_failure_is_tried_again(run: Ingest, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_to_open(monkeypatch, photos / "warm" / "red.png")
    assert [reason for _, reason, _ in run().unreadable] == [Reason.NO_PERMISSION]
    monkeypatch.undo()
    report = run()
    assert (report.indexed, report.unchanged) == (1, 4)


def test_the_same_bytes_in_several_files_are_one_point(
    run: Ingest, settings: Settings, encoder: LetterEncoder, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)  # then one batch holds both files
    copy = photos / "zoo" / "copy.png"
    copy.parent.mkdir()
    copy.write_bytes((photos / "warm" / "red.png").read_bytes())
    report = run(batch_size=8)
    assert (report.indexed, report.updated, encoder.encoded) == (5, 1, 5)
    assert [file.path for file in stored(settings)["red.png"].files] == [str(photos / "warm" / "red.png"), str(copy)]


def test_a_copy_found_later_is_a_place_and_not_an_encode(
    run: Ingest, settings: Settings, encoder: LetterEncoder, photos: Path
) -> None:
    run()
    (photos / "another.png").write_bytes((photos / "warm" / "red.png").read_bytes())
    report = run()
    assert (report.indexed, report.updated, encoder.encoded) == (0, 1, 5)
    assert len(stored(settings)["another.png"].files) == 2


def test_an_edited_file_replaces_its_old_picture(run: Ingest, settings: Settings, photos: Path) -> None:
    run()
    Image.new("RGB", (41, 30), "blue").save(photos / "warm" / "red.png")
    assert run().indexed == 1
    records = stored(settings)
    assert len(records) == 5
    assert records["red.png"].width == 41


def test_an_edited_file_leaves_the_picture_that_another_file_still_holds(
    run: Ingest, settings: Settings, photos: Path
) -> None:
    (photos / "keeper.png").write_bytes((photos / "warm" / "red.png").read_bytes())
    run()
    Image.new("RGB", (41, 30), "blue").save(photos / "warm" / "red.png")
    run()
    records = stored(settings)
    assert [file.path for file in records["keeper.png"].files] == [str(photos / "keeper.png")]
    assert records["red.png"].width == 41


def test_two_files_that_swap_their_pictures_lose_none(run: Ingest, settings: Settings, photos: Path) -> None:
    run()
    red, gold = photos / "warm" / "red.png", photos / "warm" / "gold.png"
    one, two = red.read_bytes(), gold.read_bytes()
    red.write_bytes(two)
    gold.write_bytes(one)
    touch(red)
    touch(gold)
    report = run()
    assert (report.indexed, report.updated) == (0, 2)
    assert len(stored(settings)) == 5


def test_a_file_that_was_only_touched_is_not_encoded(run: Ingest, encoder: LetterEncoder, photos: Path) -> None:
    run()
    touch(photos / "warm" / "red.png")
    assert (run().updated, encoder.encoded) == (1, 5)
    assert run().unchanged == 5


def test_captions_are_kept_and_can_be_given_later(run: Ingest, settings: Settings, photos: Path) -> None:
    run()
    rows = [Caption("warm/red.png", "a red wall"), Caption("blue.png", "the sky"), Caption("blue.png", "the sea")]
    captions = CaptionsByPath(rows, photos)
    report = run(captions=captions)
    assert (report.indexed, report.updated) == (0, 5)
    records = stored(settings)
    assert records["red.png"].captions == ("a red wall",)
    assert records["blue.png"].captions == ("the sky", "the sea")
    assert run(captions=captions).unchanged == 5
    assert run().unchanged == 5, "without a captions file those that are there stay"
    assert stored(settings)["red.png"].captions == ("a red wall",)


def test_captions_that_were_taken_back_go(run: Ingest, settings: Settings, photos: Path) -> None:
    run(captions=CaptionsByPath([Caption("red.png", "a red wall")], photos))
    run(captions=CaptionsByPath([], photos))
    assert stored(settings)["red.png"].captions == ()


def test_a_passing_failure_is_listed_too(run: Ingest, settings: Settings, photos: Path) -> None:
    tifffile.imwrite(photos / "volume.tif", np.zeros((16, 32, 32), np.uint16), volumetric=True, tile=(16, 16, 16))
    run()
    editor = open_store(settings).edit("photos")
    assert [(entry.file.path, entry.reason) for entry in editor.journal.failures()] == [
        (str(photos / "volume.tif"), Reason.UNSUPPORTED)
    ]
    editor.close()


def test_a_damaged_picture_is_named(run: Ingest, photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    Image.fromarray(noise).save(photos / "half.jpg", quality=90)
    whole = (photos / "half.jpg").read_bytes()
    (photos / "half.jpg").write_bytes(whole[: len(whole) // 2])
    report = run()
    ((path, note),) = report.damaged
    assert (path, report.indexed) == (str(photos / "half.jpg"), 6)
    print_summary(report, 1)
    shown = capsys.readouterr().out
    assert "of these damaged\t1\n" in shown
    assert f"damaged file\t{photos}/half.jpg\t{note}\n" in shown


def test_an_encoder_that_cannot_be_loaded_while_the_walk_goes_on(settings: Settings, tmp_path: Path) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for number in range(3000):
        (many / f"{number}.jpg").touch()

    def fail() -> LetterEncoder:
        raise EncoderError("no such encoder")

    for _ in range(20):
        editor = open_store(settings).edit("photos")
        with pytest.raises(EncoderError):
            ingest([many], editor, fail)
        editor.close()


def test_a_file_that_is_named_may_have_any_suffix(run: Ingest, photos: Path, tmp_path: Path) -> None:
    odd = tmp_path / "picture.data"
    odd.write_bytes((photos / "warm" / "red.png").read_bytes())
    assert run(odd).indexed == 1


def test_a_missing_root_stops_the_run_and_keeps_nothing_open(run: Ingest, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no folder or file"):
        run(tmp_path / "nowhere")


def test_another_encoder_is_refused_before_anything_is_written(
    run: Ingest, settings: Settings, encoder: LetterEncoder, photos: Path
) -> None:
    run()
    Image.new("RGB", (5, 5), "gold").save(photos / "new.png")
    encoder.spec = Spec(encoder="other", dimension=26, space="other", text="other")
    with pytest.raises(SpecMismatch, match="name it with --encoder"):
        run()
    assert len(stored(settings)) == 5


def test_a_bad_vector_stops_the_run_and_what_was_flushed_stays(
    run: Ingest, settings: Settings, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run()
    Image.new("RGB", (5, 5), "gold").save(photos / "new.png")
    nan = np.full((1, 26), np.nan, np.float32)
    monkeypatch.setattr(LetterEncoder, "encode_pixels", lambda *_: nan)
    with pytest.raises(EncoderError, match="finite"):
        run()
    monkeypatch.undo()
    assert run().indexed == 1
    assert len(stored(settings)) == 6


def test_an_interrupted_run_is_gone_on_with(
    run: Ingest, settings: Settings, encoder: LetterEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.writer.WRITE_EVERY", 2)
    encode = LetterEncoder.encode_pixels

    def stop_at_the_red_picture(self: LetterEncoder, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        if (pixels[:, :, 0, 0] == COLOURS["red"]).all(axis=1).any():
            raise KeyboardInterrupt
        return encode(self, pixels)

    monkeypatch.setattr(LetterEncoder, "encode_pixels", stop_at_the_red_picture)
    with pytest.raises(KeyboardInterrupt):
        run()
    monkeypatch.setattr(LetterEncoder, "encode_pixels", encode)
    report = run()
    assert (report.unchanged, report.indexed, encoder.encoded) == (4, 1, 5)
    assert len(stored(settings)) == 5


def test_work_is_done_ahead_in_order_and_within_bounds() -> None:
    at_once, most, lock = 0, 0, threading.Lock()

    def work(number: int) -> int:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.001 * (number % 3))
        return number

    with ThreadPoolExecutor(4) as pool:
        taken = []
        for number in ahead(pool, work, range(50), 6, Stop()):
            taken.append(number)
            with lock:
                at_once -= 1
    assert taken == list(range(50))
    assert 1 < most <= 6


def test_a_walk_in_the_background_does_not_wait_to_be_taken_from() -> None:
    walked = threading.Event()

    def walk() -> Iterator[int]:
        yield from range(1000)
        walked.set()

    numbers = in_background(walk())
    assert next(numbers) == 0
    assert walked.wait(5)
    assert list(numbers) == list(range(1, 1000))


def test_what_the_walk_raises_is_raised_where_it_is_taken_from() -> None:
    def walk() -> Iterator[int]:
        yield 1
        raise BadInput("no such folder")

    numbers = in_background(walk())
    assert next(numbers) == 1
    with pytest.raises(BadInput):
        next(numbers)
