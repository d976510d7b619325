"""What `near:` takes: a place by its name or its coordinates, and how far around it."""

import re
from dataclasses import dataclass

USUAL_KM = 25.0
"""The distance if the line gives none."""
_FARTHEST_KM = 20_040.0
"""Half the earth's circumference, which includes everything."""
_KM = {"km": 1.0, "mi": 1.609344, "m": 0.001}
_NUMBER, _UNIT = r"[0-9]{1,8}(\.[0-9]{1,8})?", "([Kk][Mm]|[Mm][Ii]|[Mm])"
WITHIN = rf"\s+[Ww]ithin\s+{_NUMBER}\s*{_UNIT}"
"""What may follow the place."""
_LATITUDE = r"[+-]?(90(\.0{1,15})?|[0-8]?[0-9](\.[0-9]{1,15})?)"
_LONGITUDE = r"[+-]?(180(\.0{1,15})?|(1[0-7][0-9]|[0-9]{1,2})(\.[0-9]{1,15})?)"
_POINT = rf"\s*{_LATITUDE}\s*,\s*{_LONGITUDE}"
NEARBY = rf"^({_POINT}({WITHIN})?\s*|(?![\s0-9.,+-]*({WITHIN}\s*)?$)[\s\S]+)$"
"""The whole value, also for documentation: digits alone are a point on the earth, anything else is a name."""
_WITHIN = re.compile(rf"(?P<place>[\s\S]*\S)\s+[Ww]ithin\s+(?P<number>{_NUMBER})\s*(?P<unit>{_UNIT})\s*")


@dataclass(frozen=True, slots=True)
class Nearby:
    """A circle on the earth.

    Attributes:
        place: Its centre, as it was written.
        point: Its centre as latitude and longitude in degrees, if it was written so.
        km: How far from the centre.
    """

    place: str
    point: tuple[float, float] | None
    km: float


def read_nearby(value: str) -> Nearby | None:
    """Return what a value means, or None if it means nothing.

    >>> read_nearby("38.72,-9.14 within 500 m")
    Nearby(place='38.72,-9.14', point=(38.72, -9.14), km=0.5)
    >>> read_nearby("Lisbon"), read_nearby("91,0"), read_nearby("1,2,3 within 1 km")
    (Nearby(place='Lisbon', point=None, km=25.0), None, None)
    """
    if not re.fullmatch(NEARBY, value):
        return None
    within = _WITHIN.fullmatch(value)
    place = (within["place"] if within else value).strip()
    km = min(float(within["number"]) * _KM[within["unit"].lower()], _FARTHEST_KM) if within else USUAL_KM
    point = re.fullmatch(rf"{_POINT}\s*", place)
    latitude, _, longitude = place.partition(",")
    return Nearby(place, (float(latitude.strip()), float(longitude.strip())) if point else None, km)
