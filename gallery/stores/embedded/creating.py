"""Creates empty generations, and the indexes of all."""

from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import qdrant_edge as q

from gallery.spec import Spec
from gallery.stores.embedded.collection import EmbeddedCollection, write_spec
from gallery.stores.embedded.engine import SHARD, engine_errors
from gallery.stores.embedded.tuning import config, payload_index
from gallery.stores.payload import INDEXED_KEYS, OPTIONAL_KEYS, Payload

ALWAYS = INDEXED_KEYS.keys() - OPTIONAL_KEYS - {"sha256", "indexed_at"}
"""The keys whose indexes every generation has. Nobody searches an embedded collection by the last two. Optional keys
get theirs with the first picture that has them: the engine reads each index when it opens, and even an empty one takes
6 MB of memory, that of text 32 MB."""


def create(generation: Path, spec: Spec) -> None:
    """Turn an empty folder into a generation without points."""
    write_spec(generation, spec)
    with engine_errors(generation.parent.name):
        q.EdgeShard.create(str(generation / SHARD), config(spec.dimension)).close()


def make_indexes(points: EmbeddedCollection, keys: Iterable[str] = ALWAYS) -> None:
    """Make those of the indexes of `keys` that a generation lacks, as those of an earlier version do."""
    with engine_errors(points.name):
        missing = set(keys) - points.shard.info().payload_schema.keys()
        for key in sorted(missing):
            points.shard.update(payload_index(key, INDEXED_KEYS[key]))
        if missing:
            points.shard.flush()


def index_optional(points: EmbeddedCollection, payloads: Iterable[Payload]) -> None:
    """Make the indexes that are missing for what is about to be written."""
    make_indexes(points, OPTIONAL_KEYS.intersection(chain.from_iterable(payloads)))
