"""Repairs an embedded collection from its intact parts.

The damaged generation stays until its readable points are in a published one, so a crash loses nothing.
"""

import contextlib
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import qdrant_edge as q

from gallery.errors import CollectionError, Damaged
from gallery.printable import counted
from gallery.spec import Spec
from gallery.stores.embedded.collection import JOURNAL, EmbeddedCollection, open_generation, read_spec
from gallery.stores.embedded.creating import create
from gallery.stores.embedded.disk import bytes_on_disk, free_bytes, remove
from gallery.stores.embedded.editor import EmbeddedEditor
from gallery.stores.embedded.engine import engine_errors, silent_engine
from gallery.stores.embedded.generations import Workshop, published, set_aside_in, unfinished
from gallery.stores.embedded.health import check_points
from gallery.stores.embedded.indexes import make_indexes
from gallery.stores.embedded.journals import mend_journal, remove_journal
from gallery.stores.embedded.salvage import whole_points
from gallery.stores.embedded.seal import is_as_sealed, restore_small_files, sealed_points
from gallery.stores.journal import Journal

_LOG = logging.getLogger(__name__)


def repair(folder: Path, free: Callable[[Path], int] = free_bytes) -> None:
    """Repair the collection at `folder`, as far as its intact parts allow.

    Args:
        folder: The collection's folder.
        free: Returns how many bytes are free on the disk of a folder.

    Raises:
        CollectionError: Another process is writing to it, or there is no room.
        Damaged: The encoder of its vectors is unknown.
    """
    with contextlib.closing(Workshop(folder, free)) as workshop:
        workshop.mend_pointer()
        current, begun = published(folder), unfinished(folder)
        if current:
            restore_small_files(current, current)
        damaged = [each for each in (begun, current) if each and not _is_whole(each)]
        if damaged or set_aside_in(folder) or (current and not is_as_sealed(current, JOURNAL)):
            _rebuild(workshop, current, begun, damaged)
            return
    with contextlib.closing(EmbeddedEditor(folder, None, free)) as editor:
        if editor.spec and not editor.former:
            editor.begin(editor.spec)  # opening makes missing indexes
            editor.finish()


def _is_whole(generation: Path) -> bool:
    try:
        check_points(generation)
    except Damaged:
        return False
    return True


def _rebuild(workshop: Workshop, current: Path | None, begun: Path | None, damaged: Sequence[Path]) -> None:
    """Publish a generation of all intact points, and remove those it was made from."""
    expected = sealed_points(current) if current else 0
    sources = [*damaged, *set_aside_in(workshop.folder)]
    spec = _spec_of([current, begun, *sources])
    is_change = begun is not None and not _is_of(begun, spec)
    base = next((each for each in (None if is_change else begun, current) if each and each not in damaged), None)
    workshop.check_room(sum(map(bytes_on_disk, sources)))
    draft = workshop.draft(base)
    if base is None:
        create(draft, spec)
    with contextlib.closing(open_generation(draft)) as points:
        with silent_engine():
            for source in sources:
                if _is_of(source, spec):
                    _take_over(points, source, workshop.folder / "gen-scratch.draft")
        make_indexes(points.shard, points.name)
        lost = _take_journal(draft, points, [each for each in (begun, current) if each and _is_of(each, spec)])
        count = points.count()
    kept = workshop.set_aside(begun) if begun else None
    workshop.publish(workshop.settle(draft), count)
    if kept and is_change and begun not in damaged:
        kept.rename(workshop.next_generation())  # a change of the encoder, which continues
    for each in set_aside_in(workshop.folder):
        remove(each)
    if lost := max(lost, expected - count):
        _LOG.warning(
            "Lost %s of %s, which could not be read; ingest PATH indexes again what still has a file.",
            counted(lost, "picture"),
            workshop.folder.name,
        )


def _spec_of(generations: Sequence[Path | None]) -> Spec:
    """Return the first readable spec, starting with the published one.

    Raises:
        Damaged: None is readable.
    """
    for generation in generations:
        with contextlib.suppress(CollectionError):
            if generation:
                return read_spec(generation)
    raise Damaged("nothing says what its vectors were made with")


def _is_of(generation: Path, spec: Spec) -> bool:
    """Return whether a generation's vectors can be compared with those of `spec`; false if unknown."""
    try:
        return read_spec(generation).fits(spec)
    except CollectionError:
        return False


def _take_over(target: EmbeddedCollection, source: Path, scratch: Path) -> None:
    """Write the intact points of a damaged generation that are still missing."""
    for points in whole_points(source, target.spec.dimension, scratch):
        there = target.present([str(point.id) for point in points])
        new = [point for point in points if str(point.id) not in there]
        if new:
            make_indexes(target.shard, target.name, [point.payload or {} for point in new])
            with engine_errors(target.name):
                target.shard.update(q.UpdateOperation.upsert_points(new))
                target.shard.flush()


def _take_journal(draft: Path, points: EmbeddedCollection, generations: Sequence[Path]) -> int:
    """Give the draft the first intact journal, made to fit its points; return how many other pictures it knew."""
    remove_journal(draft / JOURNAL)
    for generation in generations:
        if is_as_sealed(generation, JOURNAL):
            with (
                contextlib.suppress(CollectionError),
                contextlib.closing(Journal(generation / JOURNAL, new=False)) as known,
            ):
                known.check()
                known.move_to(draft / JOURNAL)
                break
    lost = mend_journal(draft / JOURNAL, points)
    with contextlib.closing(Journal(draft / JOURNAL)) as journal:
        journal.write([])  # so that stacks are computed again
    return lost
