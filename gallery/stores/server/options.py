"""How collections are set up on a Qdrant server or cluster: one place for what Qdrant's documentation advises.

| option | one node | a cluster (several addresses in QDRANT_URL) | why |
|---|---|---|---|
| shards | 2 | 12 | fixed when the collection is made; 12 are spread evenly over 1, 2, 3, 4, 6 and 12 nodes |
| replication factor | 1 | 2 | a node may go away; needs three nodes to stay able to change collections |
| write consistency | 1 | 2 | a write that not every replica took is refused, and sent again |
| quantisation | 4 bits a float, pinned in memory | the same | 0.25 GB for a million vectors |
| full vectors | on the disk, mapped | the same | 2 GB for a million vectors, read for the candidates only |
| strict mode | at most 10 000 hits a query | the same | one query cannot take the server's memory |

Filtering by a key without an index stays allowed, as the dashboard does it; all keys that we filter by have one.
"""

from dataclasses import dataclass
from typing import Any

from qdrant_client import models

from gallery.stores.tuning import EDGE_CANDIDATES, EDGES, OVERSAMPLING, SEARCH_CANDIDATES

MOST_HITS = 10_000


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """What depends on how many nodes there are."""

    shards: int
    replicas: int

    @classmethod
    def of(cls, nodes: int) -> "ServerOptions":
        """Return what is advised for so many nodes."""
        return cls(shards=2, replicas=1) if nodes == 1 else cls(shards=12, replicas=2)

    def collection(self, dimension: int) -> dict[str, Any]:
        """Return the options with which a collection is made, as `create_collection` takes them."""
        return {
            "vectors_config": models.VectorParams(
                size=dimension, distance=models.Distance.COSINE, memory=models.Memory.COLD
            ),
            "hnsw_config": models.HnswConfigDiff(m=EDGES, ef_construct=EDGE_CANDIDATES),
            "quantization_config": models.TurboQuantization(
                turbo=models.TurboQuantQuantizationConfig(
                    bits=models.TurboQuantBitSize.BITS4, memory=models.Memory.PINNED
                )
            ),
            "shard_number": self.shards,
            "replication_factor": self.replicas,
            "write_consistency_factor": self.replicas,
            "strict_mode_config": models.StrictModeConfig(
                enabled=True, max_query_limit=MOST_HITS, unindexed_filtering_retrieve=True
            ),
        }


def search_params(*, exact: bool) -> models.SearchParams:
    """Return how to search: quantised vectors choose the candidates, full ones the answer."""
    quantised = models.QuantizationSearchParams(rescore=True, oversampling=OVERSAMPLING)
    return models.SearchParams(hnsw_ef=SEARCH_CANDIDATES, exact=exact, quantization=quantised)
