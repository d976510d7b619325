"""What is wrong with an embedded collection."""

import contextlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import qdrant_edge as q

from gallery.errors import Damaged
from gallery.printable import counted
from gallery.stores.contract import Finding
from gallery.stores.embedded.collection import JOURNAL, EmbeddedCollection, open_generation
from gallery.stores.embedded.engine import engine_errors, silent_engine
from gallery.stores.embedded.generations import pointed, published, set_aside_in, unfinished
from gallery.stores.embedded.indexes import missing_indexes
from gallery.stores.embedded.salvage import is_whole
from gallery.stores.embedded.seal import check_sizes, is_as_sealed
from gallery.stores.journal import Journal

_AT_ONCE = 256


def findings(folder: Path) -> Iterator[Finding]:
    """Yield everything that is wrong with the collection at `folder`, after reading all of it.

    Raises:
        CollectionError: It cannot be read at the moment, which does not prove damage.
    """
    current, begun = published(folder), unfinished(folder)
    if current and pointed(folder) != current:
        yield Finding(f"CURRENT does not name {current.name}", f"CURRENT names {current.name} again")
    if current:
        yield from _of_published(current)
    if begun:
        try:
            check_points(begun)
        except Damaged as error:
            yield Finding(f"an interrupted run left damage: {error}", "what can be read of it is kept")
        else:
            yield Finding("an interrupted run is not finished", "it is finished with what it wrote")
    for kept in set_aside_in(folder):
        yield Finding(f"{kept.name} is kept, as it was damaged", "what only it has is taken over, and it is removed")


def check_points(generation: Path) -> None:
    """Read all points of a generation.

    Raises:
        Damaged: It is not as it was written.
        CollectionError: It cannot be read now.
    """
    check_sizes(generation)
    with silent_engine(), contextlib.closing(open_generation(generation, everything=True)) as collection:
        digests_of(collection)


def _of_published(generation: Path) -> Iterator[Finding]:
    try:
        with silent_engine(), contextlib.closing(open_generation(generation, everything=True)) as collection:
            there = digests_of(collection)
            missing = sorted(missing_indexes(collection.shard))
    except Damaged as error:
        yield Finding(str(error), "what can be read is kept, and ingest PATH indexes the rest again")
    else:
        yield from _of_journal(generation, there)
        if missing:
            yield Finding(f"there is no index for {', '.join(missing)}", "the indexes are made")


def digests_of(collection: EmbeddedCollection) -> Counter[str]:
    """Return the digests of all pictures, and how many points each has, after reading all of them.

    Raises:
        Damaged: A point is not as it was written.
    """
    there = Counter[str]()
    offset = None
    while True:
        request = q.ScrollRequest(offset=offset, limit=_AT_ONCE, with_payload=True, with_vector=[""])
        with engine_errors(collection.name):
            points, offset = collection.shard.scroll(request)
        for point in points:
            if not is_whole(point, collection.spec.dimension):
                raise Damaged(f"picture {point.id} is not whole")
            there[(point.payload or {})["sha256"]] += 1
        if offset is None:
            return there


def _of_journal(generation: Path, there: Counter[str]) -> Iterator[Finding]:
    cure = "it is made anew from the pictures"
    if not is_as_sealed(generation, JOURNAL):
        yield Finding("the journal is not as it was written", cure)
        return
    try:
        with contextlib.closing(Journal(generation / JOURNAL, new=False)) as journal:
            journal.check()
            known = dict(journal.contents())
    except Damaged as error:
        yield Finding(str(error), cure)
        return
    if known != there:
        yield Finding(
            f"the journal knows {counted(sum(known.values()), 'picture')}, the collection has {there.total()}", cure
        )
