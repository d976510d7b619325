"""Names on a Qdrant server: what users call a collection is an alias, and its points lie in a collection behind it.

    photos                    the alias, by which everybody reads
    photos--0123456789abcdef  the points, named after the fingerprint of their encoder

So the encoder of a collection is changed by filling another one and pointing the alias there, which is one step for
whoever reads.
"""

from qdrant_client import QdrantClient, models

from gallery.errors import CollectionError
from gallery.spec import Spec
from gallery.stores.server.connection import Caller

_BETWEEN = "--"


def physical_name(name: str, spec: Spec) -> str:
    """Return the name of the collection in which the points of `name` lie that an encoder made."""
    return f"{name}{_BETWEEN}{spec.fingerprint}"


def target_of(client: QdrantClient, call: Caller, name: str) -> str | None:
    """Return the collection in which the points of `name` lie: behind the alias, or of this very name."""
    target = _aliases(client, call).get(name)
    return target or (name if name in _collections(client, call) else None)


def listed_names(client: QdrantClient, call: Caller) -> list[str]:
    """Return the aliases, and the collections that no alias points to, sorted."""
    aliases = _aliases(client, call)
    return sorted(aliases.keys() | (_collections(client, call) - set(aliases.values())))


def unfinished_names(client: QdrantClient, call: Caller, name: str) -> list[str]:
    """Return the collections that were begun for `name` with other encoders, sorted."""
    target = target_of(client, call, name)
    return sorted(
        other for other in _collections(client, call) if other.startswith(name + _BETWEEN) and other != target
    )


def point_alias(client: QdrantClient, call: Caller, name: str, target: str) -> None:
    """Make `name` lead to the collection `target`: one step for whoever reads.

    Raises:
        CollectionError: A collection has this very name, so that it cannot be an alias.
    """
    if name in _collections(client, call):
        raise CollectionError(
            f"collection {name} has its points under its own name, so that no other can take its place; "
            f"ingest into a new --collection, or remove it (ingest --drop {name} --yes)"
        )
    operations: list[models.AliasOperations] = []
    if name in _aliases(client, call):
        operations.append(models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=name)))
    made = models.CreateAlias(collection_name=target, alias_name=name)
    call(
        client.update_collection_aliases,
        change_aliases_operations=[*operations, models.CreateAliasOperation(create_alias=made)],
    )


def _aliases(client: QdrantClient, call: Caller) -> dict[str, str]:
    return {alias.alias_name: alias.collection_name for alias in call(client.get_aliases).aliases}


def _collections(client: QdrantClient, call: Caller) -> set[str]:
    return {collection.name for collection in call(client.get_collections).collections}
