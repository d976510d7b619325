"""What both stores share: checks before writing, and sorting independent of the engine."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from gallery.errors import BadInput, EncoderError
from gallery.records import Hit, ImageRecord
from gallery.stores.dates import moment
from gallery.stores.filters import Filter, Where, as_filter
from gallery.stores.payload import COUNTED_KEYS, Payload

T = TypeVar("T")


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the items in lists of `size`; the last one may be shorter."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def check_vectors(vectors: NDArray[np.float32], count: int, dimension: int) -> None:
    """Refuse vectors that the engines would silently accept or drop.

    Raises:
        EncoderError: The vectors are not `count` finite rows of length one.
    """
    if vectors.shape != (count, dimension):
        raise EncoderError(f"the encoder gave vectors of shape {vectors.shape}, not ({count}, {dimension})")
    if not np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3):
        raise EncoderError("the encoder gave a vector that is not finite and of length one; nothing was written")


def check_facet(key: str) -> None:
    """Refuse keys whose values cannot be counted.

    Raises:
        BadInput: Values of this key cannot be counted.
    """
    if key not in COUNTED_KEYS:
        raise BadInput(f"values of {key!r} cannot be counted; choose one of: {', '.join(COUNTED_KEYS)}")


def count_values(payloads: Iterable[Payload | None], key: str) -> Counter[str | int]:
    """Count how many payloads have each value of a key; a value that one payload repeats counts once."""
    counts = Counter[str | int]()
    for payload in payloads:
        values = (payload or {}).get(key, ())
        counts.update(set(values) if isinstance(values, list | tuple) else (values,))
    return counts


def best_first(hits: Iterable[Hit]) -> list[Hit]:
    """Sort hits by score, equal scores by id."""
    return sorted(hits, key=lambda hit: (-hit.score, hit.image.id))


def newest_first(
    page: Callable[[Filter, int, bool], list[ImageRecord]],
    limit: int,
    where: Where | None,
    at_once: int | None = None,
) -> list[ImageRecord]:
    """Return the newest pictures, in an order independent of the engine.

    The engine returns pictures of the same date in any order, so those of the last date are requested again by id.

    Args:
        page: Returns at most a given number of pictures that pass a filter: newest first if true, else by id.
        limit: The most pictures to return.
        where: Filters.
        at_once: The most that may be requested by date, if the engine has a limit.
    """
    wanted = as_filter(where)
    found: list[ImageRecord] = []
    while len(found) < limit:
        size = min(limit - len(found), at_once or limit)
        newest = page(wanted, size, True)
        if len(newest) < size:
            found += newest
            break
        last = moment(newest[-1])
        found += [record for record in newest if moment(record) > last]
        same = {"gte": last.isoformat(), "lte": last.isoformat()}
        found += page(wanted & Filter(must=(("date", same),)), limit - len(found), False)
        wanted &= Filter(must=(("date", {"lt": last.isoformat()}),))
    return sorted(found, key=lambda record: (-moment(record).timestamp(), record.id))
