"""The filters of a line become a filter of the collection."""

import calendar
import os
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import NamedTuple

from gallery.stores.collection import ImageCollection
from gallery.stores.filters import Condition as Wanted
from gallery.stores.filters import Filter
from search.query import HAS, Condition

MOST_VALUES = 1_000_000
"""Folders, paths or cameras that a pattern is compared with."""
_BOUNDS = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
_FORMATS = {"jpg": "jpeg", "tif": "tiff", "heic": "heif"}


class Lowered(NamedTuple):
    """A filter that the collection takes, and what each condition of the line was taken for."""

    filter: Filter
    meanings: tuple[str, ...]


def lower(conditions: Sequence[Condition], collection: ImageCollection) -> Lowered:
    """Translate the filters of a line. Patterns are compared with the values that the collection holds."""
    must: list[Wanted] = []
    must_not: list[Wanted] = []
    meanings = []
    for condition in conditions:
        wanted, meaning = _lowered(condition, collection)
        # `has:captions` is: not without a value.
        (must_not if condition.negated != (wanted[1] is None) else must).append(wanted)
        meanings.append(f"{'not ' if condition.negated else ''}{meaning}")
    return Lowered(Filter(tuple(must), tuple(must_not)), tuple(meanings))


def _lowered(condition: Condition, collection: ImageCollection) -> tuple[Wanted, str]:
    key, value = condition.key, condition.value
    if key == "has" and value == "duplicates":  # every picture has a stack; most are alone in it
        stacks = collection.facet("stack", MOST_VALUES, least=2)
        return ("stack", [str(stack) for stack in stacks]), "with near-duplicates"
    if key == "has":
        return (HAS[value], None), f"with {value}"
    if key in ("before", "after"):
        return _date(key, value)
    if key in ("width", "height", "year"):
        return _number(condition)
    matches = {"folder": in_folder, "path": matches_path, "camera": _contains, "format": _is_format}[key]
    return _values(key, value, collection, matches)


def _values(
    key: str, value: str, collection: ImageCollection, matches: Callable[[str, str], bool]
) -> tuple[Wanted, str]:
    found = sorted(str(known) for known in collection.facet(key, MOST_VALUES) if matches(value, str(known)))
    some = ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
    return (key, found), f"{key} {some or f'{value}, of which there is none'}"


def _date(key: str, value: str) -> tuple[Wanted, str]:
    year, month, day = ([int(part) for part in value.split("-")] + [0, 0])[:3]
    meaning = f"{key} {value}" + (" has ended" if key == "after" and not day else "")
    if not month:  # by the calendar of the place where it was taken, as `year:` is
        return ("year", {"lt" if key == "before" else "gt": year}), meaning
    if key == "before":
        return ("date", {"lt": f"{year:04}-{month:02}-{day or 1:02}T00:00:00Z"}), meaning
    last = day or calendar.monthrange(year, month)[1]
    return ("date", {"gt": f"{year:04}-{month:02}-{last:02}T23:59:59.999999Z"}), meaning


def _number(condition: Condition) -> tuple[Wanted, str]:
    first, _, last = condition.value.partition("..")
    if last:
        return (condition.key, {"gte": int(first), "lte": int(last)}), f"{condition.key} from {first} to {last}"
    if condition.op == ":":
        return (condition.key, int(first)), f"{condition.key} {first}"
    return (condition.key, {_BOUNDS[condition.op]: int(first)}), f"{condition.key} {condition.op} {first}"


def in_folder(wanted: str, folder: str) -> bool:
    """Say whether a folder is the wanted one or lies below it; names count whole, and case does not.

    >>> in_folder("alps", "/photos/Alps/2021"), in_folder("photos/alps", "/photos/Alps"), in_folder("alp", "/alps")
    (True, True, False)
    """
    parts = PurePosixPath(os.path.expanduser(wanted).casefold()).parts  # noqa: PTH111 - a pattern, not a path
    there = PurePosixPath(folder.casefold()).parts
    return any(there[start : start + len(parts)] == parts for start in range(len(there) - len(parts) + 1))


def matches_path(pattern: str, path: str) -> bool:
    """Say whether a path ends in what the pattern describes; `*` stands for slashes too, and case does not count.

    >>> matches_path("*.jpg", "/a/b.JPG"), matches_path("b/*.jpg", "/a/b/c/d.jpg"), matches_path("b", "/a/bb")
    (True, True, False)
    """
    pattern = os.path.expanduser(pattern).casefold()  # noqa: PTH111 - a pattern, not a path
    path = path.casefold()
    return fnmatchcase(path, pattern) or (not pattern.startswith("/") and fnmatchcase(path, f"*/{pattern}"))


def is_end_of(place: str, path: str) -> bool:
    """Say whether a path ends in `place`; names count whole, and case does.

    >>> is_end_of("b/c.jpg", "/a/b/c.jpg"), is_end_of("./c.jpg", "/a/b/c.jpg"), is_end_of(".jpg", "/a/b/c.jpg")
    (True, True, False)
    """
    return path.endswith(f"/{place.removeprefix('./')}")


def _contains(wanted: str, value: str) -> bool:
    return wanted.casefold() in value.casefold()


def _is_format(wanted: str, value: str) -> bool:
    return _FORMATS.get(wanted.casefold(), wanted.casefold()) == value.casefold()
