"""Videos in a collection: points for their frames, one file and one hit for each video, in both stores."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_videos import draw_video
from lasting_client import LastingClient
from letter_encoder import COLOURS, LetterEncoder
from PIL import Image
from qdrant_client import QdrantClient

from gallery.pictures import Thumbnails
from gallery.records import ImageRecord, TextLine
from gallery.settings import Settings
from gallery.stores import ONCE, open_store, point_id
from gallery.stores.copying import copy_collection
from gallery.stores.reconciling import forget_what_is_not_there
from gallery.stores.server import store as server_store
from ingest.moving import move
from ingest.pipeline import ingest
from ingest.read_text import read_text
from ingest.refreshing import refresh
from ingest.removal import remove
from ingest.report import IngestReport
from ingest.sharing import publish
from search.answer import Answer
from search.engine import SearchEngine
from search.request import Request
from search.table import format_table, format_tsv
from search.towers import Towers

pytest.importorskip("av", reason="videos are read with PyAV, of the extra `video`")
SAID = {"creation_time": "2021-06-30T20:30:00.000000Z"}


def drawn(folder: Path) -> Path:
    draw_video(folder / "holiday.mp4", said=SAID)
    draw_video(folder / "party" / "gold.mkv", ("gold", "black"))
    Image.new("RGB", (40, 30), COLOURS["red"]).save(folder / "red.png")
    return folder


@contextlib.contextmanager
def indexed(store: str, folder: Path) -> Iterator[Settings]:
    """Index what is drawn into an embedded store, or into a server's double."""
    settings, photos = Settings(data_dir=folder / "data"), drawn(folder / "photos")
    client = LastingClient(":memory:") if store == "memory" else None
    with pytest.MonkeyPatch.context() as patch:
        if client:
            patch.setattr(server_store, "connect", lambda *_: client)
            settings = replace(settings, qdrant_url="http://qdrant")
        index(settings, photos)
        yield settings
    if client:
        QdrantClient.close(client)


@pytest.fixture(params=["embedded", "memory"], scope="module")
def settings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Two videos and a picture, to be looked at alone."""
    with indexed(request.param, tmp_path_factory.mktemp("videos")) as made:
        yield made


@pytest.fixture
def photos(settings: Settings) -> Path:
    return settings.data_dir.parent / "photos"


@pytest.fixture
def own(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """The same for one test that changes it."""
    with indexed(getattr(request, "param", "memory"), tmp_path) as made:
        yield made


def index(settings: Settings, photos: Path, encoder: LetterEncoder | None = None, **options: Any) -> IngestReport:  # noqa: ANN401 - those of `ingest`
    report: IngestReport = edited(
        settings, lambda editor: ingest([photos], editor, lambda: encoder or LetterEncoder(), **options)
    )
    return report


def edited(settings: Settings, work: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - what `work` returns
    with contextlib.closing(open_store(settings).edit("photos")) as editor:
        return work(editor)


def records(settings: Settings) -> list[ImageRecord]:
    with contextlib.closing(open_store(settings).open("photos")) as collection:
        return sorted(collection.records(), key=lambda record: (record.path, record.frame or 0))


def answer(settings: Settings, line: str = "", **options: Any) -> Answer:  # noqa: ANN401 - the fields of Request
    encoder = LetterEncoder()
    with SearchEngine.open(settings, "photos", text_encoder=Towers(encoder, lambda: encoder)) as engine:
        return engine.answer(Request(q=line, **options))


def shown(found: Answer) -> list[tuple[str, str]]:
    return [(Path(hit.path).name, hit.at) for hit in found.hits]


def test_each_frame_is_a_point_and_each_video_is_a_hit_at_its_best_time(settings: Settings, photos: Path) -> None:
    known = records(settings)
    first = known[0]
    assert [(Path(r.path).name, r.frame) for r in known] == [
        *(("holiday.mp4", second) for second in first.frames),
        *(("gold.mkv", second) for second in known[3].frames),
        ("red.png", None),
    ]
    assert [r.id for r in known[:3]] == [point_id(first.sha256, number) for number in range(3)]
    assert (first.taken_at, first.date_source) == ("2021-06-30T20:30:00+00:00", "video")
    found = answer(settings, "green")
    assert shown(found)[0] == ("holiday.mp4", "0:14")
    assert (found.hits[0].score, found.hits[0].kind, found.hits[0].frame) == (1, "video", known[1].frame)
    assert sorted(Path(hit.path).name for hit in found.hits) == ["gold.mkv", "holiday.mp4", "red.png"]
    assert shown(answer(settings, "blue", limit=1))[0] == ("holiday.mp4", "0:24")
    assert "holiday.mp4" in format_table(found)
    assert " at 0:14" in format_table(found)
    assert format_tsv(found.hits).splitlines()[0] == f"1\t1.000000\t{photos / 'holiday.mp4'}", "paths are for programs"


def test_videos_are_counted_once(own: Settings, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    assert (answer(own).total, len(answer(own).hits)) == (3, 3)
    assert [info.pictures for info in open_store(own).overview()] == [3]
    again = index(own, photos)
    assert (again.indexed, again.unchanged, again.videos) == (0, 3, 0)
    draw_video(photos / "new.mp4", ("blue", "gold"))
    report = index(own, photos)
    assert (report.indexed, report.videos, report.frames) == (1, 1, 2)
    encoder = LetterEncoder()
    with SearchEngine.open(own, "photos", text_encoder=encoder) as engine:
        assert sum(engine.contents.facet("folder").values()) == 4
        assert engine.contents.facet("format")["MP4"] == 2
        assert len(engine.search("gold", limit=10)) == 4


def test_kinds_are_filters(settings: Settings) -> None:
    videos = answer(settings, "red kind:video")
    assert (sorted(Path(hit.path).name for hit in videos.hits), videos.total) == (["gold.mkv", "holiday.mp4"], 2)
    for line in ("red kind:picture", "red -kind:video"):
        assert (shown(answer(settings, line)), answer(settings, line).total) == ([("red.png", "")], 1)
    assert shown(answer(settings, "", kind="picture")) == [("red.png", "")]


def test_like_a_video_leaves_all_of_it_out(settings: Settings, photos: Path) -> None:
    green = answer(settings, "green", limit=1).hits[0]
    for value in (green.id, str(photos / "holiday.mp4"), "holiday.mp4"):
        found = answer(settings, f"like:{value}")
        assert sorted(Path(hit.path).name for hit in found.hits) == ["gold.mkv", "red.png"], value
    assert "holiday.mp4 at 0:14" in answer(settings, f"like:{green.id}").meanings[0]
    copy = photos.parent / "elsewhere.mp4"
    draw_video(copy, ("green",))
    assert shown(answer(settings, f"like:{copy}", limit=1)) == [("holiday.mp4", "0:14")]


@pytest.mark.parametrize("own", ["embedded"], indirect=True)
def test_a_video_that_moves_is_copied_or_edited_keeps_one_place_in_all_its_frames(
    own: Settings, tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    shutil.copy(photos / "holiday.mp4", photos / "copy.mp4")
    encoder = LetterEncoder()
    assert (index(own, photos, encoder).updated, encoder.encoded) == (1, 0)
    assert {len(record.files) for record in records(own) if record.format == "MP4"} == {2}
    (photos / "copy.mp4").unlink()
    (photos / "holiday.mp4").rename(photos / "renamed.mp4")
    index(own, photos, encoder, prune=True, prune_all=True)
    assert {Path(record.path).name for record in records(own)} == {"renamed.mp4", "gold.mkv", "red.png"}
    assert encoder.encoded == 0
    draw_video(photos / "renamed.mp4", ("gold",))
    index(own, photos, encoder)
    assert [r.frame for r in records(own) if Path(r.path).name == "renamed.mp4"] == [0.0]
    assert len(records(own)) == 4


def test_what_is_gone_takes_all_of_its_frames_along(own: Settings, tmp_path: Path) -> None:
    photos = tmp_path / "photos"

    def forget(editor: Any) -> None:  # noqa: ANN401 - an editor
        remove(editor, list(editor.journal.under(str(photos / "party"))))
        publish(editor)

    edited(own, forget)
    assert len(records(own)) == 4
    (photos / "holiday.mp4").unlink()
    assert index(own, photos, prune=True, prune_all=True).pruned == 1
    assert {Path(record.path).name for record in records(own)} == {"gold.mkv", "red.png"}, "read again"


def test_folders_that_are_elsewhere_take_the_frames_along(own: Settings, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    (photos / "party").rename(photos / "fest")
    assert edited(own, lambda editor: move(editor, photos / "party", photos / "fest")).moved == 1
    assert [r.path for r in records(own) if r.format == "MKV"] == 2 * [str(photos / "fest" / "gold.mkv")]


def test_text_and_facts_are_of_frames_as_of_pictures(own: Settings, tmp_path: Path) -> None:
    photos = tmp_path / "photos"

    class Eye:
        name = "eye 1"

        def read(self, rgb: Image.Image) -> tuple[TextLine, ...]:
            red, green, _ = np.asarray(rgb)[rgb.height // 2, rgb.width // 2].tolist()
            is_green = green > 100 > red
            return (TextLine("platform nine", 0.9, (0, 0, 1, 1)),) if is_green else ()

    report = edited(own, lambda editor: read_text(editor, Eye()))
    assert (report.pictures, report.with_text) == (6, 1)
    found = answer(own, "red text:platform")
    assert (shown(found), found.total) == ([("holiday.mp4", "0:14")], 1), "of another frame than the best for red"
    assert shown(answer(own, "holiday", hybrid=True, limit=1))[0][0] == "holiday.mp4", "names are words"
    (photos / "holiday.mp4.xmp").write_text(
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title><rdf:Alt><rdf:li>The sea</rdf:li>'
        "</rdf:Alt></dc:title></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    assert edited(own, refresh).changed == 3
    assert {r.captions for r in records(own) if r.format == "MP4"} == {("The sea",)}
    assert [bool(r.text) for r in records(own)] == [False, True, False, False, False, False]


def test_thumbnails_are_of_the_frame(settings: Settings) -> None:
    thumbnails = Thumbnails(settings.data_dir)
    holiday = [record for record in records(settings) if record.format == "MP4"]
    assert len({thumbnails.jpeg(record) for record in holiday}) == 3
    assert len(list((settings.data_dir / "thumbs").rglob("*.jpg"))) == 3
    thumbnails.remove([holiday[0].sha256])
    assert list((settings.data_dir / "thumbs").rglob("*.jpg")) == []


def test_a_collection_with_videos_is_sound_and_a_copy_is_the_same(settings: Settings, tmp_path: Path) -> None:
    assert [found for found in open_store(settings).check("photos") if "no index" not in found.what] == []
    target = Settings(data_dir=tmp_path / "copies")
    assert copy_collection(settings, "photos", target, "photos").compared == 6
    assert records(target) == records(settings)
    with contextlib.closing(open_store(target).journal("photos")) as journal:
        assert (journal.pictures(), journal.points()) == (3, 6)


@pytest.mark.parametrize("own", ["embedded"], indirect=True)
def test_a_frame_that_was_lost_is_found_to_be_and_read_again(own: Settings, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    wanted = records(own)

    def lose(editor: Any) -> int:  # noqa: ANN401 - an editor
        editor.begin(editor.spec)
        editor.delete([wanted[1].id])
        editor.flush()
        lost = forget_what_is_not_there(editor.journal, editor.points)
        publish(editor)
        return lost

    assert edited(own, lose) == 1
    assert index(own, photos).indexed == 1
    assert [(r.id, r.files) for r in records(own)] == [(r.id, r.files) for r in wanted]
    assert open_store(own).check("photos") == []


def test_frames_of_one_video_are_no_stack_and_those_of_its_copies_are(settings: Settings) -> None:
    assert len({record.stack for record in records(settings)}) == 6
    assert answer(settings, "has:duplicates").total == 0
    assert sorted(shown(answer(settings, "gold", group="near-duplicates")))[0] == ("gold.mkv", "0:00")


def test_a_video_that_cannot_be_read_is_counted_and_not_read_again(own: Settings, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    (photos / "bad.mp4").write_bytes(b"no video" * 100)
    report = index(own, photos)
    assert [(Path(path).name, detail) for path, _, detail in report.unreadable] == [
        ("bad.mp4", "no video format that is known here")
    ]
    assert index(own, photos).remembered == 1
    before = (photos / "holiday.mp4").read_bytes()
    (photos / "holiday.mp4").write_bytes(before[:500])
    assert len(index(own, photos).unreadable) == 2
    assert len(records(own)) == 6, "what it held is kept"
    (photos / "holiday.mp4").write_bytes(before)
    os.utime(photos / "holiday.mp4", (1, 1))
    assert index(own, photos).updated == 1
    with contextlib.closing(open_store(own).open("photos")) as collection:
        assert (collection.count(), collection.count(ONCE)) == (6, 3)


def test_another_encoder_sees_videos_as_well(own: Settings, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    other = LetterEncoder()
    other.spec = replace(other.spec, encoder="new", space="letters 2", text="letters 2")

    def change(editor: Any) -> None:  # noqa: ANN401 - an editor
        editor.change(other.spec)
        ingest([photos], editor, lambda: other)

    edited(own, change)
    assert (len(records(own)), other.encoded) == (6, 6)
