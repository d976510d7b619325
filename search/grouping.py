"""Hits that belong together: of one folder, of one day, or almost the same picture."""

from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import Literal

from gallery.payload import date_of
from gallery.records import Hit
from search.answer import Group

Grouping = Literal["folder", "day", "near-duplicates"]
GROUP_SIZE = 5
"""Hits that are kept of a folder or a day."""
_FIRST_POOL = 100
MOST_GROUPED = 20_000


def grouped(rank: Callable[[int], list[Hit]], by: Grouping, wanted: int) -> list[Group]:
    """Return the first `wanted` groups, in the order of their first hits.

    Args:
        rank: Returns at most so many hits, in order.
        by: What the hits of a group have in common.
        wanted: Groups.
    """
    size = max(_FIRST_POOL, 4 * wanted)
    while True:
        hits = rank(size)
        groups = _split(hits, by)
        if len(groups) >= wanted or len(hits) < size or size >= MOST_GROUPED:
            return groups[:wanted]
        size *= 4


def _split(hits: Sequence[Hit], by: Grouping) -> list[Group]:
    members: dict[str, list[Hit]] = {}
    for hit in hits:
        members.setdefault(_key(hit, by), []).append(hit)
    if by == "near-duplicates":
        return [Group(found[0].image.path, tuple(found)) for found in members.values()]
    return [Group(key, tuple(found[:GROUP_SIZE])) for key, found in members.items()]


def _key(hit: Hit, by: Grouping) -> str:
    if by == "folder":
        return str(PurePath(hit.image.path).parent)
    if by == "day":
        return date_of(hit.image)[:10]
    return getattr(hit.image, "stack", None) or hit.image.id  # one without a stack stands alone
