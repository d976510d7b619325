"""Answers that are computed from payloads, for collections without payload indexes."""

from collections.abc import Iterable
from heapq import nlargest

import qdrant_edge as q

from gallery.stores.common import count_values
from gallery.stores.dates import in_utc
from gallery.stores.embedded.engine import damaged


def most_frequent(points: Iterable[q.Record], key: str, limit: int, least: int) -> dict[str | int, int]:
    """Count the values of a key, and return the most frequent ones with their counts, sorted as the engine does."""
    counts = count_values((point.payload for point in points), key)
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:limit]
    return {value: count for value, count in most if count >= least}


def newest_ids(points: Iterable[q.Record], limit: int, name: str) -> list[str]:
    """Return the ids of the `limit` newest points, newest first.

    Raises:
        Damaged: A point of the collection `name` has no date.
    """
    dates = {}
    for point in points:
        try:
            dates[str(point.id)] = in_utc((point.payload or {})["date"])
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(name, f"picture {point.id} has no date ({error})") from error
    return nlargest(limit, dates, key=dates.__getitem__)
