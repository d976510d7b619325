"""Drawn text: complete if there is room, or else cut, and never as boxes."""

import pytest

from search.lettering import LONGEST, font_for, lines_of, written


@pytest.mark.parametrize("text", ["a cat", "кошка на крыше", "γάτα", "à l'été"])
def test_letters_of_europe_are_drawn_as_they_are(text: str) -> None:
    assert lines_of(text, 20, 1000) == [text]


def test_what_no_font_has_is_an_escape() -> None:
    assert written("a\U000f0000\udcff\0b", 20) == "a\\U000f0000\\udcff\\x00b"


def test_long_texts_go_on_in_the_next_line_and_end_in_an_ellipsis() -> None:
    words = [f"word{number}" for number in range(40)]
    lines = lines_of(" ".join(words), 20, 300, 3)
    assert len(lines) == 3
    assert lines[-1].endswith("…")
    shown = " ".join(lines)[:-1].split()
    assert shown[:-1] == words[: len(shown) - 1]
    assert all(font_for(line, 20).getlength(line) <= 300 for line in lines)


def test_a_word_that_is_wider_than_a_line_is_broken() -> None:
    lines = lines_of("x" * 60, 20, 200, 9)
    assert len(lines) > 1
    assert "".join(lines) == "x" * 60
    assert all(font_for(line, 20).getlength(line) <= 200 for line in lines)
    (only,) = lines_of("x" * 60, 20, 200)
    assert only.startswith("xxx")
    assert only.endswith("…")


def test_odd_texts() -> None:
    assert lines_of("", 20, 100) == [""]
    assert lines_of(" \n ", 20, 100) == [""]
    assert len(lines_of("x " * 100_000, 14, 1500, 3)) <= 3
    assert len(written("y" * 100_000, 14)) == LONGEST
    assert lines_of("W", 20, 1) == ["W"] or lines_of("W", 20, 1) == ["W…"]
