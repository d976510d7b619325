"""The filters of the query language by name: what each takes, and suggestions for a misspelt one."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches

from search.nearby import NEARBY, read_nearby

HAS = {"captions": "captions", "text": "text", "camera": "camera", "duplicates": "stack", "place": "location"}
"""What `has:` takes, and the payload key that it asks for."""
KINDS = {"picture": (), "video": ("video", "frame")}
"""What `kind:` takes, and the values of the payload's key that mean it."""
ORIENTATIONS = ("portrait", "landscape", "square")
_DATE = re.compile(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?", re.ASCII)
_SEEN = r"[^\s\x1c-\x1f\x85]"
"""A visible character. The API's description has JavaScript's expressions, whose `\\s` lacks these separators."""
_PLACE = rf"^(?!~|\.{{1,2}}(/|$))[\s\S]*{_SEEN}"
"""A place over HTTP, where `~` and relative paths such as `./` mean nothing."""
_OPERATOR = "(<=|>=|<|>)?"
_MONTH_AND_DAY = "(-(0[1-9]|1[0-2])|-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|-(0[13-9]|1[0-2])-(29|30))"
_DATES = f"^([1-9][0-9]{{3}}|0[1-9][0-9]{{2}}|00[1-9][0-9]|000[1-9]){_MONTH_AND_DAY}?$"
_YEARS = re.compile(r"(\d{4})(?:\.\.(\d{4}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Key:
    """A filter.

    Attributes:
        takes: What it takes, in words.
        accepts: Says whether it takes a value with an operator.
        ordered: Whether `<`, `<=`, `>` and `>=` may stand in place of the colon.
        example: A value, for documentation.
        pattern: A regular expression for what it takes over HTTP, for the API's documentation; it does not check that a
            day exists.
    """

    takes: str
    accepts: Callable[[str, str], bool]
    example: str
    pattern: str
    ordered: bool = False


def is_date(value: str) -> bool:
    """Return whether `value` is a year, a month or a day that exists."""
    match = _DATE.fullmatch(value)
    if not match:
        return False
    try:
        date(int(match[1]), int(match[2] or 1), int(match[3] or 1))
    except ValueError:
        return False
    return True


def _accepts_year(op: str, value: str) -> bool:
    years = _YEARS.fullmatch(value)
    return bool(years and (op == ":" or not years[2]))


def _text(example: str, pattern: str = _SEEN) -> Key:
    return Key("a value", lambda _, value: bool(value.strip()), example, pattern)


def _pixels(example: str) -> Key:
    takes = "a number of pixels"
    return Key(
        takes,
        lambda _, value: bool(re.fullmatch(r"[0-9]{1,9}", value)),
        example,
        f"^{_OPERATOR}[0-9]{{1,9}}$",
        ordered=True,
    )


def _date(example: str) -> Key:
    return Key("a date such as 2021, 2021-06 or 2021-06-15", lambda _, value: is_date(value), example, _DATES)


def _near(example: str) -> Key:
    takes = "a place such as Lisbon or 38.72,-9.14, or one with a distance such as Lisbon within 5 km"
    return Key(takes, lambda _, value: read_nearby(value) is not None, example, NEARBY)


def _one_of(values: Iterable[str], example: str) -> Key:
    known = tuple(values)
    return Key(f"one of {', '.join(known)}", lambda _, value: value in known, example, f"^({'|'.join(known)})$")


KEYS = {
    "folder": _text("alps", _PLACE),
    "path": _text("beach/*.jpg", _PLACE),
    "camera": _text("canon"),
    "format": _text("png"),
    "year": Key(
        "a year such as 2021, or with a colon years such as 2019..2021",
        _accepts_year,
        "2019..2021",
        rf"^({_OPERATOR}[0-9]{{4}}|[0-9]{{4}}\.\.[0-9]{{4}})$",
        ordered=True,
    ),
    "before": _date("2021-06"),
    "after": _date("2021"),
    "width": _pixels("2000"),
    "height": _pixels("1000"),
    "orientation": _one_of(ORIENTATIONS, "portrait"),
    "has": _one_of(HAS, "captions"),
    "place": _text("Portugal"),
    "near": _near("38.72,-9.14 within 5 km"),
    "text": _text("invoice"),
    "kind": _one_of(KINDS, "video"),
}
_FAMILIAR = {
    "date": "year:, before: or after:",
    "day": "before: and after:",
    "month": "before: and after:",
    "taken": "year:, before: or after:",
    "since": "after:",
    "until": "before:",
    "tag": "path:, folder: or plain words",
    "keyword": "plain words",
    "caption": "has:captions, or plain words",
    "album": "folder:",
    "dir": "folder:",
    "in": "folder:",
    "name": "path:",
    "file": "path:",
    "filename": "path:",
    "ext": "format:",
    "type": "kind: or format:",
    "media": "kind:",
    "video": "kind:video",
    "movie": "kind:video",
    "make": "camera:",
    "model": "camera:",
    "size": "width: or height:",
    "shape": "orientation:",
    "city": "place:",
    "country": "place:",
    "location": "place: or near:",
    "gps": "near: or has:place",
    "around": "near:",
    "is": "has: or orientation:",
    "ocr": "text:",
}


def nearest(word: str, known: Iterable[str], count: int = 1) -> list[str]:
    """Return the known words that were probably meant, most probable first.

    >>> nearest("ofset", ["limit", "offset"]), nearest("canonn", ["Canon EOS 5D", "canon"]), nearest("x", ["limit"])
    (['offset'], ['canon'], [])
    """
    by_case = {each.casefold(): each for each in known}
    return [by_case[each] for each in get_close_matches(word.casefold(), by_case, count, 0.6)]


def unknown_key(key: str) -> str:
    """Return the error message for an unknown filter, with the one that was probably meant."""
    meant = _FAMILIAR.get(key) or _FAMILIAR.get(key.removesuffix("s"))
    close = nearest(key, KEYS)
    if close and not meant:
        meant = f"{close[0]}:"
    cure = f"use {meant}" if meant else f"the filters are {', '.join(KEYS)}"
    return f"there is no filter {key}; {cure}, or put quotes around it if it is text"


def fault(key: str, op: str, value: str) -> str | None:
    """Return what is wrong with a filter's value, if anything."""
    if KEYS[key].accepts(op, value):
        return None
    close = nearest(value, [*HAS, *ORIENTATIONS, *KINDS]) if key in ("has", "orientation", "kind") else []
    cure = f"did you mean {key}:{close[0]}?" if close else "put quotes around it if it is text"
    return f"{key} takes {KEYS[key].takes}, not {value!r}; {cure}"
