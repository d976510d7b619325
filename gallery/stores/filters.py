"""Filters over what a collection says of its pictures, in words that every store translates for its engine."""

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
    """Words of which a text has all, in any order; case and accents do not count."""

    text: str


WantedValue = str | int | list[str] | list[int] | Mapping[str, Any] | Circle | Words | None
"""A value, a list of which one must match, bounds such as `{"gte": 640}`, a circle that the point lies in, words, or
None: the key has no value."""

Condition = tuple[str, WantedValue]


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions that may name a key more than once.

    Attributes:
        must: Conditions of which all hold.
        must_not: Conditions of which none holds.
        without: Ids of pictures that are left out.
        within: If given, ids of the only pictures that are not.
        either: Of each tuple, at least one filter lets the picture through.
        neither: None of these filters lets the picture through.
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
        """Return the filter that lets through what both let through."""
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
    """Return `where` as a filter; None lets everything through.

    >>> as_filter({"year": 2021, "folder": "/alps"}).must
    (('year', 2021), ('folder', '/alps'))
    """
    if isinstance(where, Filter):
        return where
    return Filter(must=tuple((where or {}).items()))
