"""Stacks: pictures that are nearly the same, such as a photo and its smaller copy, or the shots of a burst.

A stack is a connected component over two relations: equal perceptual hashes of the grey levels, with nearly the same
colours; or a cosine above the encoder's measured threshold and close capture times. A stack is named after its smallest
id; a picture without near-duplicates is a stack of its own. So stacks depend only on the pictures, not on their order.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from gallery.pictures.dates import has_time
from gallery.pictures.hashing import MOST_COLOUR_DISTANCE, colours_of
from gallery.records import ImageRecord
from gallery.stores import Editor

THRESHOLDS = {"conse 9656183e 53aa5117 loader 1": 0.93}
"""The encoder's space -> the least cosine of near-duplicates, as measured in results/duplicates.md.

For other encoders, the hash alone decides.
"""
CLOSE_SECONDS = 10
"""How far apart the capture times of near-duplicates may be."""
MOST_AT_ONCE = 100
"""How many pictures a camera may take in a second; if more share a date, it was made up."""
_PAGE = 256
_BLOCK = 2048
_NO_TIME = np.iinfo(np.int64).min

_ROW = np.dtype(
    [("id", "S16"), ("hash", "u8"), ("has_hash", "?"), ("colours", "u1", 8), ("second", "i8"), ("stack", "S16")]
)
"""Kept for every picture: 57 bytes, so a million take 57 MB."""


def restack(collection: Editor) -> int:
    """Update the stacks of an open collection, and return how many pictures changed theirs."""
    rows = _rows(collection.points.records())
    parents = _Components()
    for one, two in _alike(rows):
        parents.join(one, two)
    threshold = THRESHOLDS.get(collection.spec.space) if collection.spec else None
    if threshold is not None:
        for one, two in _similar(collection, rows, threshold):
            parents.join(one, two)
    wanted = rows["id"].copy()
    for member, first in parents.firsts():  # rows are in the order of the ids, so the first is the smallest
        wanted[member] = rows["id"][first]
    changed = np.flatnonzero(wanted != rows["stack"])
    for start in range(0, len(changed), _PAGE):
        page = changed[start : start + _PAGE]
        stacks = {_text(rows["id"][row]): _text(wanted[row]) for row in page}
        records = collection.points.get(list(stacks))
        collection.update([replace(record, stack=stacks[id]) for id, record in records.items()])
    collection.flush()
    return len(changed)


class _Components:
    """Connected components of the rows that are joined to others."""

    def __init__(self) -> None:
        self._parents: dict[int, int] = {}

    def join(self, one: int, two: int) -> None:
        first, second = sorted((self._root(one), self._root(two)))
        self._parents[second] = first

    def firsts(self) -> Iterator[tuple[int, int]]:
        """Yield each joined row, and the first row of its component."""
        return ((row, self._root(row)) for row in list(self._parents))

    def _root(self, row: int) -> int:
        while (parent := self._parents.setdefault(row, row)) != row:
            self._parents[row] = self._parents.setdefault(parent, parent)
            row = parent
        return row


def _rows(records: Iterator[ImageRecord]) -> NDArray[np.void]:
    """Return a row for every picture, in the order of the ids."""
    pages = [np.empty(0, _ROW)]
    values: list[tuple[bytes, int, bool, tuple[int, ...], int, bytes]] = []
    for record in records:
        values.append(
            (
                UUID(record.id).bytes,
                int((record.phash or "0")[:16], 16),
                record.phash is not None,
                tuple(colours_of(record.phash or "")),
                _second(None if record.frame is not None else record.taken_at),  # those of one video are close
                UUID(record.stack).bytes if record.stack else b"",
            )
        )
        if len(values) == 10_000:
            pages.append(np.array(values, _ROW))
            values.clear()
    rows = np.concatenate([*pages, np.array(values, _ROW)])
    return rows[np.argsort(rows["id"])]


def _second(taken_at: str | None) -> int:
    """Return a capture time in seconds by the camera's clock: not all cameras record its offset from UTC."""
    if taken_at is None or not has_time(taken_at):
        return _NO_TIME
    return int(datetime.fromisoformat(taken_at).replace(tzinfo=UTC).timestamp())


def _alike(rows: NDArray[np.void]) -> Iterator[tuple[int, int]]:
    """Yield pairs that connect all rows of one hash with close colours, directly or through others."""
    hashed = np.flatnonzero(rows["has_hash"])
    order = hashed[np.argsort(rows["hash"][hashed], kind="stable")]
    starts = np.flatnonzero(np.diff(rows["hash"][order], prepend=0) != 0)
    for group in np.split(order, starts[starts > 0]):
        if len(group) > 1:
            yield from _of_one_hash(rows, group)


def _of_one_hash(rows: NDArray[np.void], group: NDArray[np.intp]) -> Iterator[tuple[int, int]]:
    """Yield pairs that connect the rows of a group; each row is compared with those not yet reached."""
    left, reached = group, [int(group[0])]
    left = left[1:]
    while len(left):
        row = reached.pop() if reached else int(left[0])
        apart = np.abs(rows["colours"][left].astype(np.int16) - rows["colours"][row].astype(np.int16)).max(axis=1)
        near = apart <= MOST_COLOUR_DISTANCE
        for other in left[near]:
            yield row, int(other)
            reached.append(int(other))
        left = left[~near]


def _similar(collection: Editor, rows: NDArray[np.void], threshold: float) -> Iterator[tuple[int, int]]:
    """Yield pairs of rows with close times and a cosine of at least `threshold`."""
    order, ends = _close_in_time(rows["second"])
    for start in range(0, len(order), _BLOCK):
        stop = min(start + _BLOCK, len(order))
        block = order[start : ends[stop - 1]]
        vectors = _vectors(collection, [_text(id) for id in rows["id"][block]])
        for at in range(start, stop):
            cosines = vectors[at + 1 - start : ends[at] - start] @ vectors[at - start]
            for distance in np.flatnonzero(cosines >= threshold):
                yield int(order[at]), int(order[at + 1 + distance])


def _close_in_time(seconds: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows with a capture time, sorted by it, and for each the end of those close to it.

    A second shared by more than `MOST_AT_ONCE` pictures is ignored; so are pictures with no others close by.
    """
    _, inverse, counts = np.unique(seconds, return_inverse=True, return_counts=True)
    timed = np.flatnonzero((seconds != _NO_TIME) & (counts[inverse] <= MOST_AT_ONCE))
    order = timed[np.argsort(seconds[timed], kind="stable")]
    near = np.diff(seconds[order]) <= CLOSE_SECONDS
    order = order[np.append(near, False) | np.append(False, near)] if len(order) else order
    return order, np.searchsorted(seconds[order], seconds[order] + CLOSE_SECONDS, side="right")


def _vectors(collection: Editor, ids: Sequence[str]) -> NDArray[np.float32]:
    """Return one row for each id; zeros for a picture that another process has removed."""
    found: dict[str, NDArray[np.float32]] = {}
    for start in range(0, len(ids), _PAGE):
        found |= collection.points.vectors(ids[start : start + _PAGE])
    dimension = collection.spec.dimension if collection.spec else 0
    return np.stack([found.get(id, np.zeros(dimension, np.float32)) for id in ids])


def _text(id: bytes) -> str:
    return str(UUID(bytes=bytes(id).ljust(16, b"\0")))
