"""The contract of a collection: payload, ids, spec and names."""

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import gallery.stores.payload
from gallery.errors import GalleryError, SpecMismatch
from gallery.records import Hit, ImageFile, ImageRecord, TextLine
from gallery.settings import Settings
from gallery.spec import Spec, digest_of_files, sha256_of
from gallery.stores import now, open_store, point_id
from gallery.stores.common import best_first
from gallery.stores.payload import INDEXED_KEYS, Payload, to_checked_record, to_payload, to_record

MakeRecord = Callable[..., ImageRecord]
SPEC = Spec(encoder="letters", dimension=3, space="letters-1", text="letters-1")
NOT_UTF8 = ImageFile(os.fsdecode(b"/old/\xff.jpg"), 1, 2)


def pictures_in_the_dashboard(payload: Payload) -> list[str]:
    """Return the keys whose values Qdrant's dashboard draws as a picture."""
    return [
        key
        for key, value in payload.items()
        if isinstance(value, str)
        and urlsplit(value).scheme in ("http", "https")
        and re.search(r"\.(jpg|jpeg|png|webp|gif|svg)$", urlsplit(value).path)
    ]


def test_the_keys_of_a_payload_come_in_the_documented_order(make_record: MakeRecord) -> None:
    documented = re.findall(r"^ {4}(\w+)", gallery.stores.payload.__doc__ or "", re.MULTILINE)
    assert len(documented) == 18
    where = {"location": (38.72, -9.14), "place": ("Lisbon", "Portugal")}
    record = make_record(18, taken_at="2020-01-02T03:04:05", frame=0.0, frames=(0.0, 9.5), **where)
    assert list(to_payload(record, "https://host")) == documented


def test_keys_without_a_value_are_left_out(make_record: MakeRecord) -> None:
    payload = to_payload(make_record(camera=None, captions=(), text=()))
    optional = {"camera", "captions", "kind", "place", "location", "text"}
    assert not {"thumbnail", *optional} & payload.keys()
    assert payload.keys() >= INDEXED_KEYS.keys() - optional


def test_the_dashboard_draws_one_picture_where_there_is_a_public_url(make_record: MakeRecord) -> None:
    record = make_record(files=(ImageFile("/http://host/a.jpg", 1, 2),))
    payload = to_payload(record, "https://host/")
    assert pictures_in_the_dashboard(payload) == ["thumbnail"]
    assert payload["thumbnail"] == f"https://host/thumbs/{record.id}.jpg"
    assert pictures_in_the_dashboard(to_payload(record)) == []


def test_the_dashboard_draws_no_picture_that_a_file_asks_for(make_record: MakeRecord) -> None:
    address = "http://tracker.example/pixel.png"
    record = make_record(camera=address, text=(TextLine(address, 0.9, (0, 0, 1, 1)),))
    assert pictures_in_the_dashboard(to_payload(record)) == []


def test_places_and_folders_are_sorted_lists(make_record: MakeRecord) -> None:
    places = [ImageFile(path, 1, 2) for path in ("/b/1.jpg", "/b/2.jpg", "/á/3.jpg")]
    payload = to_payload(make_record(files=tuple(places)))
    assert payload["path"] == ["/b/1.jpg", "/b/2.jpg", "/á/3.jpg"]
    assert payload["folder"] == ["/b", "/á"]


def test_only_a_path_that_is_not_utf8_is_percent_encoded(make_record: MakeRecord) -> None:
    payload = to_payload(make_record(files=(ImageFile("/my photos/a.jpg", 1, 2), NOT_UTF8)))
    assert payload["origin"]["raw"] is True
    assert payload["path"] == ["/my photos/a.jpg", "/old/%FF.jpg"]
    assert payload["folder"] == ["/my photos", "/old"]


def test_the_date_is_when_it_was_taken(make_record: MakeRecord) -> None:
    payload = to_payload(make_record(taken_at="1999-12-31T23:00:00-05:00"))
    assert (payload["date"], payload["year"]) == ("1999-12-31T23:00:00-05:00", 1999)


def test_the_date_is_else_the_oldest_mtime(make_record: MakeRecord) -> None:
    files = (ImageFile("/a.jpg", 1, 1_600_000_000 * 10**9), ImageFile("/b.jpg", 1, 1_500_000_000_999_999_999))
    payload = to_payload(make_record(files=files, taken_at=None))
    assert (payload["date"], payload["year"]) == ("2017-07-14T02:40:00Z", 2017)


@pytest.mark.parametrize(
    ("mtime_ns", "date"),
    [(-1, "1969-12-31T23:59:59Z"), (-(10**30), "0001-01-01T00:00:00Z"), (10**30, "9999-12-31T23:59:59Z")],
)
def test_absurd_mtimes_give_a_date(make_record: MakeRecord, mtime_ns: int, date: str) -> None:
    record = make_record(files=(ImageFile("/a.jpg", 1, mtime_ns),), taken_at=None)
    payload = to_payload(record)
    assert (payload["date"], payload["year"]) == (date, int(date[:4]))
    assert to_record(record.id, payload) == record


def test_no_flipped_bit_changes_what_a_payload_says(make_record: MakeRecord) -> None:
    record = make_record(18, taken_at="2020-01-02T03:04:05", location=(38.72, -9.14), place=("Lisbon",))
    payload = to_payload(record, "https://host")
    assert to_checked_record(record.id, dict(reversed(payload.items()))) == record
    text = json.dumps(payload).encode()
    for place in range(len(text)):
        flipped = text[:place] + bytes([text[place] ^ 1 << place % 8]) + text[place + 1 :]
        with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError, OverflowError):
            read = json.loads(flipped)
            assert to_checked_record(record.id, read) == record
            assert read == payload or "checksum" not in read["origin"], "what has no checksum is of an earlier version"


def test_the_id_of_a_picture_never_changes() -> None:
    assert point_id(hashlib.sha256(b"").hexdigest()) == "1237d5d5-8d55-52f9-b793-e0e24a457a26"


def test_now_is_rfc_3339_in_utc() -> None:
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", now())


def test_the_best_come_first_and_ties_by_id(make_record: MakeRecord) -> None:
    low, b, a = (Hit(make_record(id=id), score) for id, score in [("0", 0.1), ("b", 0.5), ("a", 0.5)])
    assert best_first([low, b, a]) == [a, b, low]


def test_a_spec_comes_back_as_it_was() -> None:
    assert Spec.from_dict(SPEC.to_dict(), "photos") == SPEC


def test_a_spec_of_another_layout_is_refused() -> None:
    with pytest.raises(SpecMismatch, match="photos has layout 2, and this version reads 1; use a new --collection"):
        Spec.from_dict({**SPEC.to_dict(), "schema": 2}, "photos")


@pytest.mark.parametrize("other", [replace(SPEC, space="words-1"), replace(SPEC, dimension=4)])
def test_a_spec_refuses_another_space(other: Spec) -> None:
    SPEC.check(replace(SPEC, text="other-1"), "photos")
    with pytest.raises(SpecMismatch, match=r"collection photos holds vectors of letters .*; name it with --encoder"):
        SPEC.check(other, "photos")


def test_the_digest_of_files_is_of_their_contents_wherever_they_lie(tmp_path: Path) -> None:
    for folder, last in [("a", b"2"), ("b", b"2"), ("c", b"3")]:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1").write_bytes(b"1")
        (tmp_path / folder / "2").write_bytes(last)
    a, b, c = (digest_of_files((tmp_path / folder).iterdir()) for folder in "abc")
    assert a == b == digest_of_files([tmp_path / "a/2", tmp_path / "a/1"])
    assert a != c
    assert sha256_of(tmp_path / "a/1") == hashlib.sha256(b"1").hexdigest()


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "/x", "a\0b"])
def test_a_name_that_is_no_folder_name_is_refused(tmp_path: Path, name: str) -> None:
    settings = Settings(tmp_path / "data")
    name = str(tmp_path / "x") if name == "/x" else name
    with pytest.raises(GalleryError), closing(open_store(settings).edit(name)):
        pass
    with pytest.raises(GalleryError):
        open_store(settings).open(name)
    assert not list(tmp_path.rglob("lock"))


def test_names_are_those_of_published_collections_sorted(tmp_path: Path) -> None:
    for name in ("b", "a", "unfinished"):
        with closing(open_store(Settings(tmp_path)).edit(name)) as editor:
            editor.begin(SPEC)
            if name != "unfinished":
                editor.finish()
    assert open_store(Settings(tmp_path)).names() == ["a", "b"]
