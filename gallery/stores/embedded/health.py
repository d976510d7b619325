"""What is wrong with an embedded collection, and its mending from what is whole."""

import contextlib
import json
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import numpy as np
import qdrant_edge as q

from gallery.errors import CollectionError, Damaged
from gallery.records import ImageRecord
from gallery.spec import Spec
from gallery.stores.contract import Finding
from gallery.stores.embedded.collection import JOURNAL, SPEC, EmbeddedCollection, open_generation, read_spec
from gallery.stores.embedded.editor import EmbeddedEditor, mend_journal
from gallery.stores.embedded.engine import SHARD
from gallery.stores.embedded.generations import Workshop, pointed, published, set_aside_in, unfinished
from gallery.stores.embedded.seal import is_as_sealed, sealed_sizes, sealed_spec, unseal
from gallery.stores.journal import Journal
from gallery.stores.payload import INDEXED_KEYS

_LOG = logging.getLogger(__name__)
_AT_ONCE = 64


def findings(folder: Path) -> list[Finding]:
    """Return everything that is wrong with the collection at `folder`, after reading all of it."""
    return list(_findings(folder))


def repair(folder: Path) -> None:
    """Mend what is wrong with the collection at `folder`, and can be mended from what is whole.

    Raises:
        CollectionError: Another process is writing to it, or there is no room.
        Damaged: Nothing says what its vectors were made with.
    """
    with contextlib.closing(Workshop(folder)) as workshop:
        workshop.mend_pointer()
        current = published(folder)
        if current:
            _write_spec_again(current)
            if not _is_sound(current):
                _salvage(workshop, current)
    with contextlib.closing(EmbeddedEditor(folder, None)) as editor:  # which mends journals, and sets aside
        if editor.spec and not editor.former:
            editor.begin(editor.spec)  # which makes indexes
            editor.finish()
    for kept in set_aside_in(folder):
        shutil.rmtree(kept, ignore_errors=True)


def _findings(folder: Path) -> Iterator[Finding]:
    current, begun = published(folder), unfinished(folder)
    if current and pointed(folder) != current:
        yield Finding(f"CURRENT does not name {current.name}", f"CURRENT names {current.name} again")
    if current:
        yield from _of_generation(current)
    if begun:
        try:
            with contextlib.closing(open_generation(begun)):
                pass
        except Damaged as error:
            yield Finding(
                f"what an interrupted run left is damaged: {error}", "it is removed, and ingest makes it again"
            )
        else:
            yield Finding("an interrupted run is not finished", "it is finished with what it wrote")
    for kept in set_aside_in(folder):
        yield Finding(f"{kept.name} was damaged and is kept", "it is removed")


def _of_generation(generation: Path) -> Iterator[Finding]:
    try:
        read_spec(generation)
    except Damaged as error:
        yield Finding(str(error), "it is written again" if sealed_spec(generation) else None)
        if not sealed_spec(generation):
            return
    try:
        with contextlib.closing(open_generation(generation, everything=True)) as collection:
            yield from _of_points(generation, collection)
    except Damaged as error:
        if SPEC not in str(error):
            yield Finding(str(error), "what can still be read is kept, and ingest PATH indexes the rest again")


def _of_points(generation: Path, collection: EmbeddedCollection) -> Iterator[Finding]:
    there: dict[str, ImageRecord] = {}
    for record, vector in collection.scan():
        there[record.sha256] = record
        if not _is_unit(vector, collection.spec.dimension):
            raise Damaged(f"the vector of {record.path} is none")
    yield from _of_journal(generation, there)
    missing = sorted(INDEXED_KEYS.keys() - collection.shard.info().payload_schema.keys())
    if missing:
        yield Finding(f"there is no index for {', '.join(missing)}", "the indexes are made")


def _of_journal(generation: Path, there: dict[str, ImageRecord]) -> Iterator[Finding]:
    cure = "it is made anew from the pictures"
    if not is_as_sealed(generation, JOURNAL):
        yield Finding("the journal is not as it was written", cure)
        return
    try:
        with contextlib.closing(Journal(generation / JOURNAL, new=False)) as journal:
            journal.check()
            known = set(journal.digests())
    except CollectionError as error:
        yield Finding(str(error), cure)
        return
    if known != there.keys():
        yield Finding(f"the journal knows {len(known)} pictures, and there are {len(there)}", cure)


def _is_sound(generation: Path) -> bool:
    try:
        with contextlib.closing(open_generation(generation, everything=True)) as collection:
            return all(_is_unit(vector, collection.spec.dimension) for _, vector in collection.scan())
    except Damaged:
        return False


def _write_spec_again(generation: Path) -> None:
    said = sealed_spec(generation)
    try:
        read_spec(generation)
    except CollectionError:
        if said:
            path = generation / SPEC
            if path.is_dir():
                shutil.rmtree(path)
            path.write_text(json.dumps(said, indent=1))


def _salvage(workshop: Workshop, damaged: Path) -> None:
    """Publish what can still be read of a damaged generation, and keep that beside it until all is done."""
    spec = read_spec(damaged)
    workshop.check_room()
    scratch = workshop.folder / "salvage"
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(damaged, scratch / damaged.name)
    _fill_up(damaged, scratch / damaged.name)
    generation = workshop.settle(workshop.draft(None))
    count = _copy_whole_points(scratch / damaged.name, generation, spec)
    (generation / SPEC).write_text(json.dumps(spec.to_dict(), indent=1))
    shutil.rmtree(scratch)
    with contextlib.closing(open_generation(generation)) as collection:
        journal = damaged / JOURNAL
        if journal.is_file() and is_as_sealed(damaged, JOURNAL):
            shutil.copy2(journal, generation / JOURNAL)
        mend_journal(generation / JOURNAL, collection)
    workshop.set_aside(damaged)
    workshop.publish(generation, count, spec.to_dict())
    _LOG.warning("%d pictures of %s could still be read; run ingest again for the others.", count, workshop.folder.name)


def _fill_up(damaged: Path, copy: Path) -> None:
    """Make files as long again as they were: the engine maps them, and would be killed where one ends too soon."""
    for name, size in sealed_sizes(damaged).items():
        path = copy / name
        if path.is_file() and path.stat().st_size < size:
            os.truncate(path, size)
    unseal(copy)


def _copy_whole_points(source: Path, target: Path, spec: Spec) -> int:
    from gallery.stores.embedded.tuning import config, payload_index

    made = q.EdgeShard.create(str(target / SHARD), config(spec.dimension))
    try:
        for key, kind in INDEXED_KEYS.items():
            made.update(payload_index(key, kind))
        for points in _whole_points(source, spec):
            made.update(q.UpdateOperation.upsert_points(points))
        made.flush()
        return int(made.count(q.CountRequest(exact=True)))
    finally:
        made.close()


def _whole_points(source: Path, spec: Spec) -> Iterator[list[q.Point]]:
    """Yield the points that can still be read whole, some at once."""
    try:
        collection = open_generation(source)
    except (Damaged, CollectionError):
        return
    with contextlib.closing(collection):
        ids = _ids(collection)
        for start in range(0, len(ids), _AT_ONCE):
            page = ids[start : start + _AT_ONCE]
            try:
                yield _read(collection, page, spec)
            except Damaged:
                yield [point for id in page for point in _read_one(collection, id, spec)]


def _ids(collection: EmbeddedCollection) -> list[str]:
    found: list[str] = []
    offset = None
    with contextlib.suppress(BaseException):  # a panic, too: what was found so far is what there is
        while True:
            request = q.ScrollRequest(offset=offset, limit=_AT_ONCE, with_payload=False, with_vector=False)
            points, offset = collection.shard.scroll(request)
            found += [str(point.id) for point in points]
            if offset is None:
                break
    return found


def _read_one(collection: EmbeddedCollection, id: str, spec: Spec) -> list[q.Point]:
    try:
        return _read(collection, [id], spec)
    except Damaged:
        return []


def _read(collection: EmbeddedCollection, ids: list[str], spec: Spec) -> list[q.Point]:
    records, vectors = collection.get(ids), collection.vectors(ids)
    wanted = [id for id in ids if id in vectors and _is_unit(vectors[id], spec.dimension)]
    found = collection.shard.retrieve([UUID(id) for id in wanted], with_payload=True, with_vector=False)
    payloads = {str(point.id): point.payload for point in found}
    return [q.Point(id, vectors[id].tolist(), payloads[id]) for id in wanted if id in records and id in payloads]


def _is_unit(vector: np.ndarray, dimension: int) -> bool:
    return vector.shape == (dimension,) and bool(abs(np.linalg.norm(vector) - 1) < 1e-3)
