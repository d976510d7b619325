"""What a collection without payload indexes answers from its payloads."""

from collections import Counter
from collections.abc import Iterable
from heapq import nlargest
from itertools import chain

import qdrant_edge as q

from gallery.stores.dates import in_utc
from gallery.stores.embedded.engine import damaged


def most_frequent(points: Iterable[q.Record], key: str, limit: int, least: int) -> dict[str | int, int]:
    """Return the most frequent values of a key, and how many points have them, in the order of the engine."""
    values = [(point.payload or {}).get(key, []) for point in points]
    counts = Counter(chain.from_iterable(set(each) if isinstance(each, list) else [each] for each in values))
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:limit]
    return {value: count for value, count in most if count >= least}


def newest_ids(points: Iterable[q.Record], limit: int, name: str) -> list[str]:
    """Return the ids of the newest points, newest first.

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
