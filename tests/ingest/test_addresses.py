"""Thumbnails' addresses, and the payload as Qdrant's dashboard reads it."""

import contextlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from memory_server import memory_server
from numpy.typing import NDArray

from gallery.errors import BadInput, CollectionError
from gallery.records import ImageFile, ImageRecord
from gallery.settings import Settings
from gallery.spec import Spec
from gallery.stores import open_store
from gallery.stores.payload import to_payload
from ingest.addresses import set_public_url

MakeRecord = Callable[..., ImageRecord]
UnitRows = Callable[..., NDArray[np.float32]]

SPEC = Spec(encoder="letters", dimension=64, space="letters-1", text="letters-1")
COUNT = 300


@pytest.fixture(params=["embedded", "memory"])
def settings(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    make_record: MakeRecord,
    unit_rows: UnitRows,
) -> Iterator[Settings]:
    with memory_server() as url:
        address = url if request.param == "memory" else None
        settings = Settings(tmp_path, qdrant_url=address, public_url="http://old.example")
        with contextlib.closing(open_store(settings).edit("photos")) as editor:
            editor.begin(SPEC)
            editor.upsert([make_record(number) for number in range(COUNT)], unit_rows(COUNT))
            editor.finish()
        yield settings


def vectors(settings: Settings) -> dict[str, bytes]:
    with contextlib.closing(open_store(settings).open("photos")) as collection:
        return {record.id: vector.tobytes() for record, vector in collection.scan()}


def test_addresses_are_rewritten_and_nothing_else(settings: Settings) -> None:
    before = vectors(settings)
    assert set_public_url(settings, "photos", "https://new.example/gallery/") == COUNT
    assert vectors(settings) == before
    with contextlib.closing(open_store(settings).open("photos")) as collection:
        assert collection.public_url() == "https://new.example/gallery"
        assert collection.count({"year": {"gte": 1}}) == COUNT


def test_an_empty_address_takes_them_out(settings: Settings) -> None:
    set_public_url(settings, "photos", "")
    with contextlib.closing(open_store(settings).open("photos")) as collection:
        assert collection.public_url() is None


@pytest.mark.parametrize("url", ["photos.example", "ftp://photos.example", "https://", "https://a.example/?id="])
def test_what_no_browser_loads_is_refused(url: str, settings: Settings) -> None:
    with pytest.raises(BadInput, match="thumbnails"):
        set_public_url(settings, "photos", url)


def test_a_collection_that_is_not_there_is_not_made(settings: Settings) -> None:
    with pytest.raises(CollectionError, match="there is no collection other"):
        set_public_url(settings, "other", "https://new.example")


def drawn_by_the_dashboard(payload: dict[str, Any]) -> list[str]:
    """Return the keys that Qdrant's dashboard takes for a picture, by its own rule (PointImage.jsx).

    A top-level string that parses as an address of any scheme, whose path ends in one of these, in lower case.
    """
    suffix = re.compile(r"\.(jpg|jpeg|png|webp|gif|svg)$")
    return [
        key
        for key, value in payload.items()
        if isinstance(value, str) and re.match(r"[a-z][a-z0-9+.-]*:", value, re.IGNORECASE)
        if suffix.search(urlsplit(value).path)
    ]


HOSTILE = "https://evil.example/a.jpg"


def test_the_dashboard_draws_the_thumbnail_and_nothing_else(make_record: MakeRecord) -> None:
    for number in range(200):
        payload = to_payload(make_record(number), "https://photos.example")
        assert drawn_by_the_dashboard(payload) == ["thumbnail"]
        assert drawn_by_the_dashboard(to_payload(make_record(number))) == []
    file = ImageFile("C:\\photos\\a.png", 1, 1)
    odd = make_record(1, camera=HOSTILE, captions=(HOSTILE,), files=(file,))
    assert drawn_by_the_dashboard(to_payload(odd, "https://photos.example")) == ["thumbnail"]


def test_the_first_eight_keys_are_those_that_tell_most(make_record: MakeRecord) -> None:
    payload = to_payload(make_record(1), "https://photos.example")
    assert list(payload)[:8] == ["thumbnail", "path", "folder", "date", "year", "width", "height", "format"]


def test_what_colours_the_map_is_at_the_top_and_plain(make_record: MakeRecord) -> None:
    payload = to_payload(make_record(1))
    assert all(isinstance(folder, str) for folder in payload["folder"])
    assert isinstance(payload["year"], int)
    assert isinstance(payload["format"], str)
