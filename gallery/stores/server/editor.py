"""Writing to collections on a Qdrant server or cluster."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from qdrant_client import models

from gallery.errors import CollectionError
from gallery.printable import counted
from gallery.records import ImageRecord
from gallery.settings import Settings
from gallery.spec import Spec
from gallery.stores.common import check_vectors
from gallery.stores.contract import Former, Progress
from gallery.stores.journal import Journal
from gallery.stores.payload import INDEXED_KEYS, to_payload
from gallery.stores.reconciling import forget_what_is_not_there
from gallery.stores.server.collection import ServerCollection
from gallery.stores.server.connection import Link, NotThere
from gallery.stores.server.directory import Directory, check_alias, peers, physical_name, point_alias
from gallery.stores.server.journals import journal_path, remove, whole_journal
from gallery.stores.server.options import ServerOptions, payload_index
from gallery.stores.server.waiting import Patience, wait_for_graphs
from gallery.stores.server.words import add_words, replaced_words, words_of
from gallery.stores.words import WORDS

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Missing:
    """The collection does not exist yet."""


@dataclass(frozen=True, slots=True)
class _Adopted:
    """The collection exists; nothing was written yet."""

    points: ServerCollection


@dataclass(frozen=True, slots=True)
class _Writing:
    """The collection is ready for writing."""

    points: ServerCollection
    public_url: str | None


class ServerEditor:
    """A collection on a server that is being written to, perhaps by several processes at once.

    Ids are content digests, so nothing can be duplicated. If two processes add copies of one picture at the same
    moment, one place may be lost until that file is next checked.
    """

    def __init__(self, name: str, link: Link, settings: Settings, patience: Patience | None = None) -> None:
        self.name = name
        self.spec: Spec | None = None
        self.journal = Journal(None)
        self.former: Former | None = None
        self._link = link
        self._settings = settings
        self._patience = patience or Patience()
        self._state: _Missing | _Adopted | _Writing = _Missing()
        directory = Directory(link)
        target = directory.target_of(name)
        if target:
            self._adopt(target)
            self._remove_replaced(directory, target)

    @property
    def points(self) -> ServerCollection:
        return self._writing().points

    def changing(self) -> str | None:
        if self.former:
            return self.spec.encoder if self.spec else None
        directory = Directory(self._link)
        begun = [other for other in directory.begun_for(self.name) if other != self._target]
        return str((directory.metadata(begun[0]) or {}).get("encoder")) if begun else None

    def change(self, spec: Spec) -> None:
        if self.spec is None or isinstance(self._state, _Missing):
            return
        target = self._target if self.spec.fits(spec) else physical_name(self.name, spec)
        directory = Directory(self._link)
        for other in directory.begun_for(self.name):
            if other not in (target, self._target):  # a change to a third encoder, or one that is taken back
                remove(self._link, other, self._settings)
        if target == self._target:
            return
        check_alias(directory, self.name)  # before any other work
        former = self._state.points
        self.former = Former(former, whole_journal(self.journal, former))
        self.journal.close()
        self.journal, self.spec, self._state = Journal(None), spec, _Missing()
        if target in directory.collections:
            self._adopt(target)

    def begin(self, spec: Spec) -> None:
        if isinstance(self._state, _Writing):
            self._writing().points.spec.check(spec, self.name)
            return
        if isinstance(self._state, _Missing):
            target = physical_name(self.name, spec)
            self._check_nobody_else_begun(target)
            if target not in Directory(self._link).collections:
                self._create(target, spec)
            self._adopt(target)
        points = self._adopted().points
        points.spec.check(spec, self.name)
        self._make_ready(points)
        directory = Directory(self._link)
        if not self.former and self.name not in directory.aliases and points.target != self.name:
            point_alias(self._link, self.name, points.target)
        public_url = self._settings.public_url
        if public_url is None:
            public_url = (self.former.collection if self.former else points).public_url()
        self._state = _Writing(points, public_url or None)

    def upsert(self, records: Sequence[ImageRecord], vectors: NDArray[np.float32]) -> None:
        writing = self._writing()
        check_vectors(vectors, len(records), writing.points.spec.dimension)
        points = [
            models.PointStruct(
                id=record.id,
                vector={"": vector.tolist(), WORDS: words_of(record)},
                payload=to_payload(record, writing.public_url),
            )
            for record, vector in zip(records, vectors, strict=True)
        ]
        self._in_batches(points, lambda batch: self._write(self._link.client.upsert, points=batch))

    def update(self, records: Sequence[ImageRecord]) -> None:
        self._in_batches(records, self._update)

    def delete(self, ids: Sequence[str]) -> None:
        self._in_batches(ids, lambda batch: self._write(self._link.client.delete, points_selector=batch))

    def flush(self) -> None:
        """Do nothing: once the server has answered a write, it is durable."""

    def share(self, progress: Progress) -> None:
        """Record the run's progress: the points themselves are visible at once."""
        if not self.former:
            self._note_change(self._writing().points.target, {"progress": asdict(progress)})

    def finish(self) -> None:
        """Wait for the server's graphs, and let a new encoder's collection replace the former."""
        if not isinstance(self._state, _Writing):
            return
        points = self._state.points
        wait_for_graphs(self._link, self.name, points.target, self._patience)
        replaced = self.former.collection.target if self.former else None  # type: ignore[attr-defined]  # a server's
        self._note_change(points.target, {"progress": None} | ({"replaced": replaced} if replaced else {}))
        self._state = _Adopted(points)
        if self.former:
            self.former.close()
            self.former = None
            point_alias(self._link, self.name, points.target)
            self._remove_replaced(Directory(self._link), points.target)

    def close(self) -> None:
        """Close the journals; the connection belongs to the store."""
        if self.former:
            self.former.close()
        self.journal.close()

    def _note_change(self, target: str, also: dict[str, Any]) -> None:
        """Tell searches that the points have changed, and update the collection's metadata."""
        changed = datetime.now(UTC).isoformat(timespec="microseconds")
        metadata = {**self._link.metadata(target), "changed": changed, **also}
        self._call(self._link.client.update_collection, target, metadata=metadata)
        self.journal.note_seen(changed)

    @property
    def _target(self) -> str:
        return "" if isinstance(self._state, _Missing) else self._state.points.target

    def _writing(self) -> _Writing:
        if not isinstance(self._state, _Writing):
            raise RuntimeError("begin() comes before reading and writing")
        return self._state

    def _adopted(self) -> _Adopted | _Writing:
        if isinstance(self._state, _Missing):
            raise RuntimeError("there is no collection to continue with")
        return self._state

    def _call(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:  # noqa: ANN401 - the client's
        return self._link.call(function, *args, **options)

    def _write(self, function: Callable[..., Any], **options: Any) -> None:  # noqa: ANN401 - the client's
        self._call(function, self._writing().points.target, wait=True, **options)

    def _in_batches(self, items: Sequence[Any], write: Callable[[list[Any]], None]) -> None:
        size = self._writing().points.limits.written
        for start in range(0, len(items), size):
            write(list(items[start : start + size]))

    def _update(self, records: list[ImageRecord]) -> None:
        writing = self._writing()
        operations: list[models.UpdateOperation] = [
            models.OverwritePayloadOperation(
                overwrite_payload=models.SetPayload(payload=to_payload(record, writing.public_url), points=[record.id])
            )
            for record in records
        ]
        operations.append(
            models.UpdateVectorsOperation(update_vectors=models.UpdateVectors(points=replaced_words(records)))
        )
        try:
            self._write(self._link.client.batch_update_points, update_operations=operations)
        except NotThere:  # a replica lacks one of them, or another process removed it: write them completely
            vectors = writing.points.vectors([record.id for record in records])
            there = [record for record in records if record.id in vectors]
            if there:
                self.upsert(there, np.stack([vectors[record.id] for record in there]))

    def _check_nobody_else_begun(self, target: str) -> None:
        directory = Directory(self._link)
        other = directory.target_of(self.name)
        if not self.former and other and other != target:
            encoder = (directory.metadata(other) or {}).get("encoder", "another encoder")
            raise CollectionError(
                f"another process has just made collection {self.name} with {encoder}; run again without --encoder"
            )

    def _create(self, target: str, spec: Spec) -> None:
        nodes = max(self._link.nodes, peers(self._link))
        try:
            self._call(
                self._link.client.create_collection,
                target,
                **ServerOptions.of(nodes).collection(spec.dimension),
                metadata={**spec.to_dict(), "made": str(uuid4()), "name": self.name},
            )
        except CollectionError:
            if target not in Directory(self._link).collections:
                raise  # otherwise another process was just faster

    def _adopt(self, target: str) -> None:
        """Open an existing collection with this machine's journal, which is made to fit.

        If another process is just creating it, wait: its replicas are not ready at once.
        """
        points = self._link.call.soon(
            self._patience.begin, ServerCollection, self.name, target, self._link, every_replica=True
        )
        self.spec = points.spec
        path = journal_path(self._settings, target, self._link.metadata(target))
        path.parent.mkdir(parents=True, exist_ok=True)
        self.journal.move_to(path)
        changed = self._link.metadata(target).get("changed")
        count = self._link.call.soon(
            self._patience.begin, self._link.client.count, target, exact=points.limits.exact
        ).count
        if self.journal.seen() != changed or self.journal.points() > count:
            lacking = forget_what_is_not_there(self.journal, points)
            if lacking:
                _LOG.warning(
                    "%s of %s went missing after being indexed here, and will be read from files again.",
                    *(counted(lacking, "picture"), self.name),
                )
            if changed:
                self.journal.note_seen(changed)
        self._state = _Adopted(points)

    def _make_ready(self, points: ServerCollection) -> None:
        """Make the missing indexes, and allow writes while a node is down."""
        info = self._link.call.soon(self._patience.begin, self._link.client.get_collection, points.target)
        if (info.config.params.write_consistency_factor or 1) > 1:
            self._call(
                self._link.client.update_collection,
                points.target,
                collection_params=models.CollectionParamsDiff(write_consistency_factor=1),
            )
        for key in sorted(INDEXED_KEYS.keys() - info.payload_schema.keys()):
            schema = payload_index(INDEXED_KEYS[key])
            create = self._link.client.create_payload_index
            self._link.call.soon(self._patience.begin, create, points.target, key, field_schema=schema, wait=True)

        if not points.has_words:
            add_words(self._link, points)

    def _remove_replaced(self, directory: Directory, target: str) -> None:
        """Remove the collection that `target` replaced, which a stopped run may have left."""
        replaced = (directory.metadata(target) or {}).get("replaced")
        if replaced and replaced in directory.begun_for(self.name) and directory.aliases.get(self.name) == target:
            remove(self._link, str(replaced), self._settings)
