"""Completions of a line, from what the collection holds."""

from collections.abc import Iterable
from pathlib import PurePath

from search.engine import SearchEngine
from search.filtering import folded
from search.keys import HAS, KEYS, KINDS, ORIENTATIONS
from search.query import quoted

MOST = 8
_CAPTIONS = 2000
"""How many of the newest pictures have their captions looked at."""


def suggestions(line: str, engine: SearchEngine) -> list[str]:
    """Return at most `MOST` completions of this line, most frequent first."""
    before, _, last = line.rpartition(" ") if line.count('"') % 2 == 0 else _quoted_last(line)
    start = f"{before} " if before else ""
    sign, rest = (last[0], last[1:]) if last[:1] in ("-", "(") else ("", last)
    key, colon, value = rest.partition(":")
    if colon and key.lower() in KEYS:
        wanted = folded(value.removeprefix('"'))
        fitting = [each for each in _values(key.lower(), engine) if folded(each).startswith(wanted)]
        return [f"{start}{sign}{key}:{quoted(each) if ' ' in each else each}" for each in fitting[:MOST]]
    if not rest.strip():
        return []
    keys = [f"{start}{sign}{each}:" for each in KEYS if len(rest) > 1 and each.startswith(rest.lower())]
    captions = [each for each in _captions(engine) if folded(each).startswith(folded(line))]
    return [*keys, *captions][:MOST]


def _quoted_last(line: str) -> tuple[str, str, str]:
    """Split a line before the word with an unclosed quote."""
    place = line.rindex('"')
    before, space, last = line[:place].rpartition(" ")
    return before, space, last + line[place:]


def _values(key: str, engine: SearchEngine) -> Iterable[str]:
    fixed: dict[str, Iterable[str]] = {"has": HAS, "orientation": ORIENTATIONS, "kind": KINDS}
    if key in fixed:
        return fixed[key]
    if key == "folder":
        names: dict[str, int] = {}
        for folder, count in engine.contents.facet("folder").items():
            for part in PurePath(str(folder)).parts[1:]:
                names[part] = names.get(part, 0) + count
        return sorted(names, key=lambda name: -names[name])
    if key in ("camera", "format", "place", "near"):
        known = map(str, engine.contents.facet("place" if key == "near" else key))
        return [each.lower() for each in known] if key == "format" else list(known)
    if key in ("year", "before", "after"):
        return sorted((str(year) for year in engine.contents.facet("year")), reverse=True)
    return ()


def _captions(engine: SearchEngine) -> Iterable[str]:
    return engine.contents.captions(_CAPTIONS)
