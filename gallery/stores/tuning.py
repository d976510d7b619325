"""All settings that depend on a collection's size. docs/servers-and-scale.md has the measurements."""

INDEX_FROM = 2000
"""An embedded collection gets payload indexes when it reaches this many pictures, and keeps them. In a smaller one, a
filter reads all payloads, 5 to 9 microseconds each. In return, every search saves the 50 to 80 ms and 40 MB that
opening the indexes takes."""
SETTLE_FROM = 10_000
"""From this many new pictures, the engine moves them to read-only files, which open at once. The files for new points
open slowly: 20 000 points took half a second, a million 27 s. Moving fewer is not worth an ingest's time."""
GRAPH_FROM = 20_000
"""From this many pictures, a search uses a graph. Below, it compares the query with every vector, which is exact and
takes at most 2 ms. The first search of a process then takes 20 to 30 ms instead of 60 to 90: it reads all vectors at
once."""
QUANTISE_FROM = 100_000
"""From this many pictures, vectors are also kept at 4 bits per float, to choose candidates by: at 100 000 the
graph is made in a third of the time, and a search takes a third. Both stay on the disk, mapped, so that a collection
opens at once; only the first searches wait for the disk."""
OUTGROWN_FROM = 2_000_000
"""From this many pictures, a server is better: on a small machine, one process takes half an hour or more to make the
graph, and new pictures stay invisible until it is done."""
OVERSAMPLING = 4.0
"""How many candidates quantised vectors yield for each requested picture; the full vectors choose among them."""
SEARCH_CANDIDATES = 512
"""How many candidates a search through the graph considers. With the engine's default of 100, only 97 % of the drawn
vectors' ten nearest were found at 100 000 pictures."""
EDGES, EDGE_CANDIDATES = 16, 100
"""Edges per picture in the graph, and the candidates for them."""
GRAPH_KEYS = frozenset({"folder", "year"})
"""Payload keys for which the graph gets extra edges, so that a filter does not disconnect it."""


def outgrown(pictures: int) -> str | None:
    """Return advice on an embedded collection of this size, or None if it is not too large."""
    if pictures < OUTGROWN_FROM:
        return None
    return (
        f"{pictures} pictures are more than the embedded store is good for ({OUTGROWN_FROM}); start a Qdrant server "
        "(make up) and copy the collection to it: ingest --copy-to http://127.0.0.1:6333"
    )
