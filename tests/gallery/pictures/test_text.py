"""Text in pictures, read by the real networks."""

import socket
from pathlib import Path

import matplotlib as mpl
import pytest
from PIL import Image, ImageDraw, ImageFont

from gallery.errors import BadInput
from gallery.pictures.text import READ_AT, Networks


@pytest.fixture(scope="module")
def networks() -> Networks:
    pytest.importorskip("rapidocr", exc_type=ImportError)
    return Networks()


def page(*lines: str, size: int = 28, turned: int = 0) -> Image.Image:
    font = ImageFont.truetype(str(Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), size)
    sheet = Image.new("RGB", (800, 600), "white")
    for number, line in enumerate(lines):
        ImageDraw.Draw(sheet).text((100, 60 + 3 * number * size), line, "black", font)
    return sheet.rotate(turned, expand=True)


def test_lines_are_read_in_order_with_their_boxes(networks: Networks) -> None:
    lines = networks.read(page("Invoice number 4711", "Total 12.50 EUR"))
    assert [line.text for line in lines] == ["Invoice number 4711", "Total 12.50 EUR"]
    left, top, right, bottom = lines[0].box
    assert left == pytest.approx(100 / 800, abs=0.02)
    assert 60 / 600 < (top + bottom) / 2 < (60 + 40) / 600
    assert 0.3 < right - left < 0.5
    assert all(0.9 < line.confidence <= 1 for line in lines)


@pytest.mark.parametrize("turned", [90, 180, 270])
def test_text_that_is_turned_is_read(networks: Networks, turned: int) -> None:
    assert [line.text for line in networks.read(page("Station closed", turned=turned))] == ["Station closed"]


def test_small_text_in_a_large_picture_is_read(networks: Networks) -> None:
    large = Image.new("RGB", (2400, 1800), "white")
    assert large.width * large.height > 2 * READ_AT
    large.paste(page("Platform seven", "Departure", size=36), (900, 700))
    assert [line.text for line in networks.read(large)] == ["Platform seven", "Departure"]


@pytest.mark.parametrize("size", [(1, 1), (5, 400), (400, 300), (3000, 17)])
def test_pictures_without_text_have_none(networks: Networks, size: tuple[int, int]) -> None:
    assert networks.read(Image.new("RGB", size, "green")) == ()


def test_nothing_is_fetched(networks: Networks, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        pytest.fail("a connection was made")

    monkeypatch.setattr(socket.socket, "connect", refused)
    other = Networks()
    assert other.read(page("Bakery"))[0].text == "Bakery"
    assert other.name == networks.name


def test_the_networks_of_a_folder_are_used(networks: Networks, tmp_path: Path) -> None:
    import rapidocr

    packaged = Path(rapidocr.__file__).parent / "models"
    recogniser = next(packaged.glob("*rec*.onnx"))
    (tmp_path / "mine_rec.onnx").symlink_to(recogniser)
    mine = Networks(tmp_path)
    assert mine.name.split()[1:] == ["mine_rec", *networks.name.split()[2:]]
    assert mine.read(page("Bakery"))[0].text == "Bakery"


def test_a_folder_that_lacks_a_network_or_holds_none_is_refused(networks: Networks, tmp_path: Path) -> None:
    assert networks
    with pytest.raises(BadInput, match=r"has 0 files \*rec\*.onnx"):
        Networks(tmp_path)
    (tmp_path / "my_rec.onnx").write_bytes(b"nothing")
    with pytest.raises(BadInput, match="which characters it reads"):
        Networks(tmp_path)
    (tmp_path / "keys.txt").write_text("a\nb\n")
    with pytest.raises(BadInput, match="cannot be opened"):
        Networks(tmp_path)
