"""The sparse vector of words in an embedded collection."""

from collections.abc import Iterable
from uuid import UUID

import qdrant_edge as q

from gallery.records import ImageRecord
from gallery.stores.common import batched
from gallery.stores.words import WORDS, weights_of

_AT_ONCE = 500

Named = dict[str, list[float] | q.SparseVector | list[list[float]]]


def words_of(record: ImageRecord) -> Named:
    """Return a picture's words as a named vector."""
    return {WORDS: q.SparseVector(*weights_of(record))}


def replace_words(records: Iterable[ImageRecord]) -> q.UpdateOperation:
    """Return the operation that writes the words of existing pictures; their dense vectors stay."""
    return q.UpdateOperation.update_vectors([q.PointVectors(UUID(each.id), words_of(each)) for each in records])


def add_words(shard: q.EdgeShard, records: Iterable[ImageRecord]) -> None:
    """Give a collection from an earlier version its words, from its payloads."""
    shard.update(q.UpdateOperation.create_sparse_vector(WORDS, q.Modifier.Idf))
    for page in batched(records, _AT_ONCE):
        shard.update(replace_words(page))
    shard.flush()
