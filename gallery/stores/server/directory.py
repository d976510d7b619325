"""Names on a Qdrant server: users' names are aliases, and the points are in collections behind them.

    photos                    the alias, for reading
    photos--0123456789abcdef  the points, named after their encoder's fingerprint

So an encoder is changed by filling another collection and pointing the alias to it, which is atomic for readers.
Collections with other names or foreign metadata belong to other programs, and are never removed.
"""

import re
from typing import Any

from qdrant_client import models

from gallery.errors import CollectionError
from gallery.spec import Spec
from gallery.stores.server.connection import Link

_PHYSICAL = re.compile(r"(?P<name>.+)--[0-9a-f]{16}")


def physical_name(name: str, spec: Spec) -> str:
    """Return the name of the collection with the points of `name` by one encoder."""
    return f"{name}--{spec.fingerprint}"


class Directory:
    """A snapshot of a server's collections and aliases."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.aliases = {a.alias_name: a.collection_name for a in link.call(link.client.get_aliases).aliases}
        self.collections = {c.name for c in link.call(link.client.get_collections).collections}
        self._metadata: dict[str, dict[str, Any] | None] = {}

    def target_of(self, name: str) -> str | None:
        """Return the collection with the points of `name`.

        This is the alias's target, or the collection with exactly this name, or, if the alias was removed or a snapshot
        restored, the only one made for this name.
        """
        if name in self.aliases or name in self.collections:
            return self.aliases.get(name, name)
        begun = self.begun_for(name)
        return begun[0] if len(begun) == 1 else None

    def begun_for(self, name: str) -> list[str]:
        """Return the collections that ingest made for `name` without an alias, sorted."""
        free = self.collections - set(self.aliases.values())
        return sorted(other for other in free if self.made_for(other) == name)

    def made_for(self, target: str) -> str | None:
        """Return the name for which ingest made a collection; None for another program's."""
        found = _PHYSICAL.fullmatch(target)
        if not found:
            return target if self.is_ours(target) else None
        name = found["name"]
        said = self.metadata(target)
        if said is None:  # the collection's shards cannot be loaded
            return name if self.aliases.get(name) == target else None
        return str(said.get("name", name)) if "schema" in said else None

    def is_ours(self, target: str) -> bool:
        """Return whether ingest made a collection."""
        return "schema" in (self.metadata(target) or {})

    def metadata(self, target: str) -> dict[str, Any] | None:
        """Return the metadata of a collection; None if the server cannot read it."""
        if target not in self._metadata:
            try:
                self._metadata[target] = self._link.metadata(target)
            except CollectionError:
                self._metadata[target] = None
        return self._metadata[target]

    def all_names(self) -> list[str]:
        """Return the names of everything that can be opened, including other programs' collections, sorted.

        A collection that an encoder change has started does not count separately.
        """
        free = self.collections - set(self.aliases.values())
        names = {self.made_for(target) or target for target in free}
        return sorted(self.aliases.keys() | names)

    def names(self) -> list[str]:
        """Return the names of the collections that ingest made, sorted."""
        return [name for name in self.all_names() if (target := self.target_of(name)) and self.is_ours(target)]

    def other_aliases(self, name: str, target: str) -> list[str]:
        """Return a collection's other aliases besides `name`, sorted."""
        return sorted(alias for alias, to in self.aliases.items() if to == target and alias != name)


def point_alias(link: Link, name: str, target: str) -> None:
    """Point `name` to the collection `target`, atomically for readers."""
    directory = Directory(link)
    check_alias(directory, name)
    operations: list[models.AliasOperations] = []
    if name in directory.aliases:
        operations.append(models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=name)))
    made = models.CreateAlias(collection_name=target, alias_name=name)
    link.call(
        link.client.update_collection_aliases,
        change_aliases_operations=[*operations, models.CreateAliasOperation(create_alias=made)],
    )


def check_alias(directory: Directory, name: str) -> None:
    """Refuse a name that cannot be an alias.

    Raises:
        CollectionError: A collection has exactly this name.
    """
    if name in directory.collections:
        raise CollectionError(
            f"collection {name} has its points under its own name, so that no other can take its place; "
            f"ingest into a new --collection, or remove it (ingest --drop {name} --yes)"
        )


def peers(link: Link) -> int:
    """Return how many nodes the cluster has; several may share an address."""
    try:
        status = link.client.cluster_status()
    except Exception:  # noqa: BLE001 - a key may not ask this, and the client in memory cannot
        return 1
    return len(getattr(status, "peers", None) or ()) or 1
