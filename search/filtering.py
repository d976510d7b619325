"""The filters of a line become a filter of the collection."""

import calendar
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import reduce
from operator import and_
from pathlib import PurePosixPath
from typing import NamedTuple
from unicodedata import normalize

from gallery.cities import all_cities
from gallery.folding import folded_words
from gallery.stores import Circle, Filter, ImageCollection, MoreThan, Words
from gallery.stores import Condition as Stored
from search.keys import HAS, KINDS, nearest
from search.nearby import read_nearby
from search.query import Combination, Condition, FilterExpression, replaced

MOST_VALUES = 1_000_000
"""Folders, paths or cameras that a pattern is compared with."""
MOST_NAMED = 3
"""Values that are named where a filter matches nothing."""
_BOUNDS = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
_TURNED = {"portrait": "gt", "square": "gte", "landscape": "lt"}
_FORMATS = {"jpg": "jpeg", "tif": "tiff", "heic": "heif"}


class Lowered(NamedTuple):
    """A filter that the collection takes.

    Attributes:
        meanings: How each filter of the line was understood, in words.
        hints: What the line probably meant instead, where a value matches nothing.
        corrections: The same filters, once for each hint, with the value that was probably meant.
    """

    filter: Filter
    meanings: tuple[str, ...]
    hints: tuple[str, ...]
    corrections: tuple[tuple[FilterExpression, ...], ...]


def lower(filters: Sequence[FilterExpression], collection: ImageCollection) -> Lowered:
    """Translate the filters of a line. Patterns are compared with the values that the collection holds."""
    lowering = _Lowering(collection)
    read = [lowering.read(wanted) for wanted in filters]
    whole = reduce(and_, (each.filter for each in read), Filter())
    corrections = tuple(
        tuple(replaced(wanted, wrong, meant) for wanted in filters) for wrong, meant in lowering.corrections
    )
    return Lowered(whole, tuple(each.meaning for each in read), tuple(lowering.hints), corrections)


def unmatched(filters: Sequence[FilterExpression], collection: ImageCollection) -> list[str]:
    """Return which numbers there are, for each filter by date or size that no picture passes."""
    lowering, hints = _Lowering(collection), []
    for wanted in filters:
        if isinstance(wanted, Combination):
            hints += unmatched(wanted.members, collection)
            continue
        key = {"before": "year", "after": "year"}.get(wanted.key, wanted.key)
        if key not in ("year", "width", "height") or wanted.negated or collection.count(lowering.read(wanted).filter):
            continue
        if known := sorted(int(each) for each in collection.facet(key, MOST_VALUES)):
            hints.append(f"no picture has {wanted}; {key} goes from {known[0]} to {known[-1]}")
    return hints


class _Read(NamedTuple):
    filter: Filter
    meaning: str


class _Lowering:
    """Translates filters, and collects hints on the way."""

    def __init__(self, collection: ImageCollection) -> None:
        self._collection = collection
        self.hints: list[str] = []
        self.corrections: list[tuple[Condition, Condition]] = []

    def read(self, wanted: FilterExpression) -> _Read:
        if isinstance(wanted, Condition):
            read = self._condition(wanted)
        else:
            members = [self.read(member) for member in wanted.members]
            between = " or " if wanted.operator == "OR" else " and "
            meaning = "(" + between.join(member.meaning for member in members) + ")"
            filters = tuple(member.filter for member in members)
            read = _Read(Filter(either=(filters,)) if wanted.operator == "OR" else reduce(and_, filters), meaning)
        if not wanted.negated:
            return read
        return _Read(Filter(neither=(read.filter,)), f"not {read.meaning}")

    def _condition(self, wanted: Condition) -> _Read:
        key, value = wanted.key, wanted.value
        if key == "has":
            return self._has(value)
        if key == "text":
            return self._text(value)
        if key in ("before", "after"):
            return _date(key, value)
        if key in ("width", "height", "year"):
            return _number(wanted)
        if read := {"orientation": self._orientation, "place": self._place, "near": self._near, "kind": _kind}.get(key):
            return read(wanted)
        matches = {"folder": in_folder, "path": matches_path, "camera": _contains, "format": _is_format}[key]
        return self._values(wanted, matches)

    def _has(self, value: str) -> _Read:
        if value != "duplicates":
            return _Read(Filter(must_not=((HAS[value], None),)), f"with {value}")
        stacks = self._collection.facet("stack", MOST_VALUES, least=2)  # most stacks hold one picture
        alike = _all(("stack", [str(stack) for stack in stacks]))
        return _Read(Filter(either=((alike, _all(("path", MoreThan(1)))),)), "with copies or near-duplicates")

    def _text(self, value: str) -> _Read:
        if not self._collection.count(Filter(must_not=(("text", None),))):
            self.hints.append("no picture here has text that was read; ingest --read-text reads it")
        return _Read(_all(("text", Words(value))), f"showing the words {value}")

    def _values(self, wanted: Condition, matches: Callable[[str, str], bool]) -> _Read:
        key, value = wanted.key, wanted.value
        known = [str(each) for each in self._collection.facet(key, MOST_VALUES)]
        found = sorted(each for each in known if matches(value, each))
        if not found:
            self._correct(f"no picture has {key}:{value}", wanted, value, known)
        some = ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
        return _Read(_all((key, found)), f"{key} {some or f'{value}, which no picture has'}")

    def _correct(self, what: str, wanted: Condition, value: str, known: Sequence[str], key: str = "") -> None:
        """Record what is wrong with a filter, and the filters that were probably meant, or else common ones.

        Args:
            what: What is wrong, in words.
            wanted: The filter.
            value: What it asks for.
            known: The values of `key` that there are, the most frequent first.
            key: The key of the filters to name, if it is not that of the wrong one.
        """
        key = key or wanted.key
        meant = [replace(wanted, key=key, value=each, negated=False) for each in _near(key, value, known)]
        self.corrections += [(wanted, replace(each, negated=wanted.negated)) for each in meant]
        names = [PurePosixPath(each).name if key == "folder" else each for each in known if key != "path" and not meant]
        others = [Condition(key, ":", each) for each in dict.fromkeys(filter(None, names))][:MOST_NAMED]
        named = " or ".join(map(str, meant or others))
        also = f"; did you mean {named}?" if meant else f"; try {named}" if others else ""
        self.hints.append(what + also)

    def _place(self, wanted: Condition) -> _Read:
        """Compare whole names; each name between commas must be one of the picture's place names."""
        value, known = wanted.value, self._places()
        if not known:
            self.hints.append("no picture has the name of a place; ingest --refresh finds them")
            return _Read(_all(("place", [])), f"place {value}, where no picture is")
        parts = [value] if value in known else [part for part in value.split(",") if part.strip()] or [value]
        names = [_names_of(part, known) for part in parts]
        if not all(names):
            self._correct(f"no picture has place:{value}", wanted, value, known)
        meaning = ", ".join(" or ".join(each) for each in names) if all(names) else f"{value}, where no picture is"
        return _Read(_all(*(("place", each) for each in names)), f"place {meaning}")

    def _near(self, wanted: Condition) -> _Read:
        nearby = read_nearby(wanted.value)
        assert nearby
        name, point = nearby.place, nearby.point
        if point is None:
            cities = all_cities().called(name)
            if not cities:
                self._correct(f"no city is called {name}", wanted, name, self._places(), "place")
                return _Read(_all(("place", [])), f"near {name}, which is not a known city")
            name, point = cities[0].whole_name, (cities[0].latitude, cities[0].longitude)
        if not self._collection.count(Filter(must_not=(("location", None),))):
            self.hints.append("no picture says where it was taken; ingest --refresh reads it again from the files")
        return _Read(_all(("location", Circle(*point, nearby.km * 1000))), f"within {nearby.km:g} km of {name}")

    def _places(self) -> list[str]:
        return [str(each) for each in self._collection.facet("place", MOST_VALUES)]

    def _orientation(self, wanted: Condition) -> _Read:
        """Compare heights with widths. Engines cannot, so every existing width gets its own bounds."""
        value = wanted.value
        bound = _TURNED[value]
        widths = [int(width) for width in self._collection.facet("width", MOST_VALUES)]
        bounds = [{bound: width} | ({"lte": width} if value == "square" else {}) for width in widths]
        shapes = tuple(_all(("width", width), ("height", height)) for width, height in zip(widths, bounds, strict=True))
        return _Read(Filter(either=(shapes,)) if shapes else _all(("width", -1)), f"{value} pictures")


def _all(*conditions: Stored) -> Filter:
    return Filter(must=conditions)


def _names_of(name: str, known: Sequence[str]) -> list[str]:
    """Return those of the known names that are a name, or else that cities and countries have that are called so."""
    wanted = folded_words(name)
    found = [each for each in known if folded_words(each) == wanted]
    return found or sorted(all_cities().meant_by(name) & set(known))


def _near(key: str, value: str, known: Iterable[str]) -> list[str]:
    """Return at most three values that would match and were probably meant."""
    if key == "folder":
        known = {part for folder in known for part in PurePosixPath(folder).parts if part != "/"}
    elif key == "path":
        known = {PurePosixPath(path).name for path in known}
    elif key == "format":
        return sorted({each.lower() for each in known})[:8]
    parts = [each for each in known if folded(value) in folded(each)]
    return sorted(parts, key=lambda each: (len(each), each))[:MOST_NAMED] or nearest(value, known, MOST_NAMED)


def _date(key: str, value: str) -> _Read:
    year, month, day = ([int(part) for part in value.split("-")] + [0, 0])[:3]
    meaning = f"{key} {value}" + (" has ended" if key == "after" and not day else "")
    if not month:  # in the local time of the place where it was taken, like `year:`
        return _Read(_all(("year", {"lt" if key == "before" else "gt": year})), meaning)
    if key == "before":
        return _Read(_all(("date", {"lt": f"{year:04}-{month:02}-{day or 1:02}T00:00:00Z"})), meaning)
    last = day or calendar.monthrange(year, month)[1]
    return _Read(_all(("date", {"gt": f"{year:04}-{month:02}-{last:02}T23:59:59.999999Z"})), meaning)


def _kind(wanted: Condition) -> _Read:
    videos = _all(("kind", list(KINDS["video"])))
    return _Read(videos if wanted.value == "video" else Filter(neither=(videos,)), f"{wanted.value}s")


def _number(wanted: Condition) -> _Read:
    first, _, last = wanted.value.partition("..")
    if last:
        bounds = {"gte": int(first), "lte": int(last)}
        return _Read(_all((wanted.key, bounds)), f"{wanted.key} from {first} to {last}")
    if wanted.op == ":":
        return _Read(_all((wanted.key, int(first))), f"{wanted.key} {first}")
    return _Read(_all((wanted.key, {_BOUNDS[wanted.op]: int(first)})), f"{wanted.key} {wanted.op} {first}")


def in_folder(wanted: str, folder: str) -> bool:
    """Return whether a folder is the wanted one or below it. Names must match in full; case is ignored.

    >>> in_folder("alps", "/photos/Alps/2021"), in_folder("photos/alps", "/photos/Alps"), in_folder("alp", "/alps")
    (True, True, False)
    """
    parts = PurePosixPath(_place(wanted)).parts
    there = PurePosixPath(folded(folder)).parts
    return any(there[start : start + len(parts)] == parts for start in range(len(there) - len(parts) + 1))


def matches_path(pattern: str, path: str) -> bool:
    """Return whether a path ends in what the pattern describes. `*` also matches slashes; case is ignored.

    >>> matches_path("*.jpg", "/a/b.JPG"), matches_path("b/*.jpg", "/a/b/c/d.jpg"), matches_path("b", "/a/bb")
    (True, True, False)
    """
    pattern, path = _place(pattern), folded(path)
    return fnmatchcase(path, pattern) or (not pattern.startswith("/") and fnmatchcase(path, f"*/{pattern}"))


def is_end_of(place: str, path: str) -> bool:
    """Return whether a path ends in `place`. Names must match in full, including case.

    >>> is_end_of("b/c.jpg", "/a/b/c.jpg"), is_end_of("./c.jpg", "/a/b/c.jpg"), is_end_of(".jpg", "/a/b/c.jpg")
    (True, True, False)
    """
    return path.endswith(f"/{place.removeprefix('./')}")


def is_of_this_machine(value: str) -> bool:
    """Return whether a path's meaning depends on the user or current folder: one below `~`, `.` or `..`."""
    return value.split("/", maxsplit=1)[0] in (".", "..") or value.startswith("~")


def folded(text: str) -> str:
    """Return a text in lower case, with each letter in one Unicode form, in which file systems differ."""
    return normalize("NFC", text.casefold())


def _place(pattern: str) -> str:
    if not is_of_this_machine(pattern):
        return folded(pattern)
    return folded(os.path.abspath(os.path.expanduser(pattern)))  # noqa: PTH111 - a pattern, not a path


def _contains(wanted: str, value: str) -> bool:
    return folded(wanted) in folded(value)


def _is_format(wanted: str, value: str) -> bool:
    return _FORMATS.get(wanted.casefold(), wanted.casefold()) == value.casefold()
