"""The sparse vector of words in a server's collection."""

from collections.abc import Sequence

from qdrant_client import models

from gallery.records import ImageRecord
from gallery.stores.common import batched
from gallery.stores.server.collection import ServerCollection
from gallery.stores.server.connection import Link
from gallery.stores.words import WORDS, weights_of


def words_of(record: ImageRecord) -> models.SparseVector:
    """Return a picture's words."""
    indices, values = weights_of(record)
    return models.SparseVector(indices=indices, values=values)


def replaced_words(records: Sequence[ImageRecord]) -> list[models.PointVectors]:
    """Return the update that replaces the words of existing pictures; their dense vectors stay."""
    return [models.PointVectors(id=record.id, vector={WORDS: words_of(record)}) for record in records]


def add_words(link: Link, points: ServerCollection) -> None:
    """Give a collection from an earlier version its words, from its payloads."""
    sparse = models.SparseVectorNameConfig(sparse=models.SparseVectorConfig(modifier=models.Modifier.IDF))
    link.call(link.client.create_vector_name, points.target, WORDS, sparse, wait=True)
    for records in batched(points.records(), points.limits.written):
        link.call(link.client.update_vectors, points.target, points=replaced_words(records), wait=True)
    points.has_words = True
