"""The encoder of a collection, recognised by the collection's own pictures if need be."""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from gallery.encoders import Encoder, encoder_of
from gallery.settings import Settings
from gallery.stores import ImageCollection
from gallery.vectors import Vectors

SAMPLES = 8
"""Pictures that are encoded again to recognise the encoder of a collection that an earlier version made."""


def encoder_of_collection(settings: Settings, collection: ImageCollection, say: Callable[[str], None]) -> Encoder:
    """Return the encoder whose vectors can be compared with a collection's; see `gallery.encoders.encoder_of`."""
    return encoder_of(settings, collection.spec, collection.name, samples=lambda: samples_of(collection), say=say)


def samples_of(collection: ImageCollection) -> Iterator[tuple[Path, Vectors]]:
    """Yield some files of the collection that are there, with their vectors."""
    found = ((Path(record.path), vector) for record, vector in collection.scan() if record.frame is None)
    return islice(((path, vector) for path, vector in found if path.is_file()), SAMPLES)
