"""All collections of a Qdrant server or cluster, over one connection for reading and one for writing."""

import contextlib
from collections.abc import Callable
from dataclasses import replace

from qdrant_client import QdrantClient

from gallery.errors import CollectionError
from gallery.settings import Settings
from gallery.stores.contract import CollectionInfo, Finding
from gallery.stores.filters import ONCE
from gallery.stores.journal import Journal
from gallery.stores.names import check_is_there, check_name, chosen_name
from gallery.stores.server.collection import ServerCollection
from gallery.stores.server.connection import INGEST_PATIENCE, SEARCH_PATIENCE, AnyNode, Caller, Link
from gallery.stores.server.directory import Directory
from gallery.stores.server.editor import ServerEditor
from gallery.stores.server.journals import journal_path, remove
from gallery.stores.server.reaching import addresses, reach
from gallery.stores.server.waiting import Patience

_INGEST_TIMEOUT = 60.0
"""Seconds to wait for the answer to a write."""

Connect = Callable[[Settings, bool], QdrantClient]


def connect(settings: Settings, writing: bool = True) -> QdrantClient:
    """Return a client for the configured server, for searching only or also for writing."""
    timeout = _INGEST_TIMEOUT if writing else SEARCH_PATIENCE
    return reach(addresses(settings.qdrant_url), settings.qdrant_api_key, timeout, in_order=writing)


class ServerStore:
    """The collections that the configured key may see."""

    def __init__(self, settings: Settings, connector: Connect | None = None, patience: Patience | None = None) -> None:
        """Take the settings, without connecting.

        Args:
            settings: The server's address and keys.
            connector: Makes the connection.
            patience: How long an editor waits.
        """
        self._settings = settings
        self._connector = connector or connect
        self._patience = patience
        self._links: dict[bool, Link] = {}

    def names(self) -> list[str]:
        return self._directory().names()

    def overview(self) -> list[CollectionInfo]:
        directory = self._directory()
        return [self._info(directory, name) for name in directory.all_names()]

    def open(self, name: str | None = None, *, every_replica: bool = False) -> ServerCollection:
        directory = self._directory()
        if name is None:
            name = chosen_name(name, directory.names())
        target = directory.target_of(name)
        if target is None:
            names = directory.names()
            if not names:
                raise CollectionError("there is no collection yet; make one: ingest FOLDER")
            check_is_there(name, names, len(directory.all_names()) - len(names))
        return ServerCollection(name, target or name, self._link(), every_replica=every_replica)

    def edit(self, name: str, *, new: bool = True) -> ServerEditor:
        link = self._link(writing=True)
        directory = Directory(link)
        if directory.target_of(name) is None:
            check_name(name)
            if not new:
                check_is_there(name, directory.names())
        return ServerEditor(name, link, self._settings, self._patience)

    def drop(self, name: str) -> None:
        link = self._link(writing=True)
        directory = Directory(link)
        target = directory.target_of(name)
        begun = directory.begun_for(name)
        if target is None and not begun:
            check_is_there(name, directory.names())
        if target and directory.made_for(target) != name:
            raise CollectionError(
                f"{name} leads to {target}, which ingest did not make by that name; remove it with Qdrant's own means"
            )
        if target and (others := directory.other_aliases(name, target)):
            raise CollectionError(f"{name} is also known as {', '.join(others)}; remove these aliases first")
        for gone in {target, *begun} - {None}:
            remove(link, str(gone), self._settings)

    def journal(self, name: str, *, new: bool = True) -> Journal:
        directory = self._directory()
        target = directory.target_of(name)
        if target is None and not new:
            check_is_there(name, directory.names())
        path = journal_path(self._settings, target, directory.metadata(target) or {}) if target else None
        return Journal(path, new=False) if path and path.exists() else Journal(None)

    def check(self, name: str) -> list[Finding]:
        from gallery.stores.server.health import findings

        return findings(self._link(), self._settings, self.open(name))

    def repair(self, name: str) -> None:
        with contextlib.closing(self.edit(name, new=False)) as editor:  # opening makes the journal fit
            if editor.spec:
                editor.begin(editor.spec)
                editor.finish()

    def close(self) -> None:
        """Close the connections."""
        for link in self._links.values():
            link.client.close()
        self._links.clear()

    def _directory(self) -> Directory:
        return Directory(self._link())

    def _link(self, *, writing: bool = False) -> Link:
        if writing not in self._links:
            settings = self._settings
            if not writing and settings.qdrant_read_only_api_key:
                settings = replace(settings, qdrant_api_key=settings.qdrant_read_only_api_key)
            client = self._connector(settings, writing)
            patience = INGEST_PATIENCE if writing else SEARCH_PATIENCE
            nodes = len(client.nodes) if isinstance(client, AnyNode) else 1
            self._links[writing] = Link(client, Caller(str(settings.qdrant_url), patience, writing=writing), nodes)
        return self._links[writing]

    def _info(self, directory: Directory, name: str) -> CollectionInfo:
        try:
            collection = ServerCollection(name, directory.target_of(name) or name, self._link())
            return CollectionInfo(
                name, collection.spec.encoder, collection.count(ONCE), changed_at=collection.changed_at
            )
        except CollectionError as error:  # one that cannot be read does not hide the others
            return CollectionInfo(name, f"cannot be read: {error}", 0)
