"""What a walk skips: files that users exclude, and those that belong to systems and programs."""

import codecs
import sys
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from gallery.errors import BadInput
from gallery.extras import install
from gallery.pictures import IGNORE_FILE, LeftOut, find_images
from gallery.pictures.finding import EXCLUDED_KIND, JUNK_KIND, OWN_KIND


def grown(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def found(root: Path, exclude: tuple[str, ...] = ()) -> tuple[set[str], Counter[str]]:
    skipped: Counter[str] = Counter()
    names = {str(Path(file.path).relative_to(root)) for file in find_images(root, lambda *_: None, exclude, skipped)}
    left_out = LeftOut(str(root))
    everything = {str(path.relative_to(root)) for path in root.rglob("*.jpg")}
    if not exclude:  # a walk and the check of single paths agree
        assert names == {name for name in everything if not left_out(str(root / name))}
    return names, skipped


@pytest.mark.parametrize(
    "written",
    [
        b"private/\n*.tmp.jpg\n",
        codecs.BOM_UTF8 + b"private/\r\n*.tmp.jpg\r\n",
        codecs.BOM_UTF16_LE + "private/\n*.tmp.jpg".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "private/\n*.tmp.jpg".encode("utf-16-be"),
        "private/\n*.tmp.jpg".encode("utf-16-le"),
        "private/\n*.tmp.jpg".encode("utf-16-be"),
    ],
)
def test_an_ignore_file_counts_however_it_is_encoded(tmp_path: Path, written: bytes) -> None:
    grown(tmp_path, "a.jpg", "private/b.jpg", "c.tmp.jpg", "d/private/e.jpg")
    (tmp_path / IGNORE_FILE).write_bytes(written)
    names, skipped = found(tmp_path)
    assert names == {"a.jpg"}
    assert skipped[EXCLUDED_KIND] == 3


@pytest.mark.parametrize("written", ["Köln Privat/".encode("latin-1"), b"\xff\xfe\0", b"a\0b\0c", b"x" * 2**21])
def test_an_ignore_file_that_cannot_be_read_stops_the_walk(tmp_path: Path, written: bytes) -> None:
    grown(tmp_path, "a.jpg")
    (tmp_path / IGNORE_FILE).write_bytes(written)
    with pytest.raises(BadInput, match="fix or remove it"):
        found(tmp_path)


def test_an_ignore_file_that_is_a_folder_stops_the_walk(tmp_path: Path) -> None:
    (grown(tmp_path, "a.jpg") / IGNORE_FILE).mkdir()
    with pytest.raises(BadInput, match="fix or remove it"):
        found(tmp_path)


@pytest.mark.parametrize("stored", ["NFC", "NFD"])
@pytest.mark.parametrize("typed", ["NFC", "NFD"])
def test_accents_are_compared_however_they_are_composed(tmp_path: Path, stored: str, typed: str) -> None:
    folder = unicodedata.normalize(stored, "Köln")  # type: ignore[arg-type]
    grown(tmp_path, "a.jpg", f"{folder}/b.jpg")
    assert found(tmp_path, (unicodedata.normalize(typed, "Köln/"),))[0] == {"a.jpg"}  # type: ignore[arg-type]


def test_folders_of_systems_and_programs_are_left_out(tmp_path: Path) -> None:
    junk = ["@eaDir", "#recycle", "$RECYCLE.BIN", ".Trash-1000", ".Trashes", "lost+found", ".thumbnails", "Mine.lrdata"]
    grown(tmp_path, "a.jpg", *(f"{folder}/x/b.jpg" for folder in junk), *(f"deep/{folder}/b.jpg" for folder in junk))
    names, skipped = found(tmp_path)
    assert names == {"a.jpg"}
    assert skipped[JUNK_KIND] == 2 * len([folder for folder in junk if folder[0] != "."])


def test_a_data_dir_is_left_out_wherever_it_is_but_not_a_folder_with_names_like_its(tmp_path: Path) -> None:
    grown(tmp_path, "lib/a.jpg", "lib/index/collections/photos/CURRENT", "lib/index/thumbs/480/ab/b.jpg")
    grown(tmp_path, "lib/mine/thumbs/c.jpg", "lib/mine/collections/d.jpg")
    names, skipped = found(tmp_path)
    assert names == {"lib/a.jpg", "lib/mine/thumbs/c.jpg", "lib/mine/collections/d.jpg"}
    assert skipped[OWN_KIND] == 2


def test_what_may_have_been_meant_is_counted_by_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grown(tmp_path, "a.jpg", "b.MP4", "c.mov", "d.svg", "e.pdf", "f.txt", "g.psd")
    monkeypatch.setitem(sys.modules, "av", None)  # as where the extra is missing
    videos = f"videos ({install('video')} to index them)"
    assert found(tmp_path)[1] == {videos: 2, "SVG files": 1, "PDF files": 1, "Photoshop and GIMP files": 1}
