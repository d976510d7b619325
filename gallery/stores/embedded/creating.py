"""Creates empty generations, and the indexes of all."""

from pathlib import Path

import qdrant_edge as q

from gallery.spec import Spec
from gallery.stores.embedded.collection import EmbeddedCollection, write_spec
from gallery.stores.embedded.engine import SHARD, engine_errors
from gallery.stores.embedded.tuning import config, payload_index
from gallery.stores.payload import INDEXED_KEYS


def create(generation: Path, spec: Spec) -> None:
    """Turn an empty folder into a generation without points."""
    write_spec(generation, spec)
    with engine_errors(generation.parent.name):
        q.EdgeShard.create(str(generation / SHARD), config(spec.dimension)).close()


def make_indexes(points: EmbeddedCollection) -> None:
    """Make the indexes that a generation lacks: those of an earlier version, or all of them."""
    with engine_errors(points.name):
        missing = INDEXED_KEYS.keys() - points.shard.info().payload_schema.keys()
        for key in sorted(missing):
            points.shard.update(payload_index(key, INDEXED_KEYS[key]))
        if missing:
            points.shard.flush()
