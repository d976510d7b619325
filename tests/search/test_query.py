"""The query language: how sentences, operators and filters are parsed, and what is refused at which column."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gallery.errors import BadInput
from search.keys import HAS, KEYS
from search.parsing import parse_query
from search.query import Combination, Condition, Query, QueryError, Term
from search.request import Filters

PIECES = [
    *("a", "dog", "-", "+", "-cat", "+x", "2*", "0*a", "0.5*red", "3*4", "--", "-2", "like:", "like:a.jpg", '"'),
    *('"wet dog"', '\\"', "\\", "folder:", "-folder:alps", "+path:x", "path:*.jpg", "before:2021", "after:20", "year:"),
    *("2019..2021", "year>", "width>=", "640", "height<", "has:", "captions", "camera:", ":", "=", "'", "é", "собака"),
    *(" OR ", " NOT ", " AND ", "(", ")", "(folder:a ", "year:2020)", "tag:x", "has:camera", "Width:>3"),
    *("near:", "near:Lisbon", "near:38.72,-9.14", " within 5 km", "within", "place:"),
    *("🐕", "-🐈", "\t", " ", "\n", "\u2003", "\x00", "\udcff", "http://x", "*", "9" * 30, "٣", "format:jpeg"),
]  # fmt: skip
LINES = st.one_of(
    st.text(), st.lists(st.sampled_from(PIECES)).map("".join), st.lists(st.sampled_from(PIECES)).map(" ".join)
)
TEXTS = st.one_of(LINES, st.text(min_size=1)).map(lambda s: s.encode("utf-8", "replace").decode()).filter(str.strip)
WEIGHTS = st.integers(1, 99_999_999).flatmap(lambda n: st.sampled_from([n / 10_000, -n / 10_000])) | st.just(1.0)
TERMS = st.builds(Term, TEXTS, WEIGHTS, st.booleans())
TEXT_KEYS = ["folder", "path", "format", "camera", "place"]
CONDITIONS = st.one_of(
    st.builds(Condition, st.sampled_from([*TEXT_KEYS, "text"]), st.just(":"), TEXTS, st.booleans()),
    st.builds(Condition, st.just("has"), st.just(":"), st.sampled_from(list(HAS)), st.booleans()),
    st.builds(
        Condition,
        st.just("near"),
        st.just(":"),
        st.sampled_from(["Lisbon", "New York", "38.72,-9.14", "-90,180", "東京"]).flatmap(
            lambda place: st.sampled_from([place, f"{place} within 5 km", f"{place} within 0.5mi"])
        ),
        st.booleans(),
    ),
    st.builds(
        Condition, st.sampled_from(["before", "after"]), st.just(":"), st.dates().map(str), st.booleans()
    ),
    st.builds(
        Condition,
        st.sampled_from(["width", "height"]),
        st.sampled_from([":", "<", "<=", ">", ">="]),
        st.integers(0, 999_999_999).map(str),
        st.booleans(),
    ),
)  # fmt: skip
MEMBERS = st.recursive(
    CONDITIONS,
    lambda each: st.builds(
        Combination, st.sampled_from(["AND", "OR"]), st.lists(each, min_size=2, max_size=3).map(tuple), st.booleans()
    ),
    max_leaves=6,
)
QUERIES = st.builds(Query, st.lists(TERMS, max_size=6).map(tuple), st.lists(MEMBERS, max_size=4).map(tuple))


@given(QUERIES)
@example(Query((Term("¹", 0.5),)))
@example(Query((Term("½ cup"), Term("½", -1.0))))
@settings(max_examples=500, deadline=None)
def test_what_is_printed_reads_the_same(query: Query) -> None:
    assert parse_query(str(query)) == query


@given(LINES)
@settings(max_examples=1000, deadline=None)
def test_any_line_is_understood_or_refused_at_a_column(line: str) -> None:
    fault = None
    try:
        assert parse_query(str(parse_query(line))) == parse_query(line)
    except QueryError as error:
        fault = error
    if fault:
        assert 1 <= fault.column <= max(1, len(line))
        assert fault.line == line.encode("utf-8", "replace").decode()


@pytest.mark.parametrize(
    "sentence",
    [
        "a well-known dog",
        "note: the cat's toy",
        "a dog - running on a beach",
        "- a list",
        "time 12:30, -20 degrees, +1",
        "собака на снегу: ещё одна",
        "🐕 in the 🌲🌲",
        "a sign at http://example.com/a?b=c",
        "C:\\pictures\\a.jpg",
        'a 5" screen',
        "before: and after:",
        "2 * 2 is 2*2",
        "rock'n'roll; don't (stop) -- ever & always!",
        "x>y",
        "a cat OR a dog, NOT a bird",
        "a dog (asleep) :-( by the sea",
    ],
)
def test_sentences_are_text(sentence: str) -> None:
    assert parse_query(sentence) == Query((Term(sentence),))


@pytest.mark.parametrize(
    ("line", "terms"),
    [
        ("dog + snow -cat", [("dog", 1), ("snow", 1), ("cat", -1)]),
        ("dog -cat on grass", [("dog on grass", 1), ("cat", -1)]),
        ("+ dog", [("dog", 1)]),
        ("-cat", [("cat", -1)]),
        ('dog -"a cat asleep" +"wet nose"', [("dog", 1), ("a cat asleep", -1), ("wet nose", 1)]),
        ("2*dog -0.5*cat", [("dog", 2), ("cat", -0.5)]),
        ('a dog, "+" and "before:2020"', [("a dog, + and before:2020", 1)]),
        ('3*"wet dog" running', [("wet dog", 3), ("running", 1)]),
        ("-🐈 park", [("🐈", -1), ("park", 1)]),
        (r'-"say \"cheese\" \\"', [('say "cheese" \\', -1)]),
        ("", []),
        (" \t", []),
        ('""', []),
    ],
)
def test_operators(line: str, terms: list[tuple[str, float]]) -> None:
    found = sorted((term.text, term.weight) for term in parse_query(line).terms)
    assert found == sorted(terms)


def test_pictures_as_queries() -> None:
    terms = parse_query('like:a.jpg -2*like:"b c.jpg" +like:x').terms
    assert terms == (Term("a.jpg", 1, like=True), Term("b c.jpg", -2, like=True), Term("x", 1, like=True))


def test_filters() -> None:
    line = (
        'dog folder:alps -path:*/raw/* before:2021-06 -format:png camera:"Canon EOS" width>=640 year=2020 -has:captions'
    )
    query = parse_query(line)
    assert query.terms == (Term("dog"),)
    assert query.filters == (
        Condition("folder", ":", "alps"),
        Condition("path", ":", "*/raw/*", True),
        Condition("before", ":", "2021-06"),
        Condition("format", ":", "png", True),
        Condition("camera", ":", "Canon EOS"),
        Condition("width", ">=", "640"),
        Condition("year", ":", "2020"),
        Condition("has", ":", "captions", True),
    )


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("date:2021", 1, "use year:, before: or after:"),
        ("dog tag:beach", 5, "there is no filter tag"),
        ("dog -camra:canon", 6, "use camera:"),
        ("dog orientation:portait", 17, "did you mean orientation:portrait"),
        ("(folder:a dog)", 11, "parentheses hold filters only"),
        ("dog (folder:a", 5, "close it"),
        ("folder:a OR dog", 10, "OR only goes between filters"),
        ("(" * 21 + "folder:a", 22, "nest 20 deep"),
        ("dog year:20x1", 10, "a year such as 2021"),
        ("dog before:2021-13", 12, "a date such as 2021"),
        ("dog after:2021-02-30", 11, "a date such as"),
        ("year>2019..2021", 6, "with a colon"),
        ("dog has:legs", 9, "one of captions, text, camera"),
        ("width>wide", 7, "a number of pixels"),
        ("dog +", 5, "nothing follows the +"),
        ("dog + + cat", 5, "nothing follows the +"),
        ("dog + year:2020", 5, "nothing follows the +"),
        ('dog -"cat', 6, "not closed"),
        ('folder:"the alps', 8, "not closed"),
        ("dog +folder:alps", 5, "takes no +"),
        ('dog -""', 5, "nothing stands between the quotes"),
        ("dog 0*cat", 5, "above 0"),
        ('folder:""', 8, "a value"),
        ("-x " * 65, 1, "at most 64"),
    ],
)
def test_errors_point_at_the_column(line: str, column: int, message: str) -> None:
    with pytest.raises(QueryError, match=message.replace("+", r"\+")) as caught:
        parse_query(line)
    assert caught.value.column == column


def test_or_binds_the_filters_beside_it_and_parentheses_hold_them_together() -> None:
    a, b, c = (Condition("folder", ":", name) for name in "abc")
    either = Combination("OR", (a, b))
    assert parse_query("dog folder:a OR folder:b folder:c").filters == (either, c)
    assert parse_query("folder:a OR (folder:b AND folder:c)").filters == (
        Combination("OR", (a, Combination("AND", (b, c)))),
    )
    not_either = Combination("OR", (a, b), negated=True)
    for line in ("NOT (folder:a OR folder:b)", "-(folder:a OR folder:b)", "-(((folder:a OR folder:b)))"):
        assert parse_query(line).filters == (not_either,)
    assert parse_query("NOT NOT folder:a").filters == (a,)
    assert parse_query("WIDTH:>=640 Folder:a").filters == (Condition("width", ">=", "640"), a)


def test_a_long_line_of_parentheses_is_read_at_once() -> None:
    with pytest.raises(QueryError):
        parse_query("( " * 9_000 + "folder:x")
    assert parse_query("( " * 9_000).terms


@pytest.mark.parametrize("key", list(KEYS))
@given(data=st.data())
def test_what_the_description_of_the_api_admits_is_taken(key: str, data: st.DataObject) -> None:
    value = data.draw(st.from_regex(KEYS[key].pattern, fullmatch=KEYS[key].pattern.startswith("^")))
    assert Filters(**{key: [value]}).conditions  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["\x1c", "\x1f", "\x85", " "])
def test_separators_alone_are_no_value_for_the_description_of_the_api(value: str) -> None:
    for key in ("folder", "camera"):
        with pytest.raises(BadInput):
            Filters(**{key: [value]}).conditions  # type: ignore[arg-type] # noqa: B018
        assert not re.search(KEYS[key].pattern, value, re.ASCII)  # as JavaScript reads it
