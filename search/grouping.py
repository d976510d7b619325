"""Hits that belong together: of one folder, of one day, or almost the same picture."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import PurePath
from typing import TYPE_CHECKING

from gallery.records import Hit
from gallery.stores import Filter, date_of, folder_values

if TYPE_CHECKING:
    from search.asked import Grouping

GROUP_SIZE, STACK_SIZE = 5, 100
"""How many hits of a folder or day are kept, and of near-duplicates."""
_FIRST_POOL = 100
MOST_GROUPED = 20_000


@dataclass(frozen=True, slots=True)
class Group:
    """Hits that belong together.

    Attributes:
        name: The folder, the day, or of near-duplicates the first hit's path.
        hits: The best five of a folder or day, best first; up to a hundred near-duplicates, best file first.
    """

    name: str
    hits: tuple[Hit, ...]


def grouped(rank: Callable[[int], list[Hit]], by: "Grouping", wanted: int, least: int = 0) -> list[Group]:
    """Return the first `wanted` groups, in the order of their first hits.

    Args:
        rank: Returns at most a given number of hits, in order.
        by: What the hits of a group have in common.
        wanted: Groups.
        least: How many hits to look at in any case.
    """
    size = max(_FIRST_POOL, least, (2 if by == "near-duplicates" else 4) * wanted)  # most pictures are alone
    while True:
        hits = rank(size)
        groups = _split(hits, by)
        if len(groups) >= wanted or len(hits) < size or size >= MOST_GROUPED:
            return groups[:wanted]
        size *= 4


def completed(groups: Sequence[Group], find: Callable[[list[str], int], Iterable[Hit]]) -> list[Group]:
    """Return groups of near-duplicates, adding members too far down the ranking to have been seen.

    Args:
        groups: Groups of near-duplicates.
        find: Returns at most a given number of hits of these stacks, in ranking order.
    """
    members: dict[str, list[Hit]] = {_key(group.hits[0], "near-duplicates"): [] for group in groups}
    stacks = [group.hits[0].image.stack for group in groups if group.hits[0].image.stack]
    for hit in find(stacks, min(MOST_GROUPED, len(stacks) * STACK_SIZE)) if stacks else ():
        members[_key(hit, "near-duplicates")].append(hit)
    return [
        replace(group, hits=(group.hits[0], *[hit for hit in found if hit.image.id != group.hits[0].image.id]))
        if len(found) > 1
        else group
        for group, found in zip(groups, (found[:STACK_SIZE] for found in members.values()), strict=True)
    ]


def best_file_first(group: Group) -> Group:
    """Return near-duplicates with the best file first: most pixels, then most bytes, then oldest."""
    first = min(group.hits, key=_worst_last)
    return Group(first.image.path, (first, *[hit for hit in group.hits if hit is not first]))


def _worst_last(hit: Hit) -> tuple[int, int, int, str]:
    image, files = hit.image, hit.image.files
    return -image.width * image.height, -files[0].size, min(file.mtime_ns for file in files), image.path


def filled(groups: Sequence[Group], by: "Grouping", rank: Callable[[int, Filter], list[Hit]]) -> list[Group]:
    """Return groups of folders or days with all of their first five, however late these come in the ranking.

    Args:
        groups: With the hits seen so far.
        by: What the hits of a group have in common.
        rank: Returns at most a given number of hits that pass a filter, in order.
    """
    return [group if len(group.hits) >= GROUP_SIZE else _filled(group, by, rank) for group in groups]


def _filled(group: Group, by: "Grouping", rank: Callable[[int, Filter], list[Hit]]) -> Group:
    size, known = GROUP_SIZE, {hit.image.id for hit in group.hits}
    where = Filter(must=(("folder", folder_values(group.name)),)) if by == "folder" else _around(group.name)
    while True:
        hits = rank(size, where)
        others = [hit for hit in hits if _key(hit, by) == group.name and hit.image.id not in known]
        members = (*group.hits, *others)[:GROUP_SIZE]
        if len(members) == GROUP_SIZE or len(hits) < size or size >= MOST_GROUPED:
            return replace(group, hits=members)
        size *= 4


def _around(day: str) -> Filter:
    """Return a filter for a day in any time zone: dates are compared in UTC, but days are the camera's."""
    number = date.fromisoformat(day).toordinal()
    bounds: dict[str, str] = {}
    if number > 1:
        bounds["gte"] = f"{date.fromordinal(number - 1)}T00:00:00Z"
    if number + 2 <= date.max.toordinal():
        bounds["lt"] = f"{date.fromordinal(number + 2)}T00:00:00Z"
    return Filter(must=(("date", bounds),))


def _split(hits: Sequence[Hit], by: "Grouping") -> list[Group]:
    members: dict[str, list[Hit]] = {}
    for hit in hits:
        members.setdefault(_key(hit, by), []).append(hit)
    if by == "near-duplicates":
        return [Group(found[0].image.path, tuple(found[:STACK_SIZE])) for found in members.values()]
    return [Group(key, tuple(found[:GROUP_SIZE])) for key, found in members.items()]


def _key(hit: Hit, by: "Grouping") -> str:
    if by == "folder":
        return str(PurePath(hit.image.path).parent)
    if by == "day":
        return date_of(hit.image)[:10]
    return hit.image.stack or hit.image.id  # a picture without a stack stands alone
