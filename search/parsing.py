"""A line becomes a `Query`. Whatever does not follow the grammar is text, so sentences need no quotes.

docs/query-language.md has the grammar. OR takes the filter, or the group of filters, directly before and after it.
"""

import re

from search.keys import KEYS, fault, unknown_key
from search.nearby import WITHIN
from search.query import Combination, Condition, FilterExpression, Query, QueryError, Term, clean_text, either, inverted

MOST_TERMS, MOST_FILTERS, DEEPEST = 64, 500, 20
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_COLON_KEY = r"(?P<key>[^\W\d_]{2,})(?P<op>:)(?!//)"
_ORDERED = "|".join(key for key, known in KEYS.items() if known.ordered)
_ORDERED_KEY = rf"(?P<key>(?i:{_ORDERED}))(?P<op>:?[<>]=?|=)"
_VALUE = rf'(?P<value>{_QUOTED}(?=\s|$)|[^\s"]\S*|"\S*)'
_GROUPED_VALUE = rf'(?P<value>{_QUOTED}(?=[\s)]|$)|[^\s")][^\s)]*|"[^\s)]*)'
_FILTER = {
    grouped: [re.compile(rf"(?P<sign>[+-]?)(?!(?i:like):){key}{value}", re.S) for key in (_ORDERED_KEY, _COLON_KEY)]
    for grouped, value in ((False, _VALUE), (True, _GROUPED_VALUE))
}
_NEAR = re.compile(rf"{WITHIN}(?=[\s)]|$)")
"""What may follow the value of `near:` without quotes."""
_OPENING = re.compile(r"(?P<not>NOT\s+|-(?=\())|(?P<plus>\+(?=\())|(?P<group>\()")
_SPACE = re.compile(r"\s*")
_AND, _OR = (re.compile(rf"{word}(?=[\s(-])") for word in ("AND", "OR"))
_WEIGHT = r"(?P<weight>\d{1,4}(?:\.\d{1,4})?)\*"
_TERM = re.compile(rf"(?P<sign>[+-]?)(?:{_WEIGHT})?(?P<like>(?i:like):)?(?P<value>{_QUOTED}(?=\s|$)|[^\s]+)", re.S)
_PHRASE = re.compile(rf"(?P<value>{_QUOTED})(?=\s|$)", re.S)
_WORD = re.compile(r"\S+")


def parse_query(line: str) -> Query:
    """Read a line.

    >>> parse_query("a dog + snow -cat after:2021").terms
    (Term(text='a dog', weight=1.0, like=False), Term(text='snow', weight=1.0, like=False), \
Term(text='cat', weight=-1.0, like=False))
    >>> parse_query("a well-known sign: don't walk - ever").terms[0].text
    "a well-known sign: don't walk - ever"
    >>> str(parse_query("folder:alps OR folder:andes NOT format:png"))
    '(folder:alps OR folder:andes) -format:png'

    Raises:
        QueryError: It cannot be understood; the message holds the column.
    """
    return _Parser(clean_text(line)).query()


class _Parser:
    """Reads one line, from left to right."""

    def __init__(self, line: str) -> None:
        self._line = line
        self._filters = 0
        self._groups = 0  # that are open at the moment

    def query(self) -> Query:
        """Return the whole line, understood."""
        terms: list[Term | list[str]] = []
        filters: list[FilterExpression] = []
        words: list[str] | None = None  # of the text that goes on until the next lone +
        plus: int | None = None  # where a lone + stands that nothing has followed yet
        place = self._after_space(0)
        while place < len(self._line):
            if self._begins_filter(place):
                wanted, end = self._any_of(place, 0)
                filters.append(wanted)
            elif self._word(place)[0] == "+":
                if plus is not None:
                    break
                words, plus, end = None, place, place + 1
            else:
                plus = None
                match = _TERM.match(self._line, place)
                if match and (match["like"] or _begins_a_term(match)):
                    terms.append(self._term(match))
                else:
                    match = phrase = _PHRASE.match(self._line, place)
                    match = match or self._word(place)
                    if words is None:
                        words = []
                        terms.append(words)
                    words.append(_unquoted(match[0]) if phrase else match[0])
                end = match.end()
            place = self._after_space(end)
        if plus is not None:
            raise self._error(plus, "nothing follows the +; leave it out, or say what else to look for")
        made = [Term(" ".join(term)) if isinstance(term, list) else term for term in terms]
        if len(made) > MOST_TERMS:
            raise self._error(0, f"{len(made)} terms are too many; give at most {MOST_TERMS}")
        return Query(tuple(term for term in made if term.text.strip()), tuple(filters))

    def _begins_filter(self, place: int) -> bool:
        """Whether a filter begins here, after some parentheses and negations."""
        for _ in range(DEEPEST + 2):
            opening = _OPENING.match(self._line, place)
            if not opening:
                break
            place = self._after_space(opening.end())
        return self._filter(place) is not None

    def _filter(self, place: int) -> re.Match[str] | None:
        patterns = _FILTER[self._groups > 0]
        return next((match for pattern in patterns if (match := pattern.match(self._line, place))), None)

    def _any_of(self, place: int, depth: int) -> tuple[FilterExpression, int]:
        """Read filters joined by OR, and a following AND, which is optional; return them and where they end."""
        first, end = self._one(place, depth)
        members = [first]
        while _OR.match(self._line, beside := self._after_space(end)):
            after = self._after_space(beside + len("OR"))
            if not self._begins_filter(after):
                raise self._error(beside, "OR only goes between filters; write it in lower case if it is text")
            another, end = self._one(after, depth)
            members.append(another)
        beside = self._after_space(end)
        after = self._after_space(beside + len("AND"))
        if _AND.match(self._line, beside) and self._begins_filter(after):
            end = after
        return either(tuple(members)), end

    def _one(self, place: int, depth: int) -> tuple[FilterExpression, int]:
        """Read one filter or group of filters, negated or not; return it and where it ends."""
        if depth > DEEPEST:
            raise self._error(place, f"parentheses and NOT may nest {DEEPEST} deep at most")
        opening = _OPENING.match(self._line, place)
        if opening and opening["plus"]:
            raise self._error(place, "a filter takes no +; leave it out")
        if opening and opening["not"]:
            wanted, end = self._one(self._after_space(opening.end()), depth + 1)
            return inverted(wanted), end
        if opening:
            return self._group(place, depth + 1)
        match = self._filter(place)
        assert match
        within = _NEAR.match(self._line, match.end()) if match["key"].lower() == "near" else None
        return self._condition(match, within[0] if within else ""), (within or match).end()

    def _group(self, place: int, depth: int) -> tuple[FilterExpression, int]:
        self._groups += 1
        members: list[FilterExpression] = []
        end = self._after_space(place + 1)
        while not self._line.startswith(")", end):
            if end >= len(self._line):
                raise self._error(place, "this ( has no ) after it; close it, or put quotes around text")
            if not self._begins_filter(end):
                raise self._error(end, "parentheses hold filters only; put text outside of them, or quotes around it")
            wanted, end = self._any_of(end, depth)
            members.append(wanted)
            end = self._after_space(end)
        self._groups -= 1
        return members[0] if len(members) == 1 else Combination("AND", tuple(members)), end + 1

    def _condition(self, match: re.Match[str], more: str) -> Condition:
        key, op = match["key"].lower(), ":" if match["op"] in ":=" else match["op"].lstrip(":")
        self._filters += 1
        if self._filters > MOST_FILTERS:
            raise self._error(match.start(), f"give at most {MOST_FILTERS} filters")
        if key not in KEYS:
            raise self._error(match.start("key"), unknown_key(key))
        value = self._value(match) + more
        if match["sign"] == "+":
            raise self._error(match.start(), f"a filter takes no +; write {key}{op}{value}, or put quotes around text")
        if wrong := fault(key, op, value):
            raise self._error(match.start("value"), wrong)
        return Condition(key, op, value, match["sign"] == "-")

    def _term(self, match: re.Match[str]) -> Term:
        value = self._value(match)
        if not value.strip():
            raise self._error(match.start(), "nothing stands between the quotes; say what the picture shows")
        weight = float(match["weight"] or 1)
        if weight == 0:
            raise self._error(match.start(), "a weight must be above 0; leave the term out instead")
        return Term(value, -weight if match["sign"] == "-" else weight, bool(match["like"]))

    def _value(self, match: re.Match[str]) -> str:
        value = match["value"]
        if value[0] != '"':
            return value
        if not re.fullmatch(_QUOTED, value, re.S):
            message = "this quote is not closed by one before a space or the end; close it"
            raise self._error(match.start("value"), message)
        return _unquoted(value)

    def _after_space(self, place: int) -> int:
        space = _SPACE.match(self._line, place)
        assert space
        return space.end()

    def _word(self, place: int) -> re.Match[str]:
        word = _WORD.match(self._line, place)
        assert word
        return word

    def _error(self, place: int, message: str) -> QueryError:
        return QueryError(self._line, place + 1, message)


def _begins_a_term(match: re.Match[str]) -> bool:
    """Tell `-cat`, `+"wet dog"`, `2*dog` and `-🐈` from `-20`, `--`, `+1` and `2*3`, which are text."""
    first = match["value"][0]
    return bool(match["sign"] or match["weight"]) and (first.isalpha() or first == '"' or ord(first) > 0x2000)


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1], flags=re.S)
