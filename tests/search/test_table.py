"""The printed hits."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from gallery.records import Hit, ImageFile, ImageRecord
from search.answer import Answer
from search.grouping import Group
from search.table import format_groups, format_table, format_tsv, summary

ODD = "/photos/[bold]new\nline\t\x1b[31m.jpg"
PRINTED = "/photos/[bold]new\\nline\\t\\x1b[31m.jpg"


@pytest.fixture
def found(make_record: Callable[..., ImageRecord]) -> list[Hit]:
    return [
        Hit(make_record(1, files=(ImageFile("/photos/a.jpg", 1, 1),)), 0.31234567),
        Hit(make_record(2, files=(ImageFile(ODD, 1, 1),)), -0.5),
    ]


def answer(found: list[Hit], groups: tuple[Group, ...] = (), *, scored: bool = True) -> Answer:
    blank = Answer("a dog", "letters", "c", total=9, seconds={"encode": 0.1, "search": 0.123456})
    return blank.filled(found, groups, scored=scored)


def plain(text: str) -> str:
    """Return what a terminal shows."""
    return re.sub(r"\x1b\]8;[^\x1b]*\x1b\\|\x1b\[[0-9;]*m", "", text)


def test_lines_for_a_pipe(found: list[Hit]) -> None:
    assert format_tsv(answer(found).hits) == f"1\t0.312346\t/photos/a.jpg\n2\t-0.500000\t{PRINTED}\n"
    browsed = answer(found, scored=False).hits
    assert format_tsv(browsed).startswith(f"1\t{browsed[0].date}\t/photos/a.jpg\n"), "a score of 0 would be a lie"


def test_a_table_keeps_hostile_names_on_their_line_and_links_to_the_files(found: list[Hit]) -> None:
    text = format_table(answer(found))
    assert plain(text).splitlines() == ["   1   0.312  /photos/a.jpg", f"   2  -0.500  {PRINTED}"]
    assert "file:///photos/a.jpg" in text
    assert "\x1b[31m.jpg" not in text


def test_a_long_path_is_never_broken(make_record: Callable[..., ImageRecord]) -> None:
    path = "/photos/" + "a long name " * 30 + ".jpg"
    (line,) = plain(format_table(answer([Hit(make_record(files=(ImageFile(path, 1, 1),)), 0.5)]))).splitlines()
    assert line.endswith(path)


def test_a_probability_is_labelled(found: list[Hit]) -> None:
    calibrated = answer([replace(hit, probability=0.8765) for hit in found])
    assert format_tsv(calibrated.hits[:1]) == "1\t0.312346\t/photos/a.jpg\t0.876500\n"
    assert " 88% match  /photos/a.jpg" in plain(format_table(calibrated))


def test_groups_keep_their_hits_together(found: list[Hit]) -> None:
    grouped = answer(found[:1], (Group("/photos", tuple(found)),))
    lines = format_groups(grouped.groups).splitlines()
    assert [line.split("\t")[0] for line in lines] == ["1", "1"]
    assert {line.split("\t")[3] for line in lines} == {"/photos"}
    assert plain(format_table(grouped)).splitlines() == [
        "/photos",
        "   1   0.312  /photos/a.jpg",
        f"      -0.500  {PRINTED}",
    ]


def test_near_duplicates_are_folded(found: list[Hit]) -> None:
    folded = answer(found[:1], (Group(found[0].image.path, tuple(found)),))
    assert plain(format_table(folded)).splitlines() == ["   1   0.312  /photos/a.jpg  +1 alike"]


def test_copies_are_counted(make_record: Callable[..., ImageRecord]) -> None:
    for count, words in ((1, ""), (2, "  +1 copy"), (3, "  +2 copies")):
        record = make_record(files=tuple(ImageFile(f"/{number}.jpg", 1, 1) for number in range(count)))
        assert plain(format_table(answer([Hit(record, 0.5)]))).splitlines() == [f"   1   0.500  /0.jpg{words}"]


def test_dates_are_shown_where_they_decide(found: list[Hit]) -> None:
    lines = plain(format_table(answer(found, scored=False))).splitlines()
    assert lines == ["   1  2001-06-02         /photos/a.jpg", f"   2  1970-01-01 (file)  {PRINTED}"]
    assert "   1   0.312  2001-06-02         /photos/a.jpg" in plain(format_table(answer(found), by_date=True))
    assert "   1   0.312  2001-06-02  /photos/a.jpg" in plain(format_table(answer(found[:1]), by_date=True))


@pytest.mark.parametrize(
    ("count", "more", "words"),
    [
        (0, False, "No picture in the collection matches this."),
        (1, False, "1 picture; 0.22 s"),
        (2, True, "2 pictures, out of 9; 0.22 s"),
    ],
)
def test_nothing_one_and_many_have_words(found: list[Hit], count: int, more: bool, words: str) -> None:
    assert summary(replace(answer(found[:count]), more=more)) == words
