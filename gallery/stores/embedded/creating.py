"""Creates empty generations."""

from pathlib import Path

import qdrant_edge as q

from gallery.spec import Spec
from gallery.stores.embedded.collection import write_spec
from gallery.stores.embedded.engine import SHARD, engine_errors
from gallery.stores.embedded.tuning import config


def create(generation: Path, spec: Spec) -> None:
    """Turn an empty folder into a generation without points."""
    write_spec(generation, spec)
    with engine_errors(generation.parent.name):
        q.EdgeShard.create(str(generation / SHARD), config(spec.dimension)).close()
