"""Shell completion of collections and encoders. It offers nothing rather than fail.

The functions are click's `shell_complete`: they take the context, the parameter, and what was typed so far.
"""

from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def collections(_context: object, _parameter: object, begun: str) -> "list[CompletionItem]":
    """Offer the names of the existing collections."""
    from gallery.errors import GalleryError
    from gallery.settings import Settings
    from gallery.stores import open_store

    with suppress(GalleryError, OSError):
        return _items(open_store(Settings.from_environ()).names(), begun)
    return []


def encoders(_context: object, _parameter: object, begun: str) -> "list[CompletionItem]":
    """Offer the catalogue's short names, or long ones if no short one fits; text towers after a +; or files."""
    from click.shell_completion import CompletionItem

    from gallery.encoders.catalogue import entries

    if begun.startswith(("/", ".", "~")):
        return [CompletionItem(begun, type="file")]
    pictures, plus, _ = begun.rpartition("+")
    offered = [entry for entry in entries() if (entry.type == "text") == bool(plus)]
    short = _items([f"{pictures}{plus}{entry.short or entry.name}" for entry in offered], begun)
    return short or _items([f"{pictures}{plus}{entry.name}" for entry in offered], begun)


def text_encoders(_context: object, _parameter: object, begun: str) -> "list[CompletionItem]":
    """Offer the text towers of the catalogue."""
    from gallery.encoders.catalogue import entries

    return _items([entry.short or entry.name for entry in entries() if entry.type == "text"], begun)


def _items(names: list[str], begun: str) -> "list[CompletionItem]":
    from click.shell_completion import CompletionItem

    return [CompletionItem(name) for name in names if name.startswith(begun)]
