"""Checks a collection on a server."""

from collections.abc import Iterator
from pathlib import Path

from gallery.printable import counted
from gallery.settings import Settings
from gallery.stores.contract import Finding
from gallery.stores.journal import Journal
from gallery.stores.payload import INDEXED_KEYS, ids_of_content
from gallery.stores.server.collection import ServerCollection
from gallery.stores.server.connection import Link
from gallery.stores.server.journals import journal_path


def findings(link: Link, settings: Settings, collection: ServerCollection) -> list[Finding]:
    """Return everything that is wrong with a collection, after reading all of it."""
    return list(_findings(link, settings, collection))


def _findings(link: Link, settings: Settings, collection: ServerCollection) -> Iterator[Finding]:
    info = link.call(link.client.get_collection, collection.target)
    missing = sorted(INDEXED_KEYS.keys() - info.payload_schema.keys())
    if missing:
        yield Finding(f"there is no index for {', '.join(missing)}", "the indexes are made")
    if (info.config.params.write_consistency_factor or 1) > 1:
        yield Finding("a node that is away stops every write", "writes continue without it")
    there = {record.id for record in collection.records()}
    count = collection.count()
    if len(there) != count:
        yield Finding(f"ingest did not write {count - len(there)} of {counted(count, 'point')}")
    path = journal_path(settings, collection.target, info.config.metadata or {})
    lacking = _lacking(path, there) if path.exists() else 0
    if lacking:
        yield Finding(f"it lacks {counted(lacking, 'picture')} indexed here", "the next ingest reads their files again")


def _lacking(path: Path, there: set[str]) -> int:
    journal = Journal(path, new=False)
    try:
        return sum(not there.issuperset(ids_of_content(digest, points)) for digest, points in journal.contents())
    finally:
        journal.close()
