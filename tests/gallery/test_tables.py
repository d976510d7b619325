from pathlib import Path

import pytest

from gallery.errors import BadInput
from gallery.records import Caption
from gallery.tables import read_captions


def captions(folder: Path, data: bytes) -> list[Caption]:
    path = folder / "captions.csv"
    path.write_bytes(data)
    return read_captions(path)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"image,text\na.jpg,A dog runs\n", "A dog runs"),
        (b"\xef\xbb\xbfimage,text\r\na.jpg,A dog runs\r\n", "A dog runs"),
        (b'image,text\na.jpg,"A dog, running"\n', "A dog, running"),
        (b'image,text\r\na.jpg,"A dog\r\nruns"\r\n', "A dog\r\nruns"),
        (b'image,text\na.jpg,"A ""dog"""', 'A "dog"'),
        (b"image,text\na.jpg, A dog runs  \n", "A dog runs"),
        (b"split,text,image\ntest,A dog runs,a.jpg\n", "A dog runs"),
        (b"image,text\n\na.jpg,A dog runs\n\n", "A dog runs"),
        ("image,text\na.jpg,Собака бежит\n".encode(), "Собака бежит"),
    ],
)
def test_a_row_is_a_caption(tmp_path: Path, data: bytes, text: str) -> None:
    assert captions(tmp_path, data) == [Caption("a.jpg", text)]


def test_captions_keep_the_order_of_their_rows(tmp_path: Path) -> None:
    found = captions(tmp_path, b"image,text\nb,2\na,1\nb,1\n")
    assert found == [Caption("b", "2"), Caption("a", "1"), Caption("b", "1")]


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "line 1: no column image and text;"),
        (b"image\na.jpg\n", "line 1: no column text;"),
        (b"image;text\na.jpg;A dog\n", "line 1: no column image and text;"),
        (b"image,text\na.jpg,A dog\nb.jpg,\n", "line 3: image or text is empty"),
        (b"image,text\na.jpg,A dog\n,A cat\n", "line 3: image or text is empty"),
        (b"image,text\na.jpg\n", "line 2: image or text is empty"),
        (b"image,text\na.jpg,   \n", "line 2: image or text is empty"),
        (b'image,text\na.jpg,"A\ndog"\nb.jpg,\n', "line 4: image or text is empty"),
        (b"image,text\na.jpg,A dog, running\n", "line 2"),
        (b'image,text\na.jpg,"A "dog\n', "line 2"),
        (b"image,text\na.jpg,caf\xe9\n", "UTF-8"),
    ],
)
def test_what_is_no_caption_is_named_with_its_file_and_line(tmp_path: Path, data: bytes, complaint: str) -> None:
    with pytest.raises(BadInput) as caught:
        captions(tmp_path, data)
    assert str(tmp_path / "captions.csv") in str(caught.value)
    assert complaint in str(caught.value)


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match=r"cannot be read \("):
        read_captions(tmp_path / name)
