"""Points in collections: one contract, and two stores that keep it.

`open_store` returns the store that the settings name; its users never ask again whether there is a server. Inside,
the contract (`contract`, `filters`, `payload`, `journal`) knows neither store, and each store is a package that may be
changed as long as the tests of the contract hold.
"""

from gallery.settings import Settings
from gallery.stores.contract import CollectionInfo, Editor, Finding, Former, ImageCollection, Progress, Store
from gallery.stores.dates import date_of, moment, now
from gallery.stores.filters import ONCE, Circle, Condition, Filter, MoreThan, Where, Words, as_filter
from gallery.stores.journal import Entry, Journal
from gallery.stores.names import default_name
from gallery.stores.payload import folder_values, ids_of_content, point_id, point_ids, record_of

__all__ = [
    "ONCE",
    "Circle",
    "CollectionInfo",
    "Condition",
    "Editor",
    "Entry",
    "Filter",
    "Finding",
    "Former",
    "ImageCollection",
    "Journal",
    "MoreThan",
    "Progress",
    "Store",
    "Where",
    "Words",
    "as_filter",
    "date_of",
    "default_name",
    "folder_values",
    "ids_of_content",
    "moment",
    "now",
    "open_store",
    "point_id",
    "point_ids",
    "record_of",
]


def open_store(settings: Settings) -> Store:
    """Return the configured store: a Qdrant server if the settings name one, or else files on this machine."""
    if settings.qdrant_url:
        from gallery.stores.server.store import ServerStore  # whose client takes half a second to import

        return ServerStore(settings)
    from gallery.stores.embedded.store import EmbeddedStore

    return EmbeddedStore(settings)
