"""Adds the names of the places where pictures were taken, or removes all trace of them."""

from collections.abc import Callable
from dataclasses import replace

from gallery.cities import Cities, all_cities
from gallery.errors import BadInput
from gallery.extras import install
from gallery.records import ImageRecord


class Locator:
    """Names the places of records; without the list of cities, they keep the names they have.

    Attributes:
        lacking: A sentence that says which pictures lack place names, and how to get them; empty if none do.
    """

    def __init__(self, *, keep: bool = True, cities: Callable[[], Cities] = all_cities) -> None:
        """Take the list of cities, which is opened for the first record with a location.

        Args:
            keep: Whether to keep locations and their names.
            cities: Raises BadInput where their package is not installed.
        """
        self.lacking = ""
        self._keep = keep
        self._cities = cities

    def __call__(self, record: ImageRecord) -> ImageRecord:
        """Return the record with its place, or without it if places are not kept."""
        if not self._keep or record.location is None:
            return replace(record, location=None, place=())
        if self.lacking:
            return record
        try:
            return replace(record, place=self._cities().names_at(*record.location))
        except BadInput:
            self.lacking = (
                f"GPS positions were stored without names of places; for names: {install('places')}, "
                "then ingest --refresh"
            )
            return record
