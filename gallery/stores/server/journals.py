"""This machine's journals of a server's collections."""

import hashlib
from pathlib import Path
from typing import Any

from gallery.errors import CollectionError
from gallery.settings import Settings
from gallery.stores.journal import Journal
from gallery.stores.reconciling import note_what_is_there
from gallery.stores.server.collection import ServerCollection
from gallery.stores.server.connection import Link

_AT_ONCE = 1000


def journal_path(settings: Settings, target: str, metadata: dict[str, Any]) -> Path:
    """Return the path of this machine's journal of a collection.

    It contains the mark that the collection got when it was created, because a collection may be dropped and made
    again; and its name, because a snapshot can be restored under another.
    """
    made = str(metadata.get("made"))
    path, before = (
        settings.data_dir / "journals" / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.sqlite"
        for text in (f"{made}\n{target}", made)
    )
    if before.exists() and not path.exists() and metadata.get("name") is None:  # made before it contained the name
        before.rename(path)
    return path


def remove(link: Link, target: str, settings: Settings) -> None:
    """Remove a collection of ours, and this machine's journal of it."""
    try:
        path = journal_path(settings, target, link.metadata(target))
    except CollectionError:  # its shards cannot be loaded, so its journal is void
        path = None
    link.call(link.client.delete_collection, target)
    if path:
        path.unlink(missing_ok=True)


def whole_journal(journal: Journal, points: ServerCollection) -> Journal:
    """Return an in-memory journal of all files of a collection, including those indexed by other machines."""
    whole = Journal(None)
    entries = journal.all()
    while page := [entry for entry, _ in zip(entries, range(_AT_ONCE), strict=False)]:
        whole.write(page)
    note_what_is_there(whole, points)
    return whole
