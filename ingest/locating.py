"""Where pictures were taken: what that is called, or nothing of it at all."""

from collections.abc import Callable
from dataclasses import replace

from gallery.cities import Cities, all_cities
from gallery.errors import BadInput
from gallery.records import ImageRecord


class Locator:
    """Gives records the names of their places; without the cities they keep what they have.

    Attributes:
        unnamed: Why places have no names, as a sentence; empty where nothing was missed.
    """

    def __init__(self, *, keep: bool = True, cities: Callable[[], Cities] = all_cities) -> None:
        """Take the cities, which are opened for the first record that has a location.

        Args:
            keep: Otherwise locations and their names are left out.
            cities: Raises BadInput where their package is not installed.
        """
        self.unnamed = ""
        self._keep = keep
        self._cities = cities

    def __call__(self, record: ImageRecord) -> ImageRecord:
        """Return the record as it is to be written."""
        if not self._keep or record.location is None:
            return replace(record, location=None, place=())
        if record.place or self.unnamed:
            return record
        try:
            return replace(record, place=self._cities().names_at(*record.location))
        except BadInput as error:
            self.unnamed = str(error)
            return record
