"""Creates empty generations, and the indexes of all."""

from collections.abc import Iterable
from pathlib import Path

import qdrant_edge as q

from gallery.records import ImageRecord
from gallery.spec import Spec
from gallery.stores.embedded.collection import EmbeddedCollection, write_spec
from gallery.stores.embedded.engine import SHARD, engine_errors
from gallery.stores.embedded.tuning import config, payload_index
from gallery.stores.payload import INDEXED_KEYS

AT_FIRST = INDEXED_KEYS.keys() - {"text"}
"""The indexes of every generation. That of text is made with the first picture that shows some, as it costs each search
32 MB of memory even while it is empty."""


def create(generation: Path, spec: Spec) -> None:
    """Turn an empty folder into a generation without points."""
    write_spec(generation, spec)
    with engine_errors(generation.parent.name):
        q.EdgeShard.create(str(generation / SHARD), config(spec.dimension)).close()


def make_indexes(points: EmbeddedCollection, keys: Iterable[str] = AT_FIRST) -> None:
    """Make those of the indexes of `keys` that a generation lacks, as those of an earlier version do."""
    with engine_errors(points.name):
        missing = set(keys) - points.shard.info().payload_schema.keys()
        for key in sorted(missing):
            points.shard.update(payload_index(key, INDEXED_KEYS[key]))
        if missing:
            points.shard.flush()


def index_texts(points: EmbeddedCollection, records: Iterable[ImageRecord]) -> None:
    """Make the index of texts if one of these pictures, which are about to be written, shows some."""
    if any(record.text for record in records):
        make_indexes(points, ["text"])
