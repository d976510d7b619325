"""Writing to collections on a Qdrant server or cluster."""

import hashlib
import logging
import time
from collections.abc import Sequence
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from qdrant_client import QdrantClient, models

from gallery import server_connection
from gallery.collection import check_vectors
from gallery.errors import CollectionError
from gallery.journal import Journal
from gallery.payload import INDEXED_KEYS, to_payload
from gallery.records import ImageRecord
from gallery.server import get_records
from gallery.server_connection import SEARCH_PATIENCE, Caller, node_urls, read_metadata
from gallery.server_options import ServerOptions
from gallery.settings import Settings
from gallery.spec import Spec

INGEST_PATIENCE = 90.0
INGEST_TIMEOUT = 60.0
"""Seconds to wait for the answer to a write."""
GREEN_PATIENCE, GREEN_PAUSE = 900.0, 2.0
"""Seconds to wait for the server's graphs at the end, and between two looks."""
_LOG = logging.getLogger(__name__)
_WRITTEN_AT_ONCE = 256


def edit_server(settings: Settings, name: str) -> "ServerEditor":
    """Open a collection of the server to write to it; it need not be there yet."""
    return ServerEditor(name, server_connection.connect(settings, INGEST_TIMEOUT), settings)


def drop_server(settings: Settings, name: str) -> None:
    """Remove a collection from the server."""
    client = server_connection.connect(settings)
    try:
        Caller(settings.qdrant_url, SEARCH_PATIENCE)(client.delete_collection, name)
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
        self._call = Caller(settings.qdrant_url, INGEST_PATIENCE)
        self._public_url = settings.public_url
        self._options = ServerOptions.of(len(node_urls(settings)))
        self._journals = settings.data_dir / "journals"
        self.spec: Spec | None = None
        self.journal = Journal(None)
        if self._call(client.collection_exists, name):
            self._adopt()

    def begin(self, spec: Spec) -> None:
        """Make ready to write vectors of `spec`."""
        if self.spec is None:
            self._create(spec)
            self._adopt()
        if self.spec:
            self.spec.check(spec, self.name)
        for key, kind in INDEXED_KEYS.items():  # also on one that is there: a crash may have left it without
            schema = models.PayloadSchemaType(kind)
            self._call(self._client.create_payload_index, self.name, key, field_schema=schema, wait=True)

    def get(self, ids: Sequence[str]) -> dict[str, ImageRecord]:
        return get_records(self._client, self._call, self.name, ids)

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
            self._call(self._client.upsert, self.name, points=batch, wait=True)

    def update(self, records: Sequence[ImageRecord]) -> None:
        operations = [
            models.OverwritePayloadOperation(
                overwrite_payload=models.SetPayload(payload=to_payload(record, self._public_url), points=[record.id])
            )
            for record in records
        ]
        for start in range(0, len(operations), _WRITTEN_AT_ONCE):
            batch = operations[start : start + _WRITTEN_AT_ONCE]
            self._call(self._client.batch_update_points, self.name, update_operations=batch, wait=True)

    def delete(self, ids: Sequence[str]) -> None:
        if ids:
            self._call(self._client.delete, self.name, points_selector=list(ids), wait=True)

    def flush(self) -> None:
        """The server's log is durable once a write has been answered: nothing to do."""

    def finish(self) -> None:
        """Wait until the server has made its graphs: points are seen as soon as they are written, but found slowly.

        After `GREEN_PATIENCE` seconds the server is left to go on by itself, and that is said.

        Raises:
            CollectionError: The server has given up, for the reason that it gives.
        """
        deadline = time.monotonic() + GREEN_PATIENCE
        while self.spec:
            info = self._call(self._client.get_collection, self.name)
            if info.status == models.CollectionStatus.GREEN:
                return
            if info.status == models.CollectionStatus.RED:
                raise CollectionError(
                    f"the server cannot finish collection {self.name}: {info.optimizer_status}; see its log, and that "
                    "its disk has room"
                )
            if info.status == models.CollectionStatus.GREY:  # after a restart it waits to be asked for anything
                self._call(self._client.update_collection, self.name, optimizers_config=models.OptimizersConfigDiff())
            if time.monotonic() > deadline:
                _LOG.warning(
                    "Collection %s is %s after %.0f s: all is written and can be searched, and the server goes on.",
                    *(self.name, info.status.value, GREEN_PATIENCE),
                )
                return
            time.sleep(GREEN_PAUSE)

    def close(self) -> None:
        self.journal.close()
        self._client.close()

    def _create(self, spec: Spec) -> None:
        try:
            self._call(
                self._client.create_collection,
                self.name,
                **self._options.collection(spec.dimension),
                metadata={**spec.to_dict(), "made": str(uuid4())},
            )
        except CollectionError:
            if not self._call(self._client.collection_exists, self.name):
                raise  # otherwise another process was faster by a moment

    def _adopt(self) -> None:
        """Take over a collection that is there, with this machine's journal of it.

        The journal goes by the mark that the collection got when it was made, so that it does not speak of a
        collection that has since been dropped and made again.
        """
        metadata = read_metadata(self._client, self._call, self.name)
        self.spec = Spec.from_dict(metadata, self.name)
        self._journals.mkdir(parents=True, exist_ok=True)
        self.journal.move_to(self._journals / _journal_name(str(metadata.get("made"))))


def _journal_name(made: str) -> str:
    return f"{hashlib.sha256(made.encode()).hexdigest()[:16]}.sqlite"
