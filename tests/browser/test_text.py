"""The text in a picture: marked at its position, and listed."""

import contextlib
from collections.abc import Iterator

import pytest
from letter_encoder import LetterEncoder
from PIL import Image
from playwright.sync_api import Page, expect
from served import Served, draw, index, served_again

from gallery.records import TextLine
from gallery.settings import Settings
from gallery.stores import open_store
from ingest.read_text import read_text

LINES = (TextLine("Closed <today>", 0.9, (0.1, 0.2, 0.6, 0.3)), TextLine("42", 0.8, (0.5, 0.5, 1.0, 0.9)))


class Eye:
    """Sees the same two lines in every picture."""

    name = "eye"

    def read(self, _: Image.Image) -> tuple[TextLine, ...]:
        return LINES


@pytest.fixture(scope="module")
def with_text(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("text")
    settings = Settings(data_dir=root / "data")
    draw(root / "photos")
    Image.new("RGB", (3000, 1000), "red").save(root / "photos" / "wide.png")
    Image.new("RGB", (300, 2000), "blue").save(root / "photos" / "tall.png")
    index(settings, root / "photos", LetterEncoder())
    with contextlib.closing(open_store(settings).edit("drawn")) as editor:
        read_text(editor, Eye())
    with served_again(settings, root / "photos") as running:
        yield running


@pytest.fixture
def address(with_text: Served) -> str:
    return with_text.address


@pytest.mark.parametrize("width", [390, 1300])
@pytest.mark.parametrize("name", ["red.png", "wide.png", "tall.png"])
def test_boxes_lie_where_the_text_is_in_every_shape(page: Page, with_text: Served, name: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 700})
    page.goto(f"/pictures/{with_text.id_of(name)}")
    page.wait_for_load_state("networkidle")
    picture = page.locator(".large img").bounding_box()
    assert picture
    for rect, line in zip(page.locator(".boxes rect").all(), LINES, strict=True):
        box = rect.bounding_box()
        assert box
        fractions = [
            (box["x"] - picture["x"]) / picture["width"],
            (box["y"] - picture["y"]) / picture["height"],
            (box["x"] + box["width"] - picture["x"]) / picture["width"],
            (box["y"] + box["height"] - picture["y"]) / picture["height"],
        ]
        sides = (picture["width"], picture["height"]) * 2
        assert fractions == [pytest.approx(at, abs=2 / side) for at, side in zip(line.box, sides, strict=True)]


def test_text_is_listed_and_its_boxes_go_with_the_list(page: Page, with_text: Served) -> None:
    page.goto(f"/pictures/{with_text.id_of('red.png')}")
    assert page.locator(".text li").all_inner_texts() == [line.text for line in LINES]
    page.get_by_text("Text in the picture").click()
    expect(page.locator(".boxes")).to_be_hidden()


def test_a_filter_by_text_is_in_the_address(page: Page) -> None:
    page.goto("/?text=closed&has=text")
    assert len(page.locator(".grid .name").all()) == 9
    page.locator(".grid a").first.click()
    page.wait_for_url("**/pictures/*?*text=closed*")
    page.locator("#back").click()
    page.wait_for_url("**/?*text=closed*")
