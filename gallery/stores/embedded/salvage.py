"""Reads what is left of a damaged generation.

Its files are copied, one of the engine's segments at a time, and the copies are made readable: small files are restored
from the seal; short files are extended, because the engine would be killed at the early end of a mapped file; indexes
are left out, because they follow from the points.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import qdrant_edge as q

from gallery.errors import Damaged
from gallery.stores.embedded.cloning import copy_file
from gallery.stores.embedded.disk import remove
from gallery.stores.embedded.engine import SHARD, engine_errors
from gallery.stores.embedded.seal import known_sizes, restore_small_files
from gallery.stores.embedded.words import words_of
from gallery.stores.payload import point_ids, to_checked_record, to_record

_Id = int | UUID | str
_AT_ONCE = 64
_INDEX = "payload_index"


def whole_points(generation: Path, dimension: int, scratch: Path) -> Iterator[list[q.Point]]:
    """Yield the readable points of a damaged generation in lists; a point may come twice.

    Args:
        generation: Its folder, which is only read.
        dimension: The length of its vectors.
        scratch: A folder for copies; it need not exist, and is removed.

    Raises:
        CollectionError: Disk or memory do not suffice to read it at the moment.
    """
    names = sorted({Path(name).parts[2] for name in known_sizes(generation) if name.startswith(f"{SHARD}/segments/")})
    there = (generation / SHARD / "segments").glob("*/")
    for segment in sorted({*names, *(path.name for path in there)}):
        remove(scratch)
        try:
            _copy_segment(generation, segment, scratch)
            yield from _points(scratch / SHARD, dimension)
        except Damaged:
            continue
    remove(scratch)


def _copy_segment(generation: Path, segment: str, scratch: Path) -> None:
    source = generation / SHARD / "segments" / segment
    target = scratch / SHARD / "segments" / segment
    if source.is_dir():
        shutil.copytree(source, target, copy_function=copy_file, ignore=shutil.ignore_patterns(_INDEX, ".atomicwrite*"))
    prefix = f"{SHARD}/segments/{segment}/"
    for name, size in known_sizes(generation).items():
        path = scratch / name
        if name.startswith(prefix) and f"/{_INDEX}/" not in name:
            if path.is_dir():
                remove(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            if path.stat().st_size < size:
                os.truncate(path, size)
    restore_small_files(generation, scratch, prefix)
    restore_small_files(generation, scratch, f"{SHARD}/edge_config.json")
    remove(target / _INDEX)


def _points(shard_folder: Path, dimension: int) -> Iterator[list[q.Point]]:
    with engine_errors(SHARD):
        shard = q.EdgeShard.load(str(shard_folder))
    try:
        ids = _ids(shard)
        for start in range(0, len(ids), _AT_ONCE):
            page = ids[start : start + _AT_ONCE]
            try:
                yield _read(shard, page, dimension)
            except Damaged:  # one of them is unreadable; the others are read one by one
                yield [point for id in page for point in _read_one(shard, id, dimension)]
    finally:
        shard.close()


def _ids(shard: q.EdgeShard) -> list[_Id]:
    found: list[_Id] = []
    offset = None
    while True:
        request = q.ScrollRequest(offset=offset, limit=_AT_ONCE, with_payload=False, with_vector=False)
        try:
            with engine_errors(SHARD):
                points, offset = shard.scroll(request)
        except Damaged:
            return found
        found += [point.id for point in points]
        if offset is None:
            return found


def _read_one(shard: q.EdgeShard, id: _Id, dimension: int) -> list[q.Point]:
    try:
        return _read(shard, [id], dimension)
    except Damaged:
        return []


def _read(shard: q.EdgeShard, ids: list[_Id], dimension: int) -> list[q.Point]:
    with engine_errors(SHARD):
        found = shard.retrieve(ids, with_payload=True, with_vector=[""])
    return [_with_words(point) for point in found if is_whole(point, dimension)]


def _with_words(point: q.Record) -> q.Point:
    vector: Any = point.vector
    return q.Point(point.id, {"": vector, **words_of(to_record(str(point.id), point.payload or {}))}, point.payload)


def is_whole(point: q.Record, dimension: int) -> bool:
    """Return whether a point has a unit vector, and the payload that was written for its id."""
    try:
        record = to_checked_record(str(point.id), point.payload or {})
        vector = np.asarray(point.vector, np.float32)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return False
    return (
        record.id in point_ids(record) and vector.shape == (dimension,) and bool(abs(np.linalg.norm(vector) - 1) < 1e-3)
    )
