"""How collections are set up on a Qdrant server or cluster: one place for what Qdrant's documentation advises.

| option | one node | a cluster | why |
|---|---|---|---|
| shards | 2 | 12 | fixed when the collection is made; 12 are spread evenly over 1, 2, 3, 4, 6 and 12 nodes |
| replication factor | 1 | 2 | a node may go away; needs three nodes to stay able to change collections |
| write consistency | 1 | 1 | a replica that missed a write is marked and catches up; with 2 a node away stops writes |
| quantisation | 4 bits a float, pinned in memory | the same | 0.25 GB for a million vectors |
| full vectors | on the disk, mapped | the same | 2 GB for a million vectors, read for the candidates only |
| strict mode | at most 10 000 hits a query | the same | one query cannot take the server's memory |

`memory=` is understood by servers from 1.19 on, and ignored by older ones, which understand `on_disk` and `always_ram`.
Filtering by a key without an index stays allowed, as the dashboard does it; all keys that we filter by have one.
"""

from dataclasses import dataclass
from typing import Any

from qdrant_client import models

from gallery.stores.tuning import EDGE_CANDIDATES, EDGES, OVERSAMPLING, SEARCH_CANDIDATES
from gallery.stores.words import WORDS

MOST_HITS = 10_000
WRITTEN_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """The options that depend on the number of nodes."""

    shards: int
    replicas: int

    @classmethod
    def of(cls, nodes: int) -> "ServerOptions":
        """Return the advised options for a number of nodes."""
        return cls(shards=2, replicas=1) if nodes == 1 else cls(shards=12, replicas=2)

    def collection(self, dimension: int) -> dict[str, Any]:
        """Return the options for `create_collection`."""
        return {
            "vectors_config": models.VectorParams(
                size=dimension, distance=models.Distance.COSINE, on_disk=True, memory=models.Memory.COLD
            ),
            "sparse_vectors_config": {WORDS: models.SparseVectorParams(modifier=models.Modifier.IDF)},
            "hnsw_config": models.HnswConfigDiff(m=EDGES, ef_construct=EDGE_CANDIDATES),
            "quantization_config": models.TurboQuantization(
                turbo=models.TurboQuantQuantizationConfig(
                    bits=models.TurboQuantBitSize.BITS4, always_ram=True, memory=models.Memory.PINNED
                )
            ),
            "shard_number": self.shards,
            "replication_factor": self.replicas,
            "write_consistency_factor": 1,
            "strict_mode_config": models.StrictModeConfig(
                enabled=True, max_query_limit=MOST_HITS, unindexed_filtering_retrieve=True
            ),
        }


def payload_index(kind: str) -> models.PayloadSchemaType | models.TextIndexParams:
    """Return the index of a payload key, of one of Qdrant's types."""
    if kind == "text":
        return models.TextIndexParams(
            type=models.TextIndexType.TEXT,
            tokenizer=models.TokenizerType.MULTILINGUAL,
            lowercase=True,
            on_disk=True,
            memory=models.Memory.COLD,
        )
    return models.PayloadSchemaType(kind)


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a collection, whose owner may have made its strict mode stricter than ours.

    Attributes:
        hits: The most points it returns at once.
        written: The most points it accepts at once.
        candidates: The highest `hnsw_ef` of a search.
        oversampling: The most candidates for each wanted picture.
        exact: Whether a search may compare with every vector.
    """

    hits: int = MOST_HITS
    written: int = WRITTEN_AT_ONCE
    candidates: int = SEARCH_CANDIDATES
    oversampling: float = OVERSAMPLING
    exact: bool = True

    @classmethod
    def of(cls, strict: models.StrictModeConfigOutput | None) -> "Limits":
        """Return the limits of a collection with this strict mode."""
        if not strict or not strict.enabled:
            return cls(hits=MOST_HITS)
        return cls(
            hits=min(MOST_HITS, strict.max_query_limit or MOST_HITS),
            written=min(WRITTEN_AT_ONCE, strict.upsert_max_batchsize or WRITTEN_AT_ONCE),
            candidates=min(SEARCH_CANDIDATES, strict.search_max_hnsw_ef or SEARCH_CANDIDATES),
            oversampling=min(OVERSAMPLING, strict.search_max_oversampling or OVERSAMPLING),
            exact=strict.search_allow_exact is not False,
        )

    def search_params(self, *, exact: bool) -> models.SearchParams:
        """Return the search parameters: quantised vectors choose the candidates, full ones the answer."""
        quantised = models.QuantizationSearchParams(rescore=True, oversampling=self.oversampling)
        return models.SearchParams(hnsw_ef=self.candidates, exact=exact and self.exact, quantization=quantised)
