"""Names of collections: which are allowed, and the error for an unknown one."""

import re
from collections.abc import Sequence

from gallery.errors import BadInput, CollectionError
from gallery.settings import DEFAULT_COLLECTION

_NAME = re.compile(r"(?!.*--[0-9a-f]{16}$)\w[\w.-]{0,99}")


def check_name(name: str) -> None:
    """Refuse an invalid name for a new collection.

    Raises:
        BadInput: It has other characters than letters, digits, dots, dashes and underscores, or is a server's own.
    """
    if not _NAME.fullmatch(name):
        raise BadInput(
            f"{name!r} is not a valid name for a collection; use letters, digits, dots, dashes and "
            "underscores, and no digest at the end"
        )


def check_is_there(name: str, names: Sequence[str], others: int = 0) -> None:
    """Refuse a name that is not among `names`.

    Args:
        name: The requested name.
        names: The existing names.
        others: How many other collections exist that `ingest` did not make.

    Raises:
        CollectionError: It does not exist; the message lists those that do.
    """
    if name not in names:
        there = f"; give one of: {', '.join(names)}" if names else ", nor any other; make one: ingest FOLDER"
        foreign = f" ({others} more were not made by ingest)" if others else ""
        raise CollectionError(f"there is no collection {name}{there}{foreign}")


def chosen_name(name: str | None, names: Sequence[str]) -> str:
    """Return `name`; by default the only collection, or else `photos`.

    Raises:
        CollectionError: There is no collection at all.
    """
    if not names:
        raise CollectionError("there is no collection yet; make one: ingest FOLDER")
    return name or default_name(names)


def default_name(names: Sequence[str]) -> str:
    """Return the collection that is meant if none is named: the only one, or else `photos`."""
    return names[0] if len(names) == 1 else DEFAULT_COLLECTION
