"""The ranking that an answer is cut from: by vector, by date, or by vector and words together."""

from collections.abc import Callable
from typing import Literal

from gallery.records import Hit
from gallery.stores.filters import Filter
from gallery.stores.payload import moment
from search.answer import Group
from search.grouping import Grouping, completed, filled, grouped

Order = Literal["score", "date"]
Rank = Callable[[int, Filter], list[Hit]]
"""Returns at most so many hits that a filter lets through, in order; fewer only where there are no more."""

MOST_BY_DATE = 10_000


def page(
    rank: Rank, limit: int, offset: int, sort: Order, group: Grouping | None, *, bounded: bool, fused: int = 0
) -> tuple[list[Hit], tuple[Group, ...]]:
    """Cut a page out of a ranking.

    Args:
        rank: The ranking.
        limit: Hits, or groups.
        offset: How many of the first are left out.
        sort: `date` puts what belongs to the answer in the order of its date.
        group: Puts hits together; `limit` and `offset` then count groups.
        bounded: Whether the ranking ends by itself, at a least score: then all of it is ordered by date, and the
            page is cut afterwards. Else what is ordered is the page.
        fused: How many hits are ranked in any case, where scores depend on what else is ranked, else 0: groups then
            have the members that the ranking came to, the same for whoever asks for one group more.
    """
    everything = Filter()
    if group:
        groups = grouped(lambda count: rank(count, everything), group, offset + limit, fused)[offset:]
        if group == "near-duplicates" and not fused:
            groups = completed(groups, lambda stacks, most: rank(most, Filter(must=(("stack", stacks),))))
        elif not fused:
            groups = filled(groups, group, rank)
        if sort == "date":
            groups.sort(key=lambda found: newest_key(found.hits[0]))
        return [found.hits[0] for found in groups], tuple(groups)
    if sort == "date" and bounded:
        return sorted(rank(MOST_BY_DATE, everything), key=newest_key)[offset : offset + limit], ()
    hits = rank(offset + limit, everything)[offset:]
    return (sorted(hits, key=newest_key) if sort == "date" else hits), ()


def newest_key(hit: Hit) -> tuple[float, str]:
    """Return what hits are sorted by to have the newest first, those of one date by id."""
    return -moment(hit.image).timestamp(), hit.image.id
