"""The query language: a line becomes a `Query`, and `str` makes a line of it again. See docs/query-language.md.

Whatever is not written as the grammar has it is text, so that sentences need no quoting.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from gallery.errors import BadInput

HAS = {"captions": "captions", "camera": "camera", "duplicates": "stack"}
"""What `has:` takes, and the payload key that it asks for."""
MOST_TERMS = 64
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_VALUE = rf'(?P<value>{_QUOTED}(?=\s|$)|[^\s"]\S*|"\S*)'
_FILTER = re.compile(rf"(?P<sign>[+-]?)(?P<key>folder|path|before|after|year|format|camera|has)(?P<op>:){_VALUE}", re.S)
_COMPARISON = re.compile(rf"(?P<sign>[+-]?)(?P<key>width|height|year)(?P<op>[<>]=?|[=:]){_VALUE}", re.S)
_WEIGHT = r"(?P<weight>\d{1,4}(?:\.\d{1,4})?)\*"
_TERM = re.compile(rf"(?P<sign>[+-]?)(?:{_WEIGHT})?(?P<like>like:)?(?P<value>{_QUOTED}(?=\s|$)|[^\s]+)", re.S)
_PHRASE = re.compile(rf"(?P<value>{_QUOTED})(?=\s|$)", re.S)
_WORD = re.compile(r"\S+")
_BARE = re.compile(r"[^\W\d_][\w-]*")
_DATE = re.compile(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?")
_YEARS = re.compile(r"(\d{4})(?:\.\.(\d{4}))?")


def clean_query(query: str) -> str:
    """Return the text as the encoders take it: what is no Unicode, out of a shell, becomes a question mark.

    Raises:
        BadInput: It is empty.
    """
    if not query.strip():
        raise BadInput("the query is empty; describe the picture that you look for")
    return query.encode("utf-8", "replace").decode()


class QueryError(BadInput):
    """A line that cannot be understood.

    Attributes:
        line: The line.
        column: Where the trouble begins; the first character is 1.
    """

    def __init__(self, line: str, column: int, message: str) -> None:
        super().__init__(f"column {column}: {message}")
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class Term:
    """Something that the pictures are to be like, or unlike where its weight is negative.

    Attributes:
        text: What the picture shows; where `like` is true, the path or the id of a picture.
        weight: Its part in the sum; 1 unless the line says otherwise.
    """

    text: str
    weight: float = 1.0
    like: bool = False

    def __str__(self) -> str:
        number = f"{abs(self.weight)!r}".removesuffix(".0")
        weight = "" if number == "1" else f"{number}*"
        what = f"like:{_value_in_line(self.text)}" if self.like else _quoted(self.text)
        return f"{'-' if self.weight < 0 else '+'}{weight}{what}"


@dataclass(frozen=True, slots=True)
class Condition:
    """A filter as the line has it.

    Attributes:
        key: Its name in the line, e.g. `folder`.
        op: `:`, or for numbers one of `>`, `>=`, `<`, `<=`.
        value: As it is written, without quotes.
    """

    key: str
    op: str
    value: str
    negated: bool = False

    def __str__(self) -> str:
        return f"{'-' if self.negated else ''}{self.key}{self.op}{_value_in_line(self.value)}"


@dataclass(frozen=True, slots=True)
class Query:
    """A line, understood. Without terms it asks for the newest pictures.

    >>> print(Query((Term("a dog"), Term("cat", -1.0)), (Condition("year", ":", "2021"),)))
    a dog -cat year:2021
    """

    terms: tuple[Term, ...] = ()
    conditions: tuple[Condition, ...] = ()

    @property
    def is_one_text(self) -> bool:
        """Whether it is a single text, filters aside: scores of sums and of pictures' vectors mean something else."""
        return len(self.terms) == 1 and self.terms[0].weight > 0 and not self.terms[0].like

    def __str__(self) -> str:
        words = [str(term) for term in self.terms]
        for place, term in enumerate(self.terms):
            if term.weight == 1 and not term.like:
                words[place] = term.text if _is_plain(term.text) else _in_quotes(term.text)
                break
        return " ".join([*words, *map(str, self.conditions)])


def parse_query(line: str) -> Query:
    """Read a line.

    >>> parse_query("a dog + snow -cat after:2021").terms
    (Term(text='a dog', weight=1.0, like=False), Term(text='snow', weight=1.0, like=False), \
Term(text='cat', weight=-1.0, like=False))
    >>> parse_query("a well-known sign: don't walk - ever").terms[0].text
    "a well-known sign: don't walk - ever"

    Raises:
        QueryError: It cannot be understood; the message holds the column.
    """
    line = line.encode("utf-8", "replace").decode()
    terms: list[Term | list[str]] = []
    conditions: list[Condition] = []
    words: list[str] | None = None  # of the text that goes on until the next lone +
    plus = 0  # the column of a lone + that nothing has followed yet
    for part in _scan(line):
        if part.kind == "filter":
            conditions.append(_condition(line, part))
        elif part.kind == "plus":
            if plus:
                break
            words, plus = None, part.column
        else:
            plus = 0
            if part.kind == "term":
                terms.append(_term(line, part))
                continue
            if words is None:
                words = []
                terms.append(words)
            words.append(_unquoted(part.match["value"]) if part.kind == "phrase" else part.match[0])
    if plus:
        raise QueryError(line, plus, "nothing follows the +; say what more there is to be of")
    made = [Term(" ".join(term)) if isinstance(term, list) else term for term in terms]
    if len(made) > MOST_TERMS:
        raise QueryError(line, 1, f"{len(made)} terms are too many; give at most {MOST_TERMS}")
    return Query(tuple(term for term in made if term.text.strip()), tuple(conditions))


class _Part(NamedTuple):
    kind: str
    column: int
    match: re.Match[str]


def _scan(line: str) -> Iterator[_Part]:
    place = 0
    while found := _WORD.search(line, place):
        place = found.start()
        kind, match = _part_at(line, place)
        yield _Part(kind, place + 1, match)
        place = match.end()


def _part_at(line: str, place: int) -> tuple[str, re.Match[str]]:
    word = _WORD.match(line, place)
    assert word
    if word[0] == "+":
        return "plus", word
    if match := _FILTER.match(line, place) or _COMPARISON.match(line, place):
        return "filter", match
    match = _TERM.match(line, place)
    if match and (match["like"] or _begins_a_term(match)):
        return "term", match
    match = _PHRASE.match(line, place)
    return ("phrase", match) if match else ("word", word)


def _begins_a_term(match: re.Match[str]) -> bool:
    """Tell `-cat`, `+"wet dog"`, `2*dog` and `-🐈` from `-20`, `--`, `+1` and `2*3`, which are text."""
    first = match["value"][0]
    return bool(match["sign"] or match["weight"]) and (first.isalpha() or first == '"' or ord(first) > 0x2000)


def _term(line: str, part: _Part) -> Term:
    value = _value(line, part)
    if not value.strip():
        raise QueryError(line, part.column, "nothing stands between the quotes; say what the picture shows")
    weight = float(part.match["weight"] or 1)
    if weight == 0:
        raise QueryError(line, part.column, "a weight must be above 0; leave the term out instead")
    return Term(value, -weight if part.match["sign"] == "-" else weight, bool(part.match["like"]))


def _condition(line: str, part: _Part) -> Condition:
    key, op, value = part.match["key"], part.match["op"], _value(line, part)
    if part.match["sign"] == "+":
        raise QueryError(line, part.column, f"a filter takes no +; write {key}{op}{value}, or put quotes around text")
    remedy = _fault(key, op, value)
    if remedy:
        column = part.match.start("value") + 1
        raise QueryError(line, column, f"{key} takes {remedy}, not {value!r}; put quotes around it if it is text")
    return Condition(key, ":" if op == "=" else op, value, part.match["sign"] == "-")


def _fault(key: str, op: str, value: str) -> str | None:
    """Return what the filter takes, if this value is not it."""
    if key in ("before", "after"):
        return None if is_date(value) else "a date such as 2021, 2021-06 or 2021-06-15"
    if key in ("width", "height"):
        return None if re.fullmatch(r"[0-9]{1,9}", value) else "a number of pixels"
    if key == "year":
        years = _YEARS.fullmatch(value)
        fits = years and years[0].isascii() and (op in ":=" or not years[2])
        return None if fits else "a year such as 2021, or with a colon years such as 2019..2021"
    if key == "has":
        return None if value in HAS else f"one of {', '.join(HAS)}"
    return None if value.strip() else "a value"


def is_date(value: str) -> bool:
    """Say whether `value` is a year, a month or a day that exists."""
    match = _DATE.fullmatch(value)
    if not match or not value.isascii():
        return False
    try:
        date(int(match[1]), int(match[2] or 1), int(match[3] or 1))
    except ValueError:
        return False
    return True


def _value(line: str, part: _Part) -> str:
    value = part.match["value"]
    if value[0] == '"' and not re.fullmatch(_QUOTED, value, re.S):
        column = part.match.start("value") + 1
        raise QueryError(line, column, "this quote is not closed by one before a space or the end; close it")
    return _unquoted(value) if value[0] == '"' else value


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1], flags=re.S)


def _in_quotes(text: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def _quoted(text: str) -> str:
    return text if _BARE.fullmatch(text) and text[0].isalpha() else _in_quotes(text)  # ½ is in a word, and no letter


def _value_in_line(value: str) -> str:
    return value if re.fullmatch(r'[^\s"]\S*', value) else _in_quotes(value)


def _is_plain(text: str) -> bool:
    return '"' not in text and all(part.kind == "word" for part in _scan(text)) and " ".join(text.split()) == text
