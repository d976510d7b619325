"""The terms of a line become one query vector."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from gallery.errors import BadInput
from gallery.printable import shown_second
from gallery.records import ImageRecord
from gallery.spec import sha256_of
from gallery.stores import ONCE, ImageCollection, as_filter, point_id, point_ids
from search.filtering import MOST_VALUES, is_end_of
from search.query import Term

Vector = NDArray[np.float32]
_LEAST_LENGTH = 1e-3


class Likeness(NamedTuple):
    """A picture as part of a query: its unit vector, and where it was found.

    Attributes:
        ids: Its id, if the collection has it; for a frame, the ids of all frames of its video.
    """

    vector: Vector
    ids: list[str]
    meaning: str


def combine(vectors: Sequence[Vector], weights: Sequence[float]) -> Vector:
    """Return the weighted sum of unit vectors, scaled to length one, so that scores stay cosines.

    >>> combine([np.array([1, 0], np.float32), np.array([0, 1], np.float32)], [1, -1]).round(3).tolist()
    [0.7070000171661377, -0.7070000171661377]

    Raises:
        BadInput: The vectors cancel each other out.
    """
    if len(vectors) == 1 and weights[0] == 1:
        return vectors[0]
    total = np.asarray(weights, np.float64) @ np.stack(vectors).astype(np.float64)
    length = float(np.linalg.norm(total))
    if length < _LEAST_LENGTH * max(map(abs, weights)):
        raise BadInput("the terms cancel each other out; leave one out, or give it another weight")
    return np.asarray(total / length, np.float32)


def likeness(value: str, collection: ImageCollection, encode: Callable[[Path], Vector]) -> Likeness:
    """Find the picture that `like:` names: an id of the collection, or a path in or outside of it.

    Args:
        value: What follows `like:`. The end of a path in the collection is enough.
        collection: Is searched first.
        encode: Returns the unit vector of an image file.

    Raises:
        BadInput: There is no such picture.
        UnreadableImage: The file is not a picture.
    """
    if (id := _as_id(value)) and not Path(value).exists():
        if vector := _of(collection, id):
            return vector
        raise BadInput(f"collection {collection.name} has no picture {id}; --json prints the ids")
    path = os.path.abspath(Path(value).expanduser())
    known = collection.newest(1, where={"path": path})
    if known and (found := _of(collection, point_id(known[0].sha256))):
        return found
    if not Path(path).is_file() and (found := _of(collection, point_id(_ending(value, path, collection).sha256))):
        return found
    try:
        found = _of(collection, point_id(sha256_of(Path(path))))
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}); see that it is yours to read") from error
    return found or Likeness(encode(Path(path)), [], f"{path}, which the collection does not hold")


def record_named(value: str, collection: ImageCollection) -> ImageRecord:
    """Return the picture of the collection that an id, a path, or the end of one names.

    Raises:
        BadInput: There is no such picture, or several.
    """
    if id := _as_id(value):
        if record := collection.get([id]).get(id):
            return record
        raise BadInput(f"collection {collection.name} has no picture {id}; search again")
    path = os.path.abspath(Path(value).expanduser())
    known = collection.newest(1, where={"path": path})
    return _first_frame(known[0], collection) if known else _ending(value, path, collection)


def _ending(value: str, path: str, collection: ImageCollection) -> ImageRecord:
    """Return the only picture in the collection whose path ends with `value`; names must match in full."""
    paths = [str(known) for known in collection.facet("path", MOST_VALUES) if is_end_of(value, str(known))]
    records = list(collection.records(ONCE & as_filter({"path": paths}))) if paths else []
    if len(records) > 1:
        raise BadInput(f"{value} could be several pictures of collection {collection.name}; give more of its path")
    if records:
        return records[0]
    raise BadInput(f"there is no picture {path}, nor {value} in collection {collection.name}; give a path or an id")


def _of(collection: ImageCollection, id: str) -> Likeness | None:
    record, vector = collection.get([id]).get(id), collection.vectors([id]).get(id)
    return Likeness(vector, point_ids(record), _place_of(record)) if record is not None and vector is not None else None


def _first_frame(record: ImageRecord, collection: ImageCollection) -> ImageRecord:
    id = point_id(record.sha256)
    return record if record.id == id else collection.get([id]).get(id, record)


def _place_of(record: ImageRecord) -> str:
    return record.path if record.frame is None else f"{record.path} at {shown_second(record.frame)}"


def _as_id(value: str) -> str | None:
    try:
        return str(UUID(value))
    except ValueError:
        return None


def meaning_of(term: Term, pictures: Mapping[str, Likeness]) -> str:
    """Return how a term was understood, in words."""
    side = "like" if term.weight > 0 else "unlike"
    what = f"the picture {pictures[term.text].meaning}" if term.like else f'the text "{term.text}"'
    weight = "" if abs(term.weight) == 1 else f", weight {abs(term.weight):g}"
    return f"{side} {what}{weight}"
