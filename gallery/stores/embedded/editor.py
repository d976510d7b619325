"""Writing to embedded collections, generation by generation."""

import contextlib
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from uuid import UUID

import numpy as np
import qdrant_edge as q
from numpy.typing import NDArray

from gallery.errors import Damaged
from gallery.records import ImageRecord
from gallery.spec import Spec
from gallery.stores.common import batched, check_vectors
from gallery.stores.contract import Former, Progress
from gallery.stores.embedded.collection import JOURNAL, EmbeddedCollection, check_whole, open_generation, read_spec
from gallery.stores.embedded.creating import create
from gallery.stores.embedded.disk import free_bytes, remove
from gallery.stores.embedded.engine import SHARD, engine_errors, load_shard, silent_engine
from gallery.stores.embedded.generations import PROGRESS, Workshop, published, unfinished
from gallery.stores.embedded.health import digests_of
from gallery.stores.embedded.indexes import make_indexes
from gallery.stores.embedded.journals import mend_journal, points_of, remove_journal
from gallery.stores.embedded.seal import check_sizes, is_as_sealed, note_sizes, unseal
from gallery.stores.embedded.states import Published, Waiting, Writing
from gallery.stores.embedded.tuning import optimised
from gallery.stores.embedded.words import add_words, replace_words, words_of
from gallery.stores.journal import Journal
from gallery.stores.payload import to_payload

_LOG = logging.getLogger(__name__)
_AT_ONCE = 16
"""How many points one call writes. Meanwhile it holds Python's global lock, and threads that encode have to wait."""


class EmbeddedEditor:
    """A collection that this process writes to: the first write starts the next generation.

    An unfinished generation in another space than the published one is a change of the encoder: it started empty, and
    `former` knows the files that it has not read yet.
    """

    def __init__(self, folder: Path, public_url: str | None, free: Callable[[Path], int] = free_bytes) -> None:
        """Open the current state.

        Args:
            folder: The collection's folder.
            public_url: The address of thumbnails, "" for none; None keeps it.
            free: Returns how many bytes are free on the disk of a folder.
        """
        self.name = folder.name
        self.former: Former | None = None
        self.spec: Spec | None = None
        self.journal = Journal(None)
        self._public_url = public_url
        self._workshop = Workshop(folder, free)
        self._state: Waiting | Writing | Published = Waiting(None, None)
        try:
            if self._workshop.mend_pointer():
                _LOG.warning("CURRENT of %s was damaged, and names the newest complete generation again.", self.name)
            self._take_up()
        except BaseException:
            self.close()
            raise

    @property
    def points(self) -> EmbeddedCollection:
        return self._writing().points

    def changing(self) -> str | None:
        return self.spec.encoder if self.former and self.spec else None

    def change(self, spec: Spec) -> None:
        if self.spec is None or self.spec.fits(spec):
            return
        if self.former and isinstance(self._state, Waiting) and self._state.begun:
            remove(self._state.begun)  # a change to a third encoder, or one that is taken back
        else:
            self.finish()  # then the former journal has what an interrupted run knew
        self._set_former(None)
        self._take_up()
        current = published(self._workshop.folder)
        if self.spec and not self.spec.fits(spec):
            self._set_former(current)
            self._state, self.spec = Waiting(None, None), spec
            self._set_journal(Journal(None))

    def begin(self, spec: Spec) -> None:
        if self.spec:
            self.spec.check(spec, self.name)
        if isinstance(self._state, Writing):
            return
        if not isinstance(self._state, Waiting):
            raise RuntimeError("what is finished is not begun again")
        generation = self._state.begun or self._next_generation(self._state.base, spec)
        self._workshop.check_room()
        unseal(generation)
        (generation / PROGRESS).unlink(missing_ok=True)
        points = open_generation(generation)
        make_indexes(points.shard, self.name)
        if not points.has_words:
            with engine_errors(self.name):
                add_words(points.shard, points.records())
            points.has_words = True
        before = self.former.collection if self.former else points
        public_url = before.public_url() if self._public_url is None else self._public_url
        self._state = Writing(generation, points, public_url or None)
        self.spec = self.spec or spec

    def upsert(self, records: Sequence[ImageRecord], vectors: NDArray[np.float32]) -> None:
        writing = self._writing()
        self._workshop.check_room()
        check_vectors(vectors, len(records), writing.points.spec.dimension)
        payloads = [to_payload(record, writing.public_url) for record in records]
        make_indexes(writing.points.shard, self.name, payloads)
        points = [
            q.Point(record.id, {"": vector.tolist(), **words_of(record)}, payload)
            for record, vector, payload in zip(records, vectors, payloads, strict=True)
        ]
        for part in batched(points, _AT_ONCE):
            self._apply(q.UpdateOperation.upsert_points(part))

    def update(self, records: Sequence[ImageRecord]) -> None:
        writing = self._writing()
        payloads = [to_payload(record, writing.public_url) for record in records]
        make_indexes(writing.points.shard, self.name, payloads)
        for record, payload in zip(records, payloads, strict=True):
            self._apply(q.UpdateOperation.overwrite_payload([UUID(record.id)], payload))
        self._apply(replace_words(records))

    def delete(self, ids: Sequence[str]) -> None:
        self._apply(q.UpdateOperation.delete_points([UUID(id) for id in ids]))

    def flush(self) -> None:
        writing = self._writing()
        with engine_errors(self.name):
            writing.points.shard.flush()
        note_sizes(writing.generation)

    def share(self, progress: Progress) -> None:
        # The generation is published as it is, and the run continues in a copy of it.
        writing = self._writing()
        if self.former or not self._workshop.has_room_for_copies(writing.generation):
            return
        (writing.generation / PROGRESS).write_text(json.dumps(asdict(progress)))
        self._publish(writing, optimise=False)
        generation = self._workshop.settle(self._workshop.draft(writing.generation))
        self.journal.move_to(generation / JOURNAL)
        self._state = Writing(generation, open_generation(generation), writing.public_url)

    def finish(self) -> None:
        if isinstance(self._state, Waiting) and self.spec and self._state.is_incomplete:
            self.begin(self.spec)  # an earlier run wrote everything, and was stopped before this
        if not isinstance(self._state, Writing):
            return
        writing = self._state
        self.journal.close()
        self._set_former(None)
        self._publish(writing, optimise=True)

    def _publish(self, writing: Writing, *, optimise: bool) -> None:
        generation, points = writing.generation, writing.points
        unseal(generation)
        make_indexes(points.shard, self.name)  # the collection may have become large
        with engine_errors(self.name):
            if optimise:
                points.shard = optimised(points.shard, generation / SHARD, points.spec.dimension)
            else:
                points.shard.flush()
        self._state = Published()
        points.close()
        with contextlib.closing(load_shard(generation)) as settled:  # opening changes files, so do it before sealing
            count = settled.count(q.CountRequest(exact=True))
        self._workshop.publish(generation, count)

    def close(self) -> None:
        """Release the files and the lock; the next run continues with what was flushed."""
        if isinstance(self._state, Writing):
            self._state.points.close()
        self._set_former(None)
        self.journal.close()
        self._workshop.close()

    def _take_up(self) -> None:
        """Start from what an interrupted run left, or else from what is published."""
        current, begun = published(self._workshop.folder), self._sound_begun()
        base = begun or current
        self.spec = read_spec(base) if base else None
        if begun:
            self._set_journal(Journal(begun / JOURNAL))
            if current and self.spec and not self.spec.fits(read_spec(current)):
                self._set_former(current)
        elif current:
            begun = self._with_whole_journal(current)
            self._set_journal(Journal((begun or current) / JOURNAL))
        else:
            self._set_journal(Journal(None))
        self._state = Waiting(begun, current)

    def _sound_begun(self) -> Path | None:
        """Return what an interrupted run left; if it is damaged, set it aside."""
        begun = unfinished(self._workshop.folder)
        if begun is None:
            return None
        self._workshop.check_room()  # the engine maps files, and enlarges them when it opens them
        try:
            check_sizes(begun)
            with silent_engine(), contextlib.closing(open_generation(begun)) as points:
                digests_of(points)  # no seal covers them yet
                mend_journal(begun / JOURNAL, points)
        except Damaged as error:
            kept = self._workshop.set_aside(begun)
            _LOG.warning("What an interrupted run left is set aside in %s, and is made again: %s.", kept, error)
            return None
        return begun

    def _with_whole_journal(self, current: Path) -> Path | None:
        """Start the next generation with a journal that fits the points, if the published one's does not.

        Raises:
            Damaged: The points are not as they were written.
        """
        points = check_whole(current)
        if points is None:  # from an earlier version
            with contextlib.closing(open_generation(current)) as collection:
                points = collection.count()
        is_sealed_one = is_as_sealed(current, JOURNAL)
        if is_sealed_one and points == points_of(current / JOURNAL):
            return None
        draft = self._copy(current)
        if not is_sealed_one:
            remove_journal(draft / JOURNAL)
        with contextlib.closing(open_generation(draft)) as collection:
            mend_journal(draft / JOURNAL, collection)
        _LOG.warning("The journal of %s did not fit its pictures, and was rebuilt from them.", self.name)
        return self._workshop.settle(draft)

    def _copy(self, base: Path) -> Path:
        check_whole(base, everything=True)  # a copy would be sealed as it is, and the damage never found again
        return self._workshop.draft(base)

    def _set_journal(self, journal: Journal) -> None:
        self.journal.close()
        self.journal = journal

    def _set_former(self, current: Path | None) -> None:
        if self.former:
            self.former.close()
        self.former = None
        if current:
            self.former = Former(open_generation(current), Journal(current / JOURNAL, new=False))

    def _next_generation(self, base: Path | None, spec: Spec) -> Path:
        draft = self._copy(base) if base else self._workshop.draft(None)
        if not base:
            create(draft, spec)
        generation = self._workshop.settle(draft)
        self.journal.move_to(generation / JOURNAL)
        return generation

    def _writing(self) -> Writing:
        if not isinstance(self._state, Writing):
            raise RuntimeError("begin() comes before reading and writing")
        return self._state

    def _apply(self, operation: q.UpdateOperation) -> None:
        with engine_errors(self.name):
            self.points.shard.update(operation)
