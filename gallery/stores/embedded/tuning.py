"""Sets up the embedded engine for a collection's size: `gallery.stores.tuning` in the engine's terms."""

from pathlib import Path

import qdrant_edge as q

from gallery.stores.tuning import (
    EDGE_CANDIDATES,
    EDGES,
    GRAPH_FROM,
    GRAPH_KEYS,
    OVERSAMPLING,
    QUANTISE_FROM,
    SEARCH_CANDIDATES,
    SETTLE_FROM,
)
from gallery.stores.words import WORDS

_INDEX = {
    "keyword": q.KeywordIndexParams,
    "integer": q.IntegerIndexParams,
    "datetime": q.DatetimeIndexParams,
    "geo": q.GeoIndexParams,
}


Quantisation = q.TurboQuantQuantizationConfig | q.ScalarQuantizationConfig

FOUR_BITS = q.TurboQuantQuantizationConfig(bits=q.TurboQuantBitSize.Bits4, memory=q.Memory.Cold)


def config(dimension: int, quantisation: Quantisation | None = None) -> q.EdgeConfig:
    """Return the configuration of a collection of vectors of `dimension`.

    Vectors stay on the disk, mapped: a million of them, read whole, kept every `search` waiting for 4 to 7 s, and the
    engine reserves 32 MB even for one. An answer needs a few thousand of them; those of the first one come from the
    disk, those of the next from the system's cache.
    """
    kilobytes = dimension * 4 / 1024
    return q.EdgeConfig(
        vectors=q.EdgeVectorParams(size=dimension, distance=q.Distance.Cosine, memory=q.Memory.Cold),
        hnsw_config=q.HnswIndexConfig(EDGES, EDGE_CANDIDATES, full_scan_threshold=int(GRAPH_FROM * kilobytes)),
        sparse_vectors={WORDS: q.EdgeSparseVectorParams(modifier=q.Modifier.Idf, memory=q.Memory.Cold)},
        quantization_config=quantisation,
        optimizers=q.EdgeOptimizersConfig(indexing_threshold=int(SETTLE_FROM * kilobytes)),
        wal_enabled=False,  # flush() makes batches durable; with a log, only one process could open the folder
    )


def payload_index(key: str, kind: str) -> q.UpdateOperation:
    """Return the operation that makes the index of a payload key, of one of Qdrant's types.

    Indexes stay on the disk, mapped: in memory, they would be read whole whenever a search opens the collection.
    """
    if kind == "text":
        words = q.TextIndexParams(tokenizer=q.TokenizerType.Multilingual, lowercase=True, memory=q.Memory.Cold)
        return q.UpdateOperation.create_field_index(key, words)
    if key == "height":  # found by bounds alone, never counted: half an index
        return q.UpdateOperation.create_field_index(key, q.IntegerIndexParams(lookup=False, memory=q.Memory.Cold))
    return q.UpdateOperation.create_field_index(key, _INDEX[kind](enable_hnsw=key in GRAPH_KEYS, memory=q.Memory.Cold))


def search_params(*, exact: bool) -> q.SearchParams:
    """Return the search parameters: quantised vectors, if any, choose the candidates, and full ones the answer."""
    quantised = q.QuantizationSearchParams(rescore=True, oversampling=OVERSAMPLING)
    return q.SearchParams(hnsw_ef=SEARCH_CANDIDATES, exact=exact, quantization=quantised)


def optimised(shard: q.EdgeShard, folder: Path, dimension: int) -> q.EdgeShard:
    """Make the graph if it pays, and return the shard, reopened if its set-up changed.

    For a handful of new pictures, nothing happens: the engine leaves points outside the graph until there are enough.
    Holds the GIL while it works.
    """
    if shard.info().points_count >= QUANTISE_FROM:
        shard.flush()
        shard.close()
        shard = q.EdgeShard.load(str(folder), config(dimension, FOUR_BITS))
    shard.optimize()
    shard.flush()
    return shard
