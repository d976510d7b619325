"""Payload indexes of embedded collections: which to make, and what follows from a missing one.

The engine reads every index whenever it opens a collection: 5 ms and 4 MB each, even for a few pictures, and 32 MB for
the index on text. A small collection therefore has hardly any, and payloads are read instead.
"""

from collections.abc import Iterable, Set
from itertools import chain

import qdrant_edge as q

from gallery.stores.embedded.engine import engine_errors
from gallery.stores.embedded.tuning import payload_index
from gallery.stores.payload import INDEXED_KEYS, OPTIONAL_KEYS, Payload
from gallery.stores.tuning import INDEX_FROM

_INDISPENSABLE = frozenset({"stack", "kind", "text"})
"""Made even for a small collection; those on optional keys with the first picture that has a value. Nearly every search
asks for stack and kind, and the engine finds words in a text only with the index."""
_ALWAYS = INDEXED_KEYS.keys() - OPTIONAL_KEYS - {"sha256", "indexed_at"}
"""Indexed in every large collection; nobody searches an embedded one by the last two."""
_LAST = "path"
"""The index that is made last, so that a crash cannot leave it without the others."""


def absent_keys(shard: q.EdgeShard) -> Set[str]:
    """Return keys that certainly no picture has, because they would be indexed."""
    schema = shard.info().payload_schema
    return (OPTIONAL_KEYS if _LAST in schema else OPTIONAL_KEYS & _INDISPENSABLE) - schema.keys()


def missing_indexes(shard: q.EdgeShard, payloads: Iterable[Payload] = ()) -> Set[str]:
    """Return the keys that need an index, for what a collection has or for payloads that are written next."""
    info, given = shard.info(), OPTIONAL_KEYS.intersection(chain.from_iterable(payloads))
    schema = info.payload_schema.keys()
    if _LAST in schema:
        return (_ALWAYS | given) - schema
    if info.points_count < INDEX_FROM:
        return (_INDISPENSABLE & (_ALWAYS | given)) - schema
    return (_ALWAYS | {key for key in OPTIONAL_KEYS if key in given or _is_used(shard, key)}) - schema


def make_indexes(shard: q.EdgeShard, collection: str, payloads: Iterable[Payload] = ()) -> None:
    """Make these indexes; `collection` is the name for errors."""
    with engine_errors(collection):
        missing = missing_indexes(shard, payloads)
        for keys in (sorted(missing - {_LAST}), sorted(missing & {_LAST})):
            for key in keys:
                shard.update(payload_index(key, INDEXED_KEYS[key]))
            if keys:
                shard.flush()


def _is_used(shard: q.EdgeShard, key: str) -> bool:
    used = q.Filter(must_not=[q.IsEmptyCondition(key)])
    return shard.count(q.CountRequest(exact=True, filter=used)) > 0
