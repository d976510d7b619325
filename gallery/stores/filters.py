"""Filters on the payloads of a collection, in a form that every store translates for its engine."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Circle:
    """All points of the earth at most `metres` from one, by great circle; latitude and longitude are degrees."""

    latitude: float
    longitude: float
    metres: float


@dataclass(frozen=True, slots=True)
class Words:
    """Words that must all be in a text, in any order, ignoring case and accents."""

    text: str


@dataclass(frozen=True, slots=True)
class MoreThan:
    """More values of the key than this. No index has their number: the engine looks at every point."""

    values: int


WantedValue = str | int | list[str] | list[int] | Mapping[str, Any] | Circle | Words | MoreThan | None
"""A value, a list of which one must match, bounds such as `{"gte": 640}`, a circle around the point, words, how many
values, or None for a key without a value."""

Condition = tuple[str, WantedValue]


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions that may name a key more than once.

    Attributes:
        must: Conditions that must all hold.
        must_not: Conditions of which none may hold.
        without: Ids of pictures that are left out.
        within: If given, the ids of the only pictures allowed.
        either: In each tuple, at least one filter must pass the picture.
        neither: None of these filters may pass the picture.
    """

    must: tuple[Condition, ...] = ()
    must_not: tuple[Condition, ...] = ()
    without: tuple[str, ...] = ()
    within: tuple[str, ...] | None = None
    either: tuple[tuple["Filter", ...], ...] = ()
    neither: tuple["Filter", ...] = ()

    def __bool__(self) -> bool:
        return self != Filter()

    def __and__(self, other: "Filter") -> "Filter":
        """Return the filter that passes what both pass."""
        within = self.within if other.within is None else other.within
        if self.within is not None and other.within is not None:
            within = tuple(set(self.within) & set(other.within))
        return Filter(
            self.must + other.must,
            self.must_not + other.must_not,
            self.without + other.without,
            within,
            self.either + other.either,
            self.neither + other.neither,
        )


Where = Mapping[str, WantedValue] | Filter
"""A filter, or its `must` alone as a mapping."""


ONCE = Filter(must_not=(("kind", "frame"),))
"""Every picture, and every video once: of its frames the first."""


def as_filter(where: Where | None) -> Filter:
    """Return `where` as a filter; None passes everything.

    >>> as_filter({"year": 2021, "folder": "/alps"}).must
    (('year', 2021), ('folder', '/alps'))
    """
    if isinstance(where, Filter):
        return where
    return Filter(must=tuple((where or {}).items()))
