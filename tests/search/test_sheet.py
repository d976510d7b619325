"""Sheets of hits, and previews in a terminal."""

import base64
import io
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from gallery.errors import BadInput, Reason, UnreadableImage
from gallery.records import Hit, ImageFile, ImageRecord
from search import sheet as sheets
from search.answer import Answer, AnswerHit
from search.preview import show_previews
from search.sheet import TALLEST, WIDTH, Row, html_sheet, picture_sheet, write_sheet


def thumbnail(hit: AnswerHit) -> bytes:
    if "gone" in hit.path:
        raise UnreadableImage(Reason.VANISHED, "the file is gone")
    target = io.BytesIO()
    Image.new("RGB", (hit.width, hit.height), "red").save(target, "JPEG")
    return target.getvalue()


@pytest.fixture
def hit(make_record: Callable[..., ImageRecord]) -> Callable[..., AnswerHit]:
    def make(path: str = "/a/b.jpg", width: int = 300, height: int = 200) -> AnswerHit:
        found = Hit(make_record(1, files=(ImageFile(path, 1, 1),), width=width, height=height), 0.5)
        return Answer("", "letters", "c").filled([found], (), scored=True).hits[0]

    return make


def reds(sheet: Image.Image) -> int:
    pixels = np.asarray(sheet)
    return int(((pixels[..., 0] > 200) & (pixels[..., 1] < 60)).sum())


def test_a_sheet_shows_every_hit_in_its_shape(hit: Callable[..., AnswerHit]) -> None:
    sheet = picture_sheet([Row("dogs", [hit(), hit(width=200, height=400)])], thumbnail)
    assert sheet.width == WIDTH
    assert reds(sheet) == pytest.approx(TALLEST**2 * (1.5 + 0.5), rel=0.03)  # but for the edge


def test_hits_go_on_in_a_new_line_and_queries_in_a_row_each(hit: Callable[..., AnswerHit]) -> None:
    one = picture_sheet([Row("a", [hit()])], thumbnail)
    assert picture_sheet([Row("a", [hit()] * 10)], thumbnail).height > 1.5 * one.height
    assert picture_sheet([Row("a", [hit()]), Row("b", [hit()])], thumbnail).height > 1.8 * one.height
    assert reds(picture_sheet([Row("a", [hit()]), Row("b", [hit()])], thumbnail)) == pytest.approx(
        2 * reds(one), rel=0.02
    )


def test_lines_are_as_full_as_each_other_and_nothing_is_stretched(hit: Callable[..., AnswerHit]) -> None:
    hits = [hit(width=width, height=100) for width in (100, 150, 60, 200, 150, 150, 70, 150, 150, 90)]
    tiles = list(sheets._placed(hits, 0))
    assert [tile.hit for tile in tiles] == hits
    heights = {tile.y: tile.height for tile in tiles}
    assert len(heights) == 2
    assert max(heights.values()) < 1.3 * min(heights.values())
    for tile, found in zip(tiles, hits, strict=True):
        assert tile.width / tile.height == pytest.approx(found.width / 100, rel=0.01)
        assert tile.x + tile.width <= WIDTH - 20


def test_a_picture_of_an_extreme_shape_is_shown_whole_and_not_stretched(hit: Callable[..., AnswerHit]) -> None:
    assert reds(picture_sheet([Row("a", [hit(width=2000, height=200)])], thumbnail)) == pytest.approx(
        (4 * TALLEST) ** 2 / 10, rel=0.05
    )


def test_what_has_no_score_has_its_date(hit: Callable[..., AnswerHit]) -> None:
    assert "<b>0.500</b> b.jpg" in html_sheet([Row("a", [hit()])], thumbnail)
    assert re.search(r"<b>\d{4}-\d\d-\d\d</b> b.jpg", html_sheet([Row("a", [replace(hit(), score=None)])], thumbnail))


def test_a_sheet_without_end_is_refused(hit: Callable[..., AnswerHit], tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="name a"):
        write_sheet(tmp_path / "out.png", [Row("a", [hit()])] * 300, thumbnail)


def test_what_cannot_be_shown_leaves_a_grey_field(hit: Callable[..., AnswerHit]) -> None:
    assert reds(picture_sheet([Row("", [hit("/gone.jpg")])], thumbnail)) == 0
    assert "cannot be shown" in html_sheet([Row("", [hit("/gone.jpg")])], thumbnail)


def test_no_hits_and_odd_texts_and_shapes(hit: Callable[..., AnswerHit]) -> None:
    assert picture_sheet([Row("nothing", [])], thumbnail).height < TALLEST
    assert "no picture" in html_sheet([Row("nothing", [])], thumbnail)
    picture_sheet([], thumbnail)
    odd = [hit("/\udcff\n.jpg"), hit(width=20000, height=10), hit(width=1, height=9000)]
    assert picture_sheet([Row("кот 🐈 " * 500 + "\n\0\udcff", odd)], thumbnail).width == WIDTH


def test_the_html_holds_its_pictures_and_escapes_names(hit: Callable[..., AnswerHit]) -> None:
    text = html_sheet([Row("<script>", [hit("/<img onerror=x>.jpg")])], thumbnail)
    assert "<script" not in text
    assert "<img onerror" not in text
    data = re.findall(r"base64,([^\"]+)", text)
    with Image.open(io.BytesIO(base64.b64decode(data[0]))) as image:
        assert image.size == (300, 200)


def test_the_suffix_says_which(hit: Callable[..., AnswerHit], tmp_path: Path) -> None:
    rows = [Row("a", [hit()])]
    write_sheet(tmp_path / "out.png", rows, thumbnail)
    write_sheet(tmp_path / "out.HTML", rows, thumbnail)
    with Image.open(tmp_path / "out.png") as image:
        assert image.width == WIDTH
    assert (tmp_path / "out.HTML").read_text().startswith("<!doctype html>")
    for path in (tmp_path / "out.gif", tmp_path / "no" / "out.png"):
        with pytest.raises(BadInput, match="--sheet"):
            write_sheet(path, rows, thumbnail)


@pytest.mark.filterwarnings("ignore:Image.Image.getdata is deprecated:DeprecationWarning")  # textual-image's
def test_a_preview_falls_back_to_half_blocks(hit: Callable[..., AnswerHit]) -> None:
    console = Console(file=io.StringIO(), width=60, force_terminal=True, color_system="truecolor")
    with console.capture() as captured:
        show_previews([hit(), replace(hit("/gone.jpg"), rank=2)], thumbnail, console)
    text = captured.get()
    assert "▀" in text or "▄" in text
    assert "vanished" in text
    assert "2  0.500  /gone.jpg" in text
