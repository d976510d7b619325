"""What the hits look like."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from gallery.records import Hit, ImageFile, ImageRecord
from search.answer import Answer, Group
from search.query import parse_query
from search.table import format_groups, format_json, format_table, format_tsv


@pytest.fixture
def hits(make_record: Callable[..., ImageRecord]) -> list[Hit]:
    odd = ImageFile("/photos/[bold]new\nline\t\x1b[31m.jpg", 1, 1)
    return [
        Hit(make_record(1, files=(ImageFile("/photos/a.jpg", 1, 1),)), 0.31234567),
        Hit(make_record(2, files=(odd,)), -0.5),
    ]


def answer(hits: list[Hit], line: str = "a dog", groups: tuple[Group, ...] = ()) -> Answer:
    return Answer(hits, parse_query(line), seconds={"search": 0.123456}, groups=groups)


def test_lines_for_a_pipe(hits: list[Hit]) -> None:
    assert format_tsv(hits) == ("1\t0.312346\t/photos/a.jpg\n2\t-0.500000\t/photos/[bold]new\\nline\\t\\x1b[31m.jpg\n")


def test_a_table_keeps_hostile_names_on_their_line(hits: list[Hit]) -> None:
    lines = format_table(answer(hits), 80).splitlines()
    assert len(lines) == 6
    assert "0.312" in lines[3]
    assert "[bold]new\\nline" in lines[4]
    assert "\x1b[31m" not in lines[4]


def test_a_narrow_terminal_folds_a_path_and_loses_nothing(hits: list[Hit]) -> None:
    folded = "".join(
        line.split("│")[3].strip() for line in format_table(answer(hits[:1]), 30).splitlines() if "│" in line
    )
    assert "/photos/a.jpg" in folded


def test_one_json_object(hits: list[Hit]) -> None:
    text = format_json(answer(hits), "q", encoder="letters", collection="c")
    found = json.loads(text)
    assert {key: found[key] for key in ("query", "encoder", "collection", "seconds")} == {
        "query": "q",
        "encoder": "letters",
        "collection": "c",
        "seconds": {"search": 0.1235},
    }
    assert [(hit["rank"], hit["score"], hit["path"]) for hit in found["hits"]] == [
        (1, 0.312346, hits[0].image.path),
        (2, -0.5, hits[1].image.path),
    ]
    assert found["hits"][0]["id"] == hits[0].image.id


def test_a_probability_has_its_column(hits: list[Hit]) -> None:
    calibrated = [replace(hit, probability=0.8765) for hit in hits]
    assert format_tsv(calibrated[:1]) == "1\t0.312346\t/photos/a.jpg\t0.876500\n"
    lines = format_table(answer(calibrated), 80).splitlines()
    assert "match" in lines[1]
    assert "88%" in lines[3]
    found = json.loads(format_json(answer(calibrated), "q", encoder="e", collection="c"))["hits"]
    assert [hit["probability"] for hit in found] == [0.8765, 0.8765]


def test_no_hits_are_no_lines() -> None:
    assert format_tsv([]) == ""
    assert json.loads(format_json(answer([]), "q", encoder="e", collection="c"))["hits"] == []


def test_groups_keep_their_hits_together(hits: list[Hit]) -> None:
    groups = (Group("/photos", tuple(hits)),)
    lines = format_groups(groups).splitlines()
    assert [line.split("\t")[0] for line in lines] == ["1", "1"]
    assert {line.split("\t")[3] for line in lines} == {"/photos"}
    (found,) = json.loads(format_json(answer(hits[:1], groups=groups), "q", encoder="e", collection="c"))["groups"]
    assert found["name"] == "/photos"
    assert [(hit["rank"], hit["path"]) for hit in found["hits"]] == [(1, hit.image.path) for hit in hits]
    assert len(format_table(answer(hits[:1], groups=groups), 80).splitlines()) == 7


def test_browsing_shows_dates(hits: list[Hit]) -> None:
    assert "2001-06-02" in format_table(answer(hits, ""), 80)
