"""Facts from beside a picture's file: XMP files, Google Takeout's JSON files, and the file's name."""

import json
import os
from collections.abc import Iterator, Mapping

from gallery.errors import UnreadableImage
from gallery.pictures import dates
from gallery.pictures.facts import Facts, Location, facts_of_xmp, merged, on_earth, tidy
from gallery.pictures.files import read_file

MOST_BYTES = 2**22
_TAKEOUT = ".supplemental-metadata"
_TAKEOUT_LENGTH = 46
"""The length to which Google Takeout cuts the name of a JSON file before its suffix."""


def facts_beside(path: str) -> Facts:
    """Return the facts about the picture at `path` from beside its file; broken files are ignored."""
    named = dates.read_name(os.path.basename(path))  # noqa: PTH119 - called for every file
    return merged([*_found(path), Facts(taken_at=named, date_source="name" if named else "mtime")])


def _found(path: str) -> Iterator[Facts]:
    for candidate in _xmp_files(path):
        if data := _read(candidate):
            yield facts_of_xmp(data)
            break
    for candidate in _takeout_files(path):
        if data := _read(candidate):
            yield _takeout(data)
            break


def _xmp_files(path: str) -> list[str]:
    stem = os.path.splitext(path)[0]
    return [each + suffix for each in (path, stem) for suffix in (".xmp", ".XMP")]


def _takeout_files(path: str) -> Iterator[str]:
    """Yield where Google Takeout puts its facts: `a.jpg` has `a.jpg.supplemental-metadata.json`, usually cut short.

    The number in a name such as `a(1).jpg` comes last: `a.jpg(1).json`. An edited copy has no JSON file of its own.
    """
    folder, name = os.path.split(path)
    stem, suffix = os.path.splitext(name)
    bare = stem.removesuffix("-edited")
    before, bracket, number = bare.rpartition("(")
    numbered = bracket and number.endswith(")") and number[:-1].isdigit()
    plain, mark = (f"{before}{suffix}", f"({number}") if numbered else (f"{bare}{suffix}", "")
    for longer in (_TAKEOUT, ""):
        yield os.path.join(folder, f"{(plain + longer)[:_TAKEOUT_LENGTH]}{mark}.json")


def _takeout(data: bytes) -> Facts:
    try:
        said = json.loads(data)
        if not isinstance(said, dict) or "photoTakenTime" not in said:
            return Facts()
        seconds = _mapping(said["photoTakenTime"]).get("timestamp")
        date = dates.from_seconds(float(str(seconds))) if seconds is not None else None
    except (ValueError, RecursionError):
        return Facts()
    words = (tidy(str(said.get("description") or "")),)
    return Facts(
        taken_at=date,
        date_source="takeout" if date else "mtime",
        location=_location(_mapping(said.get("geoData"))) or _location(_mapping(said.get("geoDataExif"))),
        said=tuple(word for word in words if word),
    )


def _location(geo: Mapping[str, object]) -> Location | None:
    try:
        return on_earth(float(str(geo["latitude"])), float(str(geo["longitude"])))
    except (KeyError, ValueError):
        return None


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _read(path: str) -> bytes | None:
    if not os.path.isfile(path):  # noqa: PTH113 - called six times for every file
        return None
    try:
        return read_file(path, MOST_BYTES)
    except UnreadableImage:
        return None
