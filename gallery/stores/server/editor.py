"""Writing to collections on a Qdrant server or cluster."""

import hashlib
import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from qdrant_client import QdrantClient, models

from gallery.errors import CollectionError
from gallery.records import ImageRecord
from gallery.settings import Settings
from gallery.spec import Spec
from gallery.stores.collection import check_vectors
from gallery.stores.editor import Former
from gallery.stores.journal import Journal
from gallery.stores.payload import INDEXED_KEYS, to_payload, to_record
from gallery.stores.server import connection as server_connection
from gallery.stores.server.collection import ServerCollection, get_records
from gallery.stores.server.connection import SEARCH_PATIENCE, Caller, node_urls, read_metadata
from gallery.stores.server.names import physical_name, point_alias, target_of, unfinished_names
from gallery.stores.server.options import ServerOptions

INGEST_PATIENCE = 90.0
INGEST_TIMEOUT = 60.0
"""Seconds to wait for the answer to a write."""
GREEN_PATIENCE, GREEN_PAUSE = 900.0, 2.0
"""Seconds to wait for the server's graphs at the end, and between two looks."""
_LOG = logging.getLogger(__name__)
_WRITTEN_AT_ONCE = 256
_SCANNED_AT_ONCE = 500


def edit_server(settings: Settings, name: str) -> "ServerEditor":
    """Open a collection of the server to write to it; it need not be there yet."""
    return ServerEditor(name, server_connection.connect(settings, INGEST_TIMEOUT), settings)


def drop_server(settings: Settings, name: str) -> None:
    """Remove a collection from the server, with what was begun for it, and this machine's journals of these."""
    client = server_connection.connect(settings)
    call = Caller(settings.qdrant_url, SEARCH_PATIENCE)
    try:
        for target in {target_of(client, call, name), *unfinished_names(client, call, name)}:
            if target:
                _remove(client, call, target, _journals(settings))
    finally:
        client.close()


def server_journal(settings: Settings, name: str) -> Journal:
    """Return this machine's journal of a collection, only to be read; one that knows nothing where there is none."""
    client = server_connection.connect(settings)
    call = Caller(settings.qdrant_url, SEARCH_PATIENCE)
    try:
        target = target_of(client, call, name)
        path = _journal_path(client, call, target, _journals(settings)) if target else None
        return Journal(path, new=False) if path and path.exists() else Journal(None)
    finally:
        client.close()


class ServerEditor:
    """A collection of a server that is written to, perhaps by several processes at once.

    Ids are content digests, so they cannot double anything. Two that place copies of one picture at the same moment
    may note only one of the places, until the other file is next looked at.
    """

    def __init__(self, name: str, client: QdrantClient, settings: Settings) -> None:
        self.name = name
        self._client = client
        self._settings = settings
        self._call = Caller(settings.qdrant_url, INGEST_PATIENCE)
        self._public_url = settings.public_url
        self._options = ServerOptions.of(len(node_urls(settings)))
        self.spec: Spec | None = None
        self.journal = Journal(None)
        self.former: Former | None = None
        self._target = target_of(client, self._call, name) or ""
        if self._target:
            self._adopt()

    def change(self, spec: Spec) -> None:
        if self.spec is None:
            return
        target = self._target if self.spec.fits(spec) else physical_name(self.name, spec)
        for other in unfinished_names(self._client, self._call, self.name):
            if other != target:  # a change to yet another encoder, or one that is taken back
                _remove(self._client, self._call, other, _journals(self._settings))
        if target == self._target:
            return
        if self._target == self.name:
            point_alias(self._client, self._call, self.name, "")  # which says why that cannot be, before any work
        former = ServerCollection(self._target, server_connection.connect(self._settings), self._call)
        self.former = Former(former, self.journal)
        self.journal, self.spec = Journal(None), spec
        self._target = target
        if self._call(self._client.collection_exists, self._target):
            self._adopt()

    def begin(self, spec: Spec) -> None:
        """Make ready to write vectors of `spec`."""
        self._target = self._target or physical_name(self.name, spec)
        if not self._call(self._client.collection_exists, self._target):
            self._create(spec)
            self._adopt()
        if self.spec:
            self.spec.check(spec, self.name)
        for key, kind in INDEXED_KEYS.items():  # also on one that is there: a crash may have left it without
            schema = models.PayloadSchemaType(kind)
            self._call(self._client.create_payload_index, self._target, key, field_schema=schema, wait=True)
        if not self.former and not target_of(self._client, self._call, self.name):
            point_alias(self._client, self._call, self.name, self._target)

    @property
    def changing(self) -> str | None:
        if self.former:
            return self.spec.encoder if self.spec else None
        begun = unfinished_names(self._client, self._call, self.name)
        return begun[0] if begun else None

    def get(self, ids: Sequence[str]) -> dict[str, ImageRecord]:
        return get_records(self._client, self._call, self._target, ids)

    def scan(self) -> Iterator[ImageRecord]:
        offset = None
        while True:
            points, offset = self._call(
                self._client.scroll, self._target, limit=_SCANNED_AT_ONCE, offset=offset, with_payload=True
            )
            for point in points:
                yield to_record(str(point.id), point.payload or {})
            if offset is None:
                return

    def vectors(self, ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        points = self._call(self._client.retrieve, self._target, ids=list(ids), with_payload=False, with_vectors=True)
        return {str(point.id): np.asarray(point.vector, np.float32) for point in points}

    def upsert(self, records: Sequence[ImageRecord], vectors: NDArray[np.float32]) -> None:
        check_vectors(vectors, len(records), self.spec.dimension if self.spec else 0)
        if not records:  # the server refuses to do nothing
            return
        points = [
            models.PointStruct(id=record.id, vector=vector.tolist(), payload=to_payload(record, self._public_url))
            for record, vector in zip(records, vectors, strict=True)
        ]
        for start in range(0, len(points), _WRITTEN_AT_ONCE):
            batch = points[start : start + _WRITTEN_AT_ONCE]
            self._call(self._client.upsert, self._target, points=batch, wait=True)

    def update(self, records: Sequence[ImageRecord]) -> None:
        operations = [
            models.OverwritePayloadOperation(
                overwrite_payload=models.SetPayload(payload=to_payload(record, self._public_url), points=[record.id])
            )
            for record in records
        ]
        for start in range(0, len(operations), _WRITTEN_AT_ONCE):
            batch = operations[start : start + _WRITTEN_AT_ONCE]
            self._call(self._client.batch_update_points, self._target, update_operations=batch, wait=True)

    def delete(self, ids: Sequence[str]) -> None:
        if ids:
            self._call(self._client.delete, self._target, points_selector=list(ids), wait=True)

    def flush(self) -> None:
        """The server's log is durable once a write has been answered: nothing to do."""

    def finish(self) -> None:
        """Wait for the server's graphs, and put a collection of another encoder in the place of the former."""
        self._wait_for_graphs()
        if not self.former:
            return
        former = self.former.collection.name
        self.former.close()
        self.former = None
        point_alias(self._client, self._call, self.name, self._target)
        _remove(self._client, self._call, former, _journals(self._settings))

    def _wait_for_graphs(self) -> None:
        """Wait until the server has made its graphs: points are seen once they are written, but found slowly.

        After `GREEN_PATIENCE` seconds the server is left to go on by itself, and that is said.

        Raises:
            CollectionError: The server has given up, for the reason that it gives.
        """
        deadline = time.monotonic() + GREEN_PATIENCE
        while self.spec:
            info = self._call(self._client.get_collection, self._target)
            if info.status == models.CollectionStatus.GREEN:
                return
            if info.status == models.CollectionStatus.RED:
                raise CollectionError(
                    f"the server cannot finish collection {self.name}: {info.optimizer_status}; see its log, and that "
                    "its disk has room"
                )
            if info.status == models.CollectionStatus.GREY:  # after a restart it waits to be asked for anything
                self._call(
                    self._client.update_collection, self._target, optimizers_config=models.OptimizersConfigDiff()
                )
            if time.monotonic() > deadline:
                _LOG.warning(
                    "Collection %s is %s after %.0f s: all is written and can be searched, and the server goes on.",
                    *(self.name, info.status.value, GREEN_PATIENCE),
                )
                return
            time.sleep(GREEN_PAUSE)

    def close(self) -> None:
        if self.former:
            self.former.close()
        self.journal.close()
        self._client.close()

    def _create(self, spec: Spec) -> None:
        try:
            self._call(
                self._client.create_collection,
                self._target,
                **self._options.collection(spec.dimension),
                metadata={**spec.to_dict(), "made": str(uuid4())},
            )
        except CollectionError:
            if not self._call(self._client.collection_exists, self._target):
                raise  # otherwise another process was faster by a moment

    def _adopt(self) -> None:
        """Take over a collection that is there, with this machine's journal of it."""
        self.spec = Spec.from_dict(read_metadata(self._client, self._call, self._target), self.name)
        path = _journal_path(self._client, self._call, self._target, _journals(self._settings))
        path.parent.mkdir(parents=True, exist_ok=True)
        self.journal.move_to(path)


def _journals(settings: Settings) -> Path:
    return settings.data_dir / "journals"


def _journal_path(client: QdrantClient, call: Caller, target: str, folder: Path) -> Path:
    """Return where this machine's journal of a collection is.

    It goes by the mark that the collection got when it was made, so that it does not speak of a collection that has
    since been dropped and made again.
    """
    made = str(read_metadata(client, call, target).get("made"))
    return folder / f"{hashlib.sha256(made.encode()).hexdigest()[:16]}.sqlite"


def _remove(client: QdrantClient, call: Caller, target: str, journals: Path) -> None:
    path = _journal_path(client, call, target, journals)
    call(client.delete_collection, target)
    path.unlink(missing_ok=True)
