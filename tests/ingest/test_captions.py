"""Captions files as people and other programs write them."""

import unicodedata
from contextlib import closing
from pathlib import Path

import pytest
from letter_encoder import LetterEncoder
from PIL import Image

from gallery.records import Caption
from gallery.settings import Settings
from gallery.stores import open_store
from ingest.captions import CaptionsByPath
from ingest.pipeline import ingest

NFC, NFD = (unicodedata.normalize(form, "Café.jpg") for form in ("NFC", "NFD"))


def grown(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def named(folder: Path, *names: str) -> CaptionsByPath:
    return CaptionsByPath([Caption(name, f"about {name}") for name in names], folder)


@pytest.mark.parametrize(
    ("stored", "written"),
    [
        ("a.jpg", "a.jpg"),
        ("a.jpg", " a.jpg "),
        ("win/a.jpg", "win\\a.jpg"),
        ("win/a.jpg", ".\\win\\a.jpg"),
        ("sub/a.jpg", "./sub/../sub/a.jpg"),
        ("a.jpg", "/home/someone/photos/a.jpg"),
        ("sub/a.jpg", "/home/someone/photos/sub/a.jpg"),
        ("sub/a.jpg", "C:\\photos\\sub\\a.jpg"),
        ("deep/sub/a.jpg", "a.jpg"),
        (NFD, NFC),
        (NFC, NFD),
    ],
)
def test_a_picture_is_found_by_what_its_name_means(tmp_path: Path, stored: str, written: str) -> None:
    captions = named(grown(tmp_path, stored), written)
    assert captions.of(str(tmp_path / stored)) == (f"about {written}",)
    assert captions.unmatched() == []


def test_a_name_beside_the_captions_file_is_not_that_of_another_folder(tmp_path: Path) -> None:
    captions = named(grown(tmp_path, "a.jpg", "sub/a.jpg"), "a.jpg")
    assert captions.of(str(tmp_path / "a.jpg")) == ("about a.jpg",)
    assert captions.of(str(tmp_path / "sub/a.jpg")) == ()


def test_names_that_match_nothing_are_listed_with_what_may_have_been_meant(tmp_path: Path) -> None:
    captions = named(grown(tmp_path, "A.JPG", "b.jpg"), "a.jpg", "b.jpg", "gone.jpg")
    captions.of(str(tmp_path / "b.jpg"))
    captions.of(str(tmp_path / "A.JPG"))
    assert captions.unmatched() == ["a.jpg (there is A.JPG)", "gone.jpg"]
    assert captions.names == 3


@pytest.mark.parametrize("captioned", ["a.png", "b.png"])
def test_a_copy_without_a_caption_leaves_that_of_the_other(tmp_path: Path, captioned: str) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("a.png", "b.png"):
        Image.new("RGB", (9, 9), "red").save(photos / name)
    captions = CaptionsByPath([Caption(captioned, "a red wall")], photos)
    settings = Settings(data_dir=tmp_path / "data")
    with closing(open_store(settings).edit("photos")) as editor:
        ingest([photos], editor, LetterEncoder, captions=captions)
    with closing(open_store(settings).open("photos")) as collection:
        ((record, _),) = collection.scan()
    assert record.captions == ("a red wall",)
