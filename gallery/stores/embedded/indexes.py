"""Payload indexes of embedded collections: which to make, and what follows from a missing one.

Whenever the engine opens a collection, it reads every index. Each costs 5 ms and 4 MB even for a few pictures; the one
on text costs 32 MB. So a small collection has few indexes, and filters read its payloads.
"""

from collections.abc import Iterable, Set
from itertools import chain

import qdrant_edge as q

from gallery.stores.embedded.engine import engine_errors
from gallery.stores.embedded.tuning import payload_index
from gallery.stores.payload import INDEXED_KEYS, OPTIONAL_KEYS, Payload
from gallery.stores.tuning import INDEX_FROM

_INDISPENSABLE = frozenset({"stack", "kind", "text"})
"""The keys that even a small collection indexes, optional ones with the first picture that has a value. Nearly every
search filters by stack or kind. Without the index on text, the engine would also find parts of words."""
_ALWAYS = INDEXED_KEYS.keys() - OPTIONAL_KEYS - {"sha256", "indexed_at"}
"""The keys that every large collection indexes. Nobody searches an embedded one by its digests or by `indexed_at`."""
_LAST = "path"
"""The last index to be made. Where it exists, the others exist as well, even after a crash."""


def absent_keys(indexed: Set[str]) -> Set[str]:
    """Return keys that no picture has: if one had them, they would be among the `indexed` ones."""
    return (OPTIONAL_KEYS if _LAST in indexed else OPTIONAL_KEYS & _INDISPENSABLE) - indexed


def missing_indexes(shard: q.EdgeShard, payloads: Iterable[Payload] = ()) -> Set[str]:
    """Return the keys that need an index and lack it, given what a collection holds and which payloads come next."""
    info, given = shard.info(), OPTIONAL_KEYS.intersection(chain.from_iterable(payloads))
    schema = info.payload_schema.keys()
    if _LAST in schema:
        return (_ALWAYS | given) - schema
    if info.points_count < INDEX_FROM:
        return (_INDISPENSABLE & (_ALWAYS | given)) - schema
    return (_ALWAYS | {key for key in OPTIONAL_KEYS if key in given or _is_used(shard, key)}) - schema


def make_indexes(shard: q.EdgeShard, collection: str, payloads: Iterable[Payload] = ()) -> None:
    """Make the missing indexes. Errors name the `collection`."""
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
