"""What passes over an existing collection share: none of them encodes a picture."""

from collections.abc import Iterator, Sequence

from gallery.errors import CollectionError
from gallery.records import ImageRecord
from gallery.spec import Spec
from gallery.stores import Editor


def settled_spec(collection: Editor) -> Spec:
    """Return the spec of a collection whose encoder is not being changed.

    Raises:
        CollectionError: The encoder is being changed, or there is no such collection.
    """
    if collection.changing() or collection.spec is None:
        raise CollectionError(f"the encoder of {collection.name} is being changed; finish that first: ingest PATH")
    return collection.spec


def records_of(collection: Editor, ids: Sequence[str], at_once: int) -> Iterator[ImageRecord]:
    """Yield those of the pictures with these ids that exist, fetching `at_once` at a time."""
    for start in range(0, len(ids), at_once):
        yield from collection.points.get(ids[start : start + at_once]).values()


def write_facts(collection: Editor, records: list[ImageRecord]) -> None:
    """Write what is now known about some pictures permanently, and empty the list."""
    collection.update(records)
    collection.flush()
    records.clear()
