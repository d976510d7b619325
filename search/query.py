"""What a line of the query language means: values, which `str` writes as a line again. See docs/query-language.md."""

import re
from dataclasses import dataclass, replace
from typing import Literal

from gallery.errors import BadInput

_SAFE_WORD = re.compile(r"[^\W\d_][\w',.!?;-]*")
_OPERATORS = ("AND", "OR", "NOT")


class QueryError(BadInput):
    """A line that cannot be understood.

    Attributes:
        line: The line.
        column: Where the mistake begins; the first character is 1.
    """

    def __init__(self, line: str, column: int, message: str) -> None:
        super().__init__(f"column {column}: {message}")
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class Term:
    """Something that the pictures should resemble, or not resemble if its weight is negative.

    Attributes:
        text: What the picture shows; if `like` is true, the path or the id of a picture.
        weight: Its share of the sum; 1 unless the line says otherwise.
    """

    text: str
    weight: float = 1.0
    like: bool = False

    def __str__(self) -> str:
        number = f"{abs(self.weight)!r}".removesuffix(".0")
        weight = "" if number == "1" else f"{number}*"
        what = f"like:{_value(self.text)}" if self.like else _word(self.text)
        return f"{'-' if self.weight < 0 else '+'}{weight}{what}"


@dataclass(frozen=True, slots=True)
class Condition:
    """One filter.

    Attributes:
        key: Its name in the line, e.g. `folder`.
        op: `:`, or for numbers one of `>`, `>=`, `<`, `<=`.
        value: As it was written, without quotes.
    """

    key: str
    op: str
    value: str
    negated: bool = False

    def __str__(self) -> str:
        return f"{'-' if self.negated else ''}{self.key}{self.op}{_value(self.value)}"


@dataclass(frozen=True, slots=True)
class Combination:
    """At least two filters, of which all must hold (`AND`), or at least one (`OR`)."""

    operator: Literal["AND", "OR"]
    members: tuple["FilterExpression", ...]
    negated: bool = False

    def __str__(self) -> str:
        between = " OR " if self.operator == "OR" else " "
        return f"{'-' if self.negated else ''}({between.join(map(str, self.members))})"


FilterExpression = Condition | Combination


def inverted(wanted: FilterExpression) -> FilterExpression:
    """Return the filter that passes exactly what the given one does not."""
    return replace(wanted, negated=not wanted.negated)


def replaced(wanted: FilterExpression, old: Condition, new: Condition) -> FilterExpression:
    """Return a filter with one of its conditions replaced."""
    if isinstance(wanted, Combination):
        return replace(wanted, members=tuple(replaced(member, old, new) for member in wanted.members))
    return new if wanted is old else wanted


def either(members: tuple[FilterExpression, ...]) -> FilterExpression:
    """Return the filter that passes what at least one of these passes."""
    return members[0] if len(members) == 1 else Combination("OR", members)


@dataclass(frozen=True, slots=True)
class Query:
    """A line, understood. Without terms it asks for the newest pictures. All its filters hold.

    >>> print(Query((Term("a dog"), Term("cat", -1.0)), (Condition("year", ":", "2021"),)))
    a dog -cat year:2021
    """

    terms: tuple[Term, ...] = ()
    filters: tuple[FilterExpression, ...] = ()

    @property
    def is_one_text(self) -> bool:
        """Whether it is a single text, filters aside: scores of sums and of pictures' vectors mean something else."""
        return len(self.terms) == 1 and self.terms[0].weight > 0 and not self.terms[0].like

    def __str__(self) -> str:
        words = [str(term) for term in self.terms]
        for place, term in enumerate(self.terms):
            if term.weight == 1 and not term.like:  # one text may have no sign; it comes first
                words[place] = term.text if _is_plain(term.text) else quoted(term.text)
                break
        return " ".join([*words, *map(str, self.filters)])


def clean_text(text: str) -> str:
    """Return a text that encoders accept: bytes from a shell that are not Unicode become question marks."""
    return text.encode("utf-8", "replace").decode()


def quoted(text: str) -> str:
    """Return a text in quotes, so that the language takes it as text."""
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def _is_plain(text: str) -> bool:
    """Whether a text reads the same without quotes anywhere in a line; if in doubt, false."""
    words = text.split(" ")
    return all(_SAFE_WORD.fullmatch(word) and word not in _OPERATORS for word in words)


def _word(text: str) -> str:
    return text if re.fullmatch(r"[^\W\d_][\w-]*", text) and text[0].isalpha() else quoted(text)  # ½ is not a letter


def _value(value: str) -> str:
    return value if re.fullmatch(r'[^\s"()][^\s()]*', value) else quoted(value)
