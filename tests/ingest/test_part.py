"""Parts of a library: every content is in exactly one, wherever its files are."""

import contextlib
from hashlib import sha256
from pathlib import Path

import pytest
from letter_encoder import LetterEncoder
from PIL import Image

from gallery.errors import BadInput
from gallery.settings import Settings
from gallery.stores import open_store
from ingest.part import Part
from ingest.pipeline import ingest


def test_every_content_is_in_one_part_and_parts_are_alike() -> None:
    digests = [sha256(b"%d" % number).hexdigest() for number in range(3000)]
    parts = [Part(number, 3) for number in (1, 2, 3)]
    assert all(sum(part.holds(digest) for part in parts) == 1 for digest in digests)
    assert all(900 < sum(part.holds(digest) for digest in digests) < 1100 for part in parts)


def test_a_part_is_read_as_it_is_written() -> None:
    assert Part.parse("2/5") == Part(2, 5)
    assert Part().holds("f" * 64)


@pytest.mark.parametrize("text", ["", "0/2", "3/2", "1", "1/0", "a/b", "-1/2", "1/2/3"])
def test_what_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="1/4"):
        Part.parse(text)


def test_the_parts_together_are_the_library(tmp_path: Path) -> None:
    for number in range(20):
        Image.new("RGB", (16, 16), (number, 0, 0)).save(tmp_path / f"{number}.png")
    settings = Settings(tmp_path / "data")
    taken = 0
    for part in (Part(1, 2), Part(2, 2), Part(1, 2)):  # one of them again: nothing doubles
        with contextlib.closing(open_store(settings).edit("photos")) as editor:
            report = ingest([tmp_path], editor, LetterEncoder, exclude=["data/"], part=part)
        taken += report.indexed
    assert taken == 20
    with contextlib.closing(open_store(settings).open("photos")) as collection:
        assert collection.count() == 20
