"""Names on a Qdrant server: what users call a collection is an alias, and its points lie in a collection behind it.

    photos                    the alias, by which everybody reads
    photos--0123456789abcdef  the points, named after the fingerprint of their encoder

So the encoder of a collection is changed by filling another one and pointing the alias there, which is one step for
whoever reads. Whatever has another name, or metadata that is not ours, is somebody else's, and is never removed.
"""

import re
from typing import Any

from qdrant_client import models

from gallery.errors import CollectionError
from gallery.spec import Spec
from gallery.stores.server.connection import Link

_PHYSICAL = re.compile(r"(?P<name>.+)--[0-9a-f]{16}")


def physical_name(name: str, spec: Spec) -> str:
    """Return the name of the collection in which the points of `name` lie that an encoder made."""
    return f"{name}--{spec.fingerprint}"


class Directory:
    """The collections and the aliases of a server, as they were when it was asked."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.aliases = {a.alias_name: a.collection_name for a in link.call(link.client.get_aliases).aliases}
        self.collections = {c.name for c in link.call(link.client.get_collections).collections}
        self._metadata: dict[str, dict[str, Any] | None] = {}

    def target_of(self, name: str) -> str | None:
        """Return the collection in which the points of `name` lie.

        It is behind the alias; or of this very name; or, where somebody removed the alias or restored a snapshot, the
        only one that was made for this name.
        """
        if name in self.aliases or name in self.collections:
            return self.aliases.get(name, name)
        begun = self.begun_for(name)
        return begun[0] if len(begun) == 1 else None

    def begun_for(self, name: str) -> list[str]:
        """Return the collections that ingest made for `name` and that no alias leads to, sorted."""
        free = self.collections - set(self.aliases.values())
        return sorted(other for other in free if self.made_for(other) == name)

    def made_for(self, target: str) -> str | None:
        """Return the name for which ingest made a collection; None for one of somebody else."""
        found = _PHYSICAL.fullmatch(target)
        if not found:
            return target if self.is_ours(target) else None
        name = found["name"]
        said = self.metadata(target)
        if said is None:  # its shards cannot be loaded
            return name if self.aliases.get(name) == target else None
        return str(said.get("name", name)) if "schema" in said else None

    def is_ours(self, target: str) -> bool:
        """Return whether ingest made a collection."""
        return "schema" in (self.metadata(target) or {})

    def metadata(self, target: str) -> dict[str, Any] | None:
        """Return the metadata of a collection; None where the server cannot read it."""
        if target not in self._metadata:
            try:
                self._metadata[target] = self._link.metadata(target)
            except CollectionError:
                self._metadata[target] = None
        return self._metadata[target]

    def all_names(self) -> list[str]:
        """Return the names of all that can be opened, also what is somebody else's, sorted.

        A collection that an encoder change has begun is no collection of its own.
        """
        free = self.collections - set(self.aliases.values())
        names = {self.made_for(target) or target for target in free}
        return sorted(self.aliases.keys() | names)

    def names(self) -> list[str]:
        """Return the names of the collections that ingest made, sorted."""
        return [name for name in self.all_names() if (target := self.target_of(name)) and self.is_ours(target)]

    def other_aliases(self, name: str, target: str) -> list[str]:
        """Return the aliases besides `name` that lead to a collection, sorted."""
        return sorted(alias for alias, to in self.aliases.items() if to == target and alias != name)


def point_alias(link: Link, name: str, target: str) -> None:
    """Make `name` lead to the collection `target`: one step for whoever reads."""
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
        CollectionError: A collection has this very name.
    """
    if name in directory.collections:
        raise CollectionError(
            f"collection {name} has its points under its own name, so that no other can take its place; "
            f"ingest into a new --collection, or remove it (ingest --drop {name} --yes)"
        )


def peers(link: Link) -> int:
    """Return how many nodes the cluster has; several may share one address."""
    try:
        status = link.client.cluster_status()
    except Exception:  # noqa: BLE001 - a key may not ask this, and the client in memory cannot
        return 1
    return len(getattr(status, "peers", None) or ()) or 1
