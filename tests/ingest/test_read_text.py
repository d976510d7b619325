"""`ingest --read-text`: every picture once, kept with the picture, and found by filter and by words."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from letter_encoder import COLOURS, LetterEncoder
from memory_server import memory_server
from PIL import Image

from gallery.errors import CollectionError
from gallery.extras import install
from gallery.records import ImageRecord, TextLine
from gallery.settings import Settings
from gallery.stores import open_store
from ingest.pipeline import ingest
from ingest.read_text import read_text
from ingest.stopping import Stop
from search.engine import SearchEngine
from search.request import Request


class Eye:
    """Reads a uniform picture as the name of its colour, and a black one as no text."""

    def __init__(self, name: str = "eye 1", stop: Stop | None = None) -> None:
        self.name = name
        self.seen: list[str] = []
        self._stop = stop

    def read(self, rgb: Image.Image) -> tuple[TextLine, ...]:
        colour = next(name for name, value in COLOURS.items() if rgb.getpixel((0, 0)) == value)
        self.seen.append(colour)
        if self._stop and len(self.seen) == 3:
            with contextlib.suppress(KeyboardInterrupt):
                self._stop.ask()
        return () if colour == "black" else (TextLine(f"Zürich {colour} 42", 0.9, (0.1, 0.2, 0.9, 0.4)),)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, colour in COLOURS.items():
        Image.new("RGB", (40, 30), colour).save(folder / f"{name}.png")
    return folder


@pytest.fixture(params=["embedded", "memory"])
def settings(request: pytest.FixtureRequest, tmp_path: Path, photos: Path) -> Iterator[Settings]:
    with memory_server() as url:
        settings = Settings(tmp_path / "data", qdrant_url=url if request.param == "memory" else None)
        index(settings, photos)
        yield settings


def index(settings: Settings, photos: Path, encoder: LetterEncoder | None = None) -> None:
    encoder = encoder or LetterEncoder()
    with contextlib.closing(open_store(settings).edit("photos")) as editor:
        editor.change(encoder.spec)
        ingest([photos], editor, lambda: encoder)


def read(settings: Settings, eye: Eye, stop: Stop | None = None) -> tuple[int, int, int, int]:
    with contextlib.closing(open_store(settings).edit("photos", new=False)) as editor:
        report = read_text(editor, eye, stop=stop)
    return report.done, report.with_text, report.unread, report.known


def records(settings: Settings) -> dict[str, ImageRecord]:
    with contextlib.closing(open_store(settings).open("photos")) as collection:
        return {Path(record.path).stem: record for record in collection.records()}


@pytest.fixture
def engine(settings: Settings) -> Iterator[SearchEngine]:
    read(settings, Eye())
    engine = SearchEngine.open(settings, "photos", text_encoder=LetterEncoder())
    yield engine
    engine.close()


def test_each_picture_is_read_once_by_each_reader(settings: Settings) -> None:
    count = len(COLOURS)
    assert read(settings, Eye()) == (count, count - 1, 0, 0)
    again = Eye()
    assert read(settings, again) == (0, 0, 0, count)
    assert again.seen == []
    assert read(settings, Eye("eye 2"))[0] == count
    assert {record.text_reader for record in records(settings).values()} == {"eye 2"}


def test_text_comes_with_its_confidence_and_its_box(settings: Settings) -> None:
    read(settings, Eye())
    kept = records(settings)
    assert kept["red"].text == (TextLine("Zürich red 42", 0.9, (0.1, 0.2, 0.9, 0.4)),)
    assert kept["black"].text == ()


def test_a_run_that_is_stopped_keeps_what_it_read_and_the_next_one_goes_on(settings: Settings) -> None:
    stop = Stop()
    first, second = Eye(stop=stop), Eye()
    with pytest.raises(KeyboardInterrupt):
        read(settings, first, stop)
    assert read(settings, second)[0] == len(COLOURS) - len(first.seen)
    assert sorted(first.seen + second.seen) == sorted(COLOURS)
    assert all(record.text_reader for record in records(settings).values())


def test_files_that_are_gone_or_damaged_are_passed_over_and_tried_again(settings: Settings, photos: Path) -> None:
    gone = photos / "red.png"
    kept = gone.read_bytes()
    gone.unlink()
    (photos / "blue.png").write_bytes(b"x" * (photos / "blue.png").stat().st_size)
    assert read(settings, Eye())[2] == 2
    assert records(settings)["red"].text_reader is None
    gone.write_bytes(kept)
    assert read(settings, Eye()) == (2, 1, 1, len(COLOURS) - 2)


def test_text_survives_another_ingest_and_another_encoder(settings: Settings, photos: Path) -> None:
    read(settings, Eye())
    before = {name: (record.text, record.text_reader) for name, record in records(settings).items()}
    os.utime(photos / "red.png", (1, 1))
    (photos / "copy.png").write_bytes((photos / "gold.png").read_bytes())
    index(settings, photos)
    other = LetterEncoder()
    other.spec = replace(other.spec, encoder="other", space="other", text="other")
    index(settings, photos, other)
    after = records(settings)
    assert {name: (after[name].text, after[name].text_reader) for name in before if name in after} == {
        name: values for name, values in before.items() if name in after
    }
    assert after.keys() >= before.keys() - {"gold"}


def test_what_is_read_is_found_by_filter_and_by_words_with_the_reason(engine: SearchEngine) -> None:
    def names(**asked: object) -> list[str]:
        return [Path(hit.path).stem for hit in engine.answer(Request.model_validate(asked)).hits]

    assert names(q="text:ZURICH text:red") == ["red"]
    assert names(q='text:"42 gold"') == ["gold"]
    assert names(q="text:zur") == []
    assert names(q="-has:text") == ["black"]
    found = engine.answer(Request(q="zürich gold", word_weight=1.0, why=True, hybrid=True)).hits[0]
    assert Path(found.path).stem == "gold"
    assert found.words == ["zürich", "gold"]
    assert found.text == ["Zürich gold 42"]


def test_a_collection_that_is_not_there_is_one_sentence(settings: Settings) -> None:
    with (
        pytest.raises(CollectionError, match="there is no collection nothing"),
        contextlib.closing(open_store(settings).edit("nothing", new=False)) as editor,
    ):
        read_text(editor, Eye())


def test_without_the_package_one_sentence_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "rapidocr.py").write_text("raise ImportError")
    environ = os.environ | {"PYTHONPATH": str(tmp_path), "DATA_DIR": str(tmp_path / "data")}
    done = subprocess.run(
        [sys.executable, "-m", "ingest", "--read-text"], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == f"Error: reading text in pictures needs a package: {install('ocr')}\n"
