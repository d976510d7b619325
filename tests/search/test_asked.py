"""A command's line means the same as a request."""

from dataclasses import fields

import pytest

from gallery.errors import BadInput
from search.asked import LONGEST, AskedLine
from search.cli import main
from search.request import Request

OPTIONS = {field.name: field.default for field in fields(AskedLine) if field.name != "q"}


def test_a_line_has_the_fields_and_the_defaults_of_a_request() -> None:
    assert {name: Request.model_fields[name].default for name in OPTIONS} == OPTIONS


def test_the_command_has_the_same_defaults() -> None:
    given = main.make_context("search", ["dog"]).params
    asked = {name: given[name] for name in OPTIONS if name in given}
    assert asked.pop("group") == "near-duplicates", "people want to see a picture once; programs, each"
    assert asked == {name: OPTIONS[name] for name in asked}
    assert OPTIONS.keys() - asked.keys() == {"offset", "group"}


@pytest.mark.parametrize("line", ["dog + snow -cat year:2021", "  a\tred\0car ", "like:/a/b.jpg", "a" * LONGEST])
def test_a_line_means_the_same_as_in_a_request(line: str) -> None:
    asked, request = AskedLine(q=line, limit=7), Request(q=line, limit=7)
    assert (asked.q, asked.query) == (request.q, request.query)


@pytest.mark.parametrize(("line", "said"), [(" \t", "is empty"), ("a" * (LONGEST + 1), f"at most {LONGEST}")])
def test_what_is_no_line_is_refused(line: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        AskedLine(q=line)
