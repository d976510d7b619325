"""What `near:` takes: a place by its name or its coordinates, and how far around it."""

import re
from dataclasses import dataclass

USUAL_KM = 25.0
"""Around a place where the line does not say how far."""
_FARTHEST_KM = 20_040.0
"""Half around the earth."""
_KM = {"km": 1.0, "mi": 1.609344, "m": 0.001}
WITHIN = r"\s+within\s+(?P<number>\d{1,8}(?:\.\d{1,8})?)\s*(?P<unit>km|mi|m)(?=[\s)]|$)"
"""What may follow the place in a line."""
_WITHIN = re.compile(rf"(?P<place>.*\S)(?i:{WITHIN})\s*", re.S)
_POINT = re.compile(r"\s*([+-]?\d{1,3}(?:\.\d{1,15})?)\s*,\s*([+-]?\d{1,3}(?:\.\d{1,15})?)\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Nearby:
    """A circle on the earth.

    Attributes:
        place: Its centre, as it was written.
        point: Its centre in degrees of latitude and longitude, if that is what was written.
    """

    place: str
    point: tuple[float, float] | None
    km: float


def read_nearby(value: str) -> Nearby | None:
    """Return what a value means, or None if it means nothing.

    >>> read_nearby("38.72,-9.14 within 500 m")
    Nearby(place='38.72,-9.14', point=(38.72, -9.14), km=0.5)
    >>> read_nearby("Lisbon"), read_nearby("91,0"), read_nearby("Lisbon within 0 km")
    (Nearby(place='Lisbon', point=None, km=25.0), None, None)
    """
    within = _WITHIN.fullmatch(value)
    place = (within["place"] if within else value).strip()
    km = float(within["number"]) * _KM[within["unit"].lower()] if within else USUAL_KM
    if re.search(r"\swithin\s", place, re.I):
        return None
    if not any(letter.isalnum() for letter in place) or not 0 < km <= _FARTHEST_KM:
        return None
    if re.fullmatch(r"[\d\s.,+-]*", place):
        point = _POINT.fullmatch(place)
        latitude, longitude = (float(point[1]), float(point[2])) if point else (91.0, 0.0)
        return Nearby(place, (latitude, longitude), km) if abs(latitude) <= 90 and abs(longitude) <= 180 else None
    return Nearby(place, None, km)
