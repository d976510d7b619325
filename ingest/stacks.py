"""Stacks: which pictures are nearly the same, such as a photo and its smaller copy, or the shots of a burst.

A stack is a connected component over two relations: equal perceptual hashes; or a cosine of at least what was
measured for the encoder, where the capture times lie close. It is named after the smallest id in it; a picture that
is like no other is a stack of its own. So stacks follow from the pictures alone, in whatever order they came.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gallery.records import ImageRecord
from gallery.stores.editor import Editor

THRESHOLDS = {"conse 9656183e 53aa5117 loader 1": 0.93}
"""Space of an encoder -> the least cosine of near-duplicates; measured: results/duplicates.md.

An encoder that is not here goes by the hash alone.
"""
CLOSE_SECONDS = 10
"""How far the capture times of near-duplicates may lie apart."""
MOST_AT_ONCE = 100
"""Pictures of one second that a camera may have taken; more of them share a date that somebody made up."""
_SIDE = 32
_LEAST_CONTRAST = 2.0
_PAGE = 256
_BLOCK = 2048
_NO_TIME = np.iinfo(np.int64).min

_ROW = np.dtype([("id", "S16"), ("hash", "u8"), ("has_hash", "?"), ("second", "i8"), ("stack", "S16")])
"""What is held of every picture: 49 bytes, so that a million take 50 MB."""


def perceptual_hash(picture: Image.Image) -> str | None:
    """Return the 64 bits of imagehash's `phash` in hexadecimal, or None for want of contrast: they would be noise."""
    import imagehash

    small = picture.convert("L").resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    if np.asarray(small, np.float32).std() < _LEAST_CONTRAST:
        return None
    return str(imagehash.phash(small))


def restack(collection: Editor) -> int:
    """Bring the stacks of a collection that was begun up to date, and return how many pictures got another one."""
    rows = _rows(collection.scan())
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
        records = collection.get(list(stacks))
        collection.update([replace(record, stack=stacks[id]) for id, record in records.items()])
    collection.flush()
    return len(changed)


class _Components:
    """Connected components of those rows that are joined to any other."""

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
    values: list[tuple[bytes, int, bool, int, bytes]] = []
    for record in records:
        values.append(
            (
                UUID(record.id).bytes,
                int(record.phash or "0", 16),
                record.phash is not None,
                _second(record.taken_at),
                UUID(record.stack).bytes if record.stack else b"",
            )
        )
        if len(values) == 10_000:
            pages.append(np.array(values, _ROW))
            values.clear()
    rows = np.concatenate([*pages, np.array(values, _ROW)])
    return rows[np.argsort(rows["id"])]


def _second(taken_at: str | None) -> int:
    """Return a capture time in seconds by the clock on the camera: not all cameras say how far that is from UTC."""
    if taken_at is None:
        return _NO_TIME
    return int(datetime.fromisoformat(taken_at).replace(tzinfo=UTC).timestamp())


def _alike(rows: NDArray[np.void]) -> Iterator[tuple[int, int]]:
    """Yield pairs of rows that connect all rows of one hash."""
    hashed = np.flatnonzero(rows["has_hash"])
    order = hashed[np.argsort(rows["hash"][hashed], kind="stable")]
    same = rows["hash"][order][1:] == rows["hash"][order][:-1]
    for at in np.flatnonzero(same):
        yield int(order[at]), int(order[at + 1])


def _similar(collection: Editor, rows: NDArray[np.void], threshold: float) -> Iterator[tuple[int, int]]:
    """Yield pairs of rows whose times lie close and whose vectors have at least the cosine `threshold`."""
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
    """Return the rows that say when they were taken, sorted by that, and for each where those close to it end.

    A second that more than `MOST_AT_ONCE` pictures share says nothing; pictures with none close by are left out.
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
        found |= collection.vectors(ids[start : start + _PAGE])
    dimension = collection.spec.dimension if collection.spec else 0
    return np.stack([found.get(id, np.zeros(dimension, np.float32)) for id in ids])


def _text(id: bytes) -> str:
    return str(UUID(bytes=bytes(id).ljust(16, b"\0")))
