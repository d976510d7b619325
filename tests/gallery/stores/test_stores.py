"""The contract of every store: the embedded one, the server's on a client in memory, and on a real server."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from math import asin, cos, log, radians, sin, sqrt
from pathlib import Path, PurePath
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np
import pytest
import qdrant_edge as q
from memory_server import memory_server
from numpy.typing import NDArray
from qdrant_client import QdrantClient, models

from gallery.errors import BadInput, CollectionError, EncoderError, SpecMismatch
from gallery.records import ImageFile, ImageRecord
from gallery.settings import Settings
from gallery.spec import Spec
from gallery.stores import (
    Circle,
    Editor,
    Filter,
    ImageCollection,
    MoreThan,
    Progress,
    Where,
    Words,
    open_store,
    point_id,
)
from gallery.stores.embedded.generations import published
from gallery.stores.payload import COUNTED_KEYS, INDEXED_KEYS, OPTIONAL_KEYS, kind_of
from gallery.stores.server import store as server_store
from gallery.stores.tuning import INDEX_FROM
from gallery.stores.words import WORDS

Vectors = NDArray[np.float32]
MakeRecord = Callable[..., ImageRecord]
UnitRows = Callable[..., Vectors]

SPEC = Spec(encoder="letters", dimension=64, space="letters-1", text="letters-1")
OTHER_SPACE = replace(SPEC, space="words-1")
COUNT = 4000
REAL_SERVER = pytest.mark.skipif("QDRANT_URL" not in os.environ, reason="QDRANT_URL is not set")
SERVERS = ["memory", pytest.param("server", marks=[pytest.mark.server, REAL_SERVER])]
STORES = ["embedded", *SERVERS]


class Place(NamedTuple):
    """A place for collections."""

    settings: Settings
    name: str

    @contextmanager
    def write(self, spec: Spec = SPEC) -> Iterator[Editor]:
        with closing(open_store(self.settings).edit(self.name)) as editor:
            editor.begin(spec)
            yield editor
            editor.finish()

    def open(self) -> closing[ImageCollection]:
        return closing(open_store(self.settings).open(self.name))


@contextmanager
def place_of(store: str, folder: Path) -> Iterator[Place]:
    if store == "embedded":
        yield Place(Settings(folder), "photos")
    elif store == "memory":
        with memory_server() as url:
            yield Place(Settings(folder, qdrant_url=url), "photos")
    else:
        place = Place(Settings.from_environ({**os.environ, "DATA_DIR": str(folder)}), f"test-{uuid4()}")
        try:
            yield place
        finally:  # including leftovers without an alias
            with closing(server_store.connect(place.settings)) as connection:
                for made in connection.get_collections().collections:
                    if made.name.startswith(place.name):
                        connection.delete_collection(made.name)


@pytest.fixture(params=STORES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with place_of(request.param, tmp_path) as place:
        yield place


@pytest.fixture(scope="module", params=["small", *STORES])
def store(request: pytest.FixtureRequest) -> str:
    """Return the kind of the store, or `small` for an embedded collection without indexes."""
    kind: str = request.param
    return kind


@pytest.fixture(scope="module")
def records(store: str, make_record: MakeRecord) -> list[ImageRecord]:
    return [make_record(number) for number in range(INDEX_FROM - 1 if store == "small" else COUNT)]


@pytest.fixture(scope="module")
def vectors(records: list[ImageRecord], unit_rows: UnitRows) -> Vectors:
    return unit_rows(len(records))


@pytest.fixture(scope="module")
def photos(
    store: str,
    tmp_path_factory: pytest.TempPathFactory,
    records: list[ImageRecord],
    vectors: Vectors,
) -> Iterator[ImageCollection]:
    with place_of("embedded" if store == "small" else store, tmp_path_factory.mktemp("photos")) as place:
        with place.write() as editor:
            for start in range(0, len(records), 256):
                editor.upsert(records[start : start + 256], vectors[start : start + 256])
        with place.open() as collection:
            yield collection


def folders(record: ImageRecord) -> set[str]:
    return {str(PurePath(file.path).parent) for file in record.files}


def date(record: ImageRecord) -> datetime:
    if record.taken_at is None:
        return datetime.fromtimestamp(min(file.mtime_ns for file in record.files) / 10**9, UTC)
    taken = datetime.fromisoformat(record.taken_at)
    return taken.astimezone(UTC) if taken.tzinfo else taken.replace(tzinfo=UTC)


def utc(record: ImageRecord) -> str:
    return date(record).isoformat().replace("+00:00", "Z")


def year(record: ImageRecord) -> int:
    return int(record.taken_at[:4]) if record.taken_at else date(record).year


SPRING = {"gte": "2019-01-01T00:00:00Z", "lt": "2019-06-14T06:30:00Z"}  # 12:00+05:30 on the day is left out
FILTERS: dict[str, tuple[Where, Callable[[ImageRecord], bool]]] = {
    "one of several folders": ({"folder": "/copies"}, lambda r: "/copies" in folders(r)),
    "any of a list": ({"folder": ["/copies", "/a1", "/no"]}, lambda r: bool({"/copies", "/a1"} & folders(r))),
    "integer": ({"year": 2019}, lambda r: year(r) == 2019),
    "any of integers": ({"year": [2003, 2019]}, lambda r: year(r) in (2003, 2019)),
    "integer range": ({"width": {"gte": 120, "lt": 123}}, lambda r: 120 <= r.width < 123),
    "date range": ({"date": SPRING}, lambda r: SPRING["gte"] <= utc(r) < SPRING["lt"]),
    "several keys": (
        {"camera": "Camera 3", "format": ["PNG"], "width": {"gt": 110, "lte": 140}},
        lambda r: r.camera == "Camera 3" and r.format == "PNG" and 110 < r.width <= 140,
    ),
    "nothing": ({"folder": "/nowhere"}, lambda _: False),
    "an empty list": ({"folder": []}, lambda _: False),
    "no value": ({"captions": None}, lambda r: not r.captions),
    "a value, whichever": (Filter(must_not=(("camera", None),)), lambda r: r.camera is not None),
    "negations": (
        Filter(must=(("year", {"gte": 2010}),), must_not=(("format", "PNG"), ("folder", ["/a1", "/copies"]))),
        lambda r: year(r) >= 2010 and r.format != "PNG" and not {"/a1", "/copies"} & folders(r),
    ),
    "some ids": (
        Filter(must=(("format", "JPEG"),), within=tuple(point_id(sha256(b"%d" % n).hexdigest()) for n in range(9, 14))),
        lambda r: r.format == "JPEG" and r.sha256 in [sha256(b"%d" % n).hexdigest() for n in range(9, 14)],
    ),
    "words of a text": ({"text": Words("JOAO rua")}, lambda r: bool(r.text)),
    "words, of which one is missing": ({"text": Words("joão avenida")}, lambda _: False),
    "part of a word": ({"text": Words("voice")}, lambda _: False),
    "no words of a text": (Filter(must_not=(("text", Words("invoice")),)), lambda r: not r.text),
    "several values": ({"path": MoreThan(1)}, lambda r: len(r.files) > 1),
    "no id": (Filter(within=()), lambda _: False),
    "a negated empty list": (Filter(must_not=(("folder", []),)), lambda _: True),
    "a negated range": (Filter(must_not=(("date", SPRING),)), lambda r: not SPRING["gte"] <= utc(r) < SPRING["lt"]),
    "a key twice": (Filter((("folder", "/copies"), ("folder", "/a1"))), lambda r: {"/copies", "/a1"} <= folders(r)),
    "without ids": (
        Filter(must=(("year", 2019),), without=(point_id(sha256(b"19").hexdigest()),)),
        lambda r: year(r) == 2019 and r.sha256 != sha256(b"19").hexdigest(),
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Local mode performs exact:UserWarning")
@pytest.mark.parametrize("exact", [False, True])
def test_nearest_is_what_brute_force_finds(
    photos: ImageCollection, records: list[ImageRecord], vectors: Vectors, unit_rows: UnitRows, exact: bool
) -> None:
    for query in unit_rows(5, seed=1):
        cosines = vectors @ query
        best = np.argsort(-cosines)[:10]
        hits = photos.nearest(query, 10, exact=exact)
        assert [hit.image for hit in hits] == [records[row] for row in best]
        assert np.allclose([hit.score for hit in hits], cosines[best], atol=1e-5)


@pytest.mark.parametrize(("where", "matches"), FILTERS.values(), ids=FILTERS)
def test_filters_keep_what_brute_force_keeps(
    photos: ImageCollection,
    records: list[ImageRecord],
    vectors: Vectors,
    unit_rows: UnitRows,
    where: Where,
    matches: Callable[[ImageRecord], bool],
) -> None:
    rows = [row for row, record in enumerate(records) if matches(record)]
    query = unit_rows(1, seed=2)[0]
    best = sorted(rows, key=lambda row: -(vectors[row] @ query))[:10]
    assert photos.count(where) == len(rows)
    assert [hit.image for hit in photos.nearest(query, 10, where=where)] == [records[row] for row in best]
    assert [record.id for record, _ in photos.scan(where)] == sorted(records[row].id for row in rows)
    assert [record.id for record in photos.records(where)] == sorted(records[row].id for row in rows)


def test_count_without_filter_counts_all(photos: ImageCollection, records: list[ImageRecord]) -> None:
    assert photos.count() == photos.count({}) == len(records)


def test_min_score_leaves_out_lower_cosines(photos: ImageCollection, vectors: Vectors, unit_rows: UnitRows) -> None:
    query = unit_rows(1, seed=3)[0]
    third, fourth = np.sort(vectors @ query)[::-1][2:4]
    assert len(photos.nearest(query, 10, min_score=float(third + fourth) / 2)) == 3


@pytest.mark.parametrize("key", sorted(OPTIONAL_KEYS))
def test_filters_by_what_no_picture_has(place: Place, make_record: MakeRecord, unit_rows: UnitRows, key: str) -> None:
    with place.write() as editor:
        editor.upsert([make_record(4, text=()), make_record(8, text=())], unit_rows(2))
    value = Circle(0, 0, 1) if key == "location" else Words("a") if key == "text" else "a"
    with place.open() as photos:
        for wanted, having in (None, 2), (value, 0):
            condition = (key, wanted)
            assert photos.count(Filter(must=(condition,))) == having
            assert photos.count(Filter(must_not=(condition,))) == 2 - having
            assert len(photos.nearest(unit_rows(1)[0], 5, where=Filter(must=(condition,)))) == having


@pytest.mark.parametrize("key", COUNTED_KEYS)
def test_facet_counts_every_value(photos: ImageCollection, records: list[ImageRecord], key: str) -> None:
    values: dict[str, Callable[[ImageRecord], Iterable[object]]] = {
        "path": lambda r: [file.path for file in r.files],
        "folder": folders,
        "year": lambda r: [year(r)],
        "place": lambda r: r.place,
        "kind": lambda r: [kind_of(r)],
    }
    of: Callable[[ImageRecord], Iterable[object]] = values.get(key) or (lambda r: [getattr(r, key)])
    expected = Counter(value for record in records for value in of(record) if value is not None)
    assert photos.facet(key, limit=2 * len(records)) == expected


@pytest.mark.parametrize("key", ["date", "captions", "nothing"])
def test_facet_of_what_is_not_counted_is_refused(photos: ImageCollection, key: str) -> None:
    with pytest.raises(BadInput, match="choose one of: path, folder"):
        photos.facet(key)


def test_facet_gives_the_most_frequent_first(photos: ImageCollection, records: list[ImageRecord]) -> None:
    most = Counter(folder for record in records for folder in folders(record)).most_common(3)
    assert list(photos.facet("folder", limit=3).values()) == [count for _, count in most]


def test_get_returns_those_that_are_there(photos: ImageCollection, records: list[ImageRecord]) -> None:
    there = {record.id: record for record in records[:3]}
    assert photos.get([*there, str(uuid4())]) == there
    assert photos.get([]) == {}


def test_vectors_are_those_that_were_written(
    photos: ImageCollection, records: list[ImageRecord], vectors: Vectors
) -> None:
    found = photos.vectors([records[7].id, records[9].id, str(uuid4())])
    assert found.keys() == {records[7].id, records[9].id}
    assert np.allclose([found[records[7].id], found[records[9].id]], vectors[[7, 9]], atol=1e-6)


@pytest.mark.parametrize(("where", "matches"), [({}, lambda _: True), FILTERS["negations"], FILTERS["nothing"]])
def test_newest_first_is_the_same_for_any_limit(
    photos: ImageCollection, records: list[ImageRecord], where: Where, matches: Callable[[ImageRecord], bool]
) -> None:
    wanted = sorted(filter(matches, records), key=lambda r: (-date(r).timestamp(), r.id))
    for limit in (1, 37, len(records) + 1):  # dozens share a date
        assert photos.newest(limit, where=where) == wanted[:limit]


def test_scan_yields_all_with_their_vectors_in_the_order_of_ids(
    photos: ImageCollection, records: list[ImageRecord], vectors: Vectors
) -> None:
    order = sorted(range(len(records)), key=lambda row: records[row].id)
    scanned = list(photos.scan())
    assert [record for record, _ in scanned] == [records[row] for row in order]
    assert np.allclose([vector for _, vector in scanned], vectors[order], atol=1e-6)
    assert list(photos.records()) == [records[row] for row in order]


@pytest.mark.parametrize("store", SERVERS)
def test_pictures_come_from_a_server_without_their_vectors(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_record: MakeRecord, unit_rows: UnitRows
) -> None:
    fetched: list[models.Record] = []
    scroll = QdrantClient.scroll

    def note(client: QdrantClient, name: str, **options: Any) -> tuple[list[models.Record], object]:  # noqa: ANN401
        points, offset = scroll(client, name, **options)
        fetched.extend(points)
        return points, offset

    monkeypatch.setattr(QdrantClient, "scroll", note)
    with place_of(store, tmp_path) as place:
        with place.write() as editor:
            editor.upsert([make_record(0), make_record(1)], unit_rows(2))
        fetched.clear()
        with place.open() as collection:
            assert {record.id for record in collection.records()} == {make_record(0).id, make_record(1).id}
    assert [point.vector for point in fetched] == [None, None]


def test_ties_are_ordered_by_id(place: Place, make_record: MakeRecord) -> None:
    same, other = np.eye(2, 64, dtype=np.float32)
    with place.write() as editor:
        editor.upsert([make_record(n) for n in range(21)], np.stack([other, *[same] * 20]))
    with place.open() as collection:
        ids = [hit.image.id for hit in collection.nearest(same, 30)]
    assert ids == [*sorted(make_record(n).id for n in range(1, 21)), make_record(0).id]


def test_upsert_replaces_a_point_and_update_only_its_payload(
    place: Place, make_record: MakeRecord, unit_rows: UnitRows
) -> None:
    first, second, third = (make_record(n) for n in range(3))
    old, new = unit_rows(3), unit_rows(1, seed=1)
    moved, renewed = replace(first, files=make_record(9).files, captions=()), replace(second, width=7)
    with place.write() as editor:
        editor.upsert([first, second, third], old)
        editor.update([moved])
        editor.upsert([renewed], new)
        assert editor.points.get([first.id, second.id]) == {first.id: moved, second.id: renewed}
    with place.open() as collection:
        found = dict(collection.scan())
    assert found.keys() == {moved, renewed, third}
    for record, vector in [(moved, old[0]), (renewed, new[0]), (third, old[2])]:
        assert np.allclose(found[record], vector, atol=1e-6)


def test_what_is_shared_can_be_searched_while_more_is_written(
    place: Place, make_record: MakeRecord, unit_rows: UnitRows
) -> None:
    first, second = make_record(1), make_record(2)
    with place.write() as editor:
        editor.upsert([first], unit_rows(1))
        editor.flush()
        editor.share(Progress(1, 2))
        with place.open() as photos:
            shared = photos.generation
            assert (photos.count(), photos.progress) == (1, Progress(1, 2))
        editor.upsert([second], unit_rows(1, seed=1))
        editor.flush()
    with place.open() as photos:
        assert (photos.count(), photos.progress) == (2, None)
        assert photos.generation != shared


def test_delete_removes_and_ignores_what_is_not_there(
    place: Place, make_record: MakeRecord, unit_rows: UnitRows
) -> None:
    with place.write() as editor:
        editor.upsert([make_record(0), make_record(1)], unit_rows(2))
        editor.delete([make_record(0).id, str(uuid4())])
        editor.delete([make_record(0).id])
    with place.open() as collection:
        assert [record for record, _ in collection.scan()] == [make_record(1)]


def test_writing_nothing_changes_nothing(place: Place, make_record: MakeRecord, unit_rows: UnitRows) -> None:
    with place.write() as editor:
        editor.upsert([make_record()], unit_rows(1))
        editor.delete([])
        editor.update([])
        editor.upsert([], unit_rows(0))
        assert editor.points.get([make_record().id])


def test_a_record_comes_back_as_it_was(place: Place, make_record: MakeRecord, unit_rows: UnitRows) -> None:
    files = {
        "several": [("/a b/1.jpg", 1, -1), ("/a b/2.jpg", 2**40, 0), ("/é/%41.jpg", 0, 9)],
        "not UTF-8": [(os.fsdecode(b"/tmp/\xff.jpg"), 1, 2)],
        "emoji": [("/a%41/\U0001f415.jpg", 1, 2)],
        "emoji and not UTF-8": [("/a%41/\U0001f415.jpg", 1, 2), (os.fsdecode(b"/tmp/%41\xff.jpg"), 3, 4)],
    }
    records = [
        make_record(0, camera=None, taken_at=None, captions=()),
        make_record(1, captions=("a dog", "собака 🐕"), orientation=8, taken_at="2020-02-29T23:59:59+14:00"),
        *(make_record(n, files=tuple(ImageFile(*file) for file in of)) for n, of in enumerate(files.values(), 2)),
    ]
    with place.write() as editor:
        editor.upsert(records, unit_rows(len(records)))
    with place.open() as collection:
        assert collection.get([record.id for record in records]) == {record.id: record for record in records}


def test_vectors_that_are_none_are_refused_and_nothing_is_written(
    place: Place, make_record: MakeRecord, unit_rows: UnitRows
) -> None:
    rows = unit_rows(2)
    with_nan = rows.copy()
    with_nan[1, 5] = np.nan
    with place.write() as editor:
        editor.upsert([make_record(0)], unit_rows(1))
        for wrong in (rows[:1], rows[:, :63], rows[0], with_nan, 2 * rows, 0 * rows):
            with pytest.raises(EncoderError):
                editor.upsert([make_record(1), make_record(2)], wrong)
    with place.open() as collection:
        assert [record for record, _ in collection.scan()] == [make_record(0)]


@pytest.mark.parametrize("other", [OTHER_SPACE, replace(SPEC, dimension=63)])
def test_another_space_is_refused_with_the_cure(place: Place, other: Spec) -> None:
    with place.write() as editor, pytest.raises(SpecMismatch, match="name it with --encoder"):
        editor.begin(other)


def test_another_space_is_refused_by_the_next_editor(place: Place) -> None:
    with place.write():
        pass
    with pytest.raises(SpecMismatch, match="or use another --collection"), place.write(OTHER_SPACE):
        pass


def test_another_text_tower_of_the_same_space_is_welcome(place: Place) -> None:
    for spec in (SPEC, replace(SPEC, text="russian-1")):
        with place.write(spec):
            pass
    with place.open() as collection:
        assert collection.spec == SPEC


def test_a_collection_of_somebody_else_is_refused(place: Place) -> None:
    if place.settings.qdrant_url:
        with closing(server_store.connect(place.settings)) as client:
            client.create_collection(place.name, models.VectorParams(size=64, distance=models.Distance.COSINE))
    else:
        with place.write():
            pass
        generation = published(place.settings.data_dir / "collections" / place.name)
        assert generation
        (generation / "sealed.json").unlink()
        (generation / "spec.json").write_text(json.dumps({"size": 64}))
    said = "not written by ingest" if place.settings.qdrant_url else "damaged .*; repair it: ingest --repair"
    for attempt in (place.write, place.open):
        with pytest.raises(CollectionError, match=said), attempt():
            pass


def test_a_missing_collection_is_an_error_that_names_those_there_are(place: Place) -> None:
    with place.write():
        pass
    with pytest.raises(CollectionError, match=f"no collection nosuch; .*{place.name}"):
        open_store(place.settings).open("nosuch")


def test_without_a_name_the_only_collection_is_opened_or_else_photos(tmp_path: Path) -> None:
    settings = Settings(tmp_path)
    with pytest.raises(CollectionError, match="ingest FOLDER"):
        open_store(settings).open()
    for name, opened in [("beach", "beach"), ("alps", None), ("photos", "photos")]:
        with Place(settings, name).write():
            pass
        if opened:
            with closing(open_store(settings).open()) as collection:
                assert collection.name == opened
        else:
            with pytest.raises(CollectionError, match="alps, beach"):
                open_store(settings).open()


@pytest.mark.parametrize("store", SERVERS)
def test_a_server_gets_its_indexes_before_the_first_point(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_record: MakeRecord, unit_rows: UnitRows
) -> None:
    made: dict[str, models.PayloadSchemaType | models.TextIndexParams] = {}
    create = QdrantClient.create_payload_index

    def note(client: QdrantClient, name: str, key: str, **options: Any) -> object:  # noqa: ANN401
        made[key] = options["field_schema"]
        assert client.count(name).count == 0
        return create(client, name, key, **options)

    monkeypatch.setattr(QdrantClient, "create_payload_index", note)
    with place_of(store, tmp_path) as place, place.write() as editor:
        editor.upsert([make_record()], unit_rows(1))
    kinds = {key: kind.type if isinstance(kind, models.TextIndexParams) else kind for key, kind in made.items()}
    assert kinds == INDEXED_KEYS


def metres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """The haversine formula, with the mean radius of the earth."""
    (lat, lon), (lat2, lon2) = (map(radians, point) for point in (one, other))
    half = sin((lat - lat2) / 2) ** 2 + cos(lat) * cos(lat2) * sin((lon - lon2) / 2) ** 2
    return 2 * 6_371_008.8 * asin(min(sqrt(half), 1))


def scattered() -> list[tuple[float, float]]:
    """Points all over the earth, and many around the poles, the antimeridian and Lisbon."""
    chance = np.random.default_rng(0)
    everywhere = np.degrees(np.arcsin(chance.uniform(-1, 1, 300))), chance.uniform(-180, 180, 300)
    near_line = chance.uniform(-1, 1, 100), chance.choice([-1, 1], 100) * chance.uniform(179, 180, 100)
    near_poles = chance.choice([-1, 1], 100) * chance.uniform(89.5, 90, 100), chance.uniform(-180, 180, 100)
    near_lisbon = chance.normal(38.72, 0.05, 100), chance.normal(-9.14, 0.05, 100)
    drawn = np.concatenate([np.stack(pair, 1) for pair in (everywhere, near_line, near_poles, near_lisbon)])
    ends = [(90.0, 0.0), (-90.0, 50.0), (0.0, 180.0), (0.0, -180.0), (38.72, -9.14)]
    return [(lat, lon) for lat, lon in drawn.round(6).tolist()] + ends


def test_a_circle_holds_the_points_that_brute_force_finds_in_it(
    place: Place, make_record: MakeRecord, unit_rows: UnitRows
) -> None:
    points = scattered()
    records = [make_record(number, location=point) for number, point in enumerate(points)]
    nowhere = make_record(len(points))
    with place.write() as editor:
        editor.upsert([*records, nowhere], unit_rows(len(records) + 1))
    centres = [(0, 180), (0, -180), (0.2, 179.9), (90, 0), (-90, 0), (89.9, 120), (38.72, -9.14), (0, 0), (60, 179.99)]
    with place.open() as collection:
        for centre in centres:
            for radius in (1, 1000, 20e3, 300e3, 8000e3, 20_037e3):
                inside = {r.id for r, point in zip(records, points, strict=True) if metres(centre, point) <= radius}
                circle = ("location", Circle(*centre, radius))
                assert {r.id for r in collection.records(Filter((circle,)))} == inside, (centre, radius)
                assert collection.count(Filter(must_not=(circle,))) == len(points) + 1 - len(inside)
        assert collection.count({"location": None}) == 1
        assert collection.get([nowhere.id]) == {nowhere.id: nowhere}
        assert collection.get([records[-1].id]) == {records[-1].id: records[-1]}


def test_places_are_counted_and_their_names_are_words(
    place: Place, make_record: MakeRecord, unit_rows: UnitRows
) -> None:
    names = [("Restelo", "Lisbon", "Portugal"), ("Porto", "Portugal"), ()]
    records = [make_record(number, place=each) for number, each in enumerate(names)]
    with place.write() as editor:
        editor.upsert(records, unit_rows(3))
    with place.open() as collection:
        assert collection.facet("place") == {"Portugal": 2, "Restelo": 1, "Lisbon": 1, "Porto": 1}
        assert [hit.image for hit in collection.by_words("lisbon", 5)] == records[:1]
        assert collection.count({"place": ["Porto", "Lisbon"]}) == 2


def test_a_collection_of_an_earlier_version_has_no_places_to_count(
    tmp_path: Path, make_record: MakeRecord, unit_rows: UnitRows
) -> None:
    with place_of("embedded", tmp_path) as place:
        with place.write() as editor:
            editor.upsert([make_record()], unit_rows(1))
            editor.points.shard.update(q.UpdateOperation.delete_field_index("place"))  # type: ignore[attr-defined]
        with place.open() as collection:
            assert collection.facet("place") == {}
        with place.write() as editor:
            editor.upsert([make_record(place=("Porto",))], unit_rows(1))
        with place.open() as collection:
            assert collection.facet("place") == {"Porto": 1}


SAID = ["dog", "dog snow", "dog dog snow hill", "cat", "cat snow", "snow snow snow hill cat dog"]


def said_of(make_record: MakeRecord, texts: Iterable[str]) -> list[ImageRecord]:
    """Return records with different words."""
    file = ImageFile("/p.jpg", 1, 10**18)
    return [make_record(number, captions=(text,), text=(), files=(file,)) for number, text in enumerate(texts)]


def by_hand(records: Iterable[ImageRecord], query: Iterable[str]) -> dict[str, float]:
    """BM25 with k1 1.2 and b 0.75 for documents of 20 words, in the plainest way; a file's name is a word, too."""
    documents = {record.id: Counter([*record.captions[0].split(), "p"]) for record in records}
    scores = dict.fromkeys(documents, 0.0)
    for word in query:
        holders = sum(word in document for document in documents.values())
        rarity = log(1 + (len(documents) - holders + 0.5) / (holders + 0.5))
        for id, document in documents.items():
            frequency, length = document[word], document.total()
            scores[id] += rarity * frequency * 2.2 / (frequency + 1.2 * (0.25 + 0.75 * length / 20))
    return {id: score for id, score in scores.items() if score}


def test_words_are_ranked_by_bm25(place: Place, make_record: MakeRecord, unit_rows: UnitRows) -> None:
    records = said_of(make_record, SAID)
    with place.write() as editor:
        editor.upsert(records, unit_rows(len(records)))
    with place.open() as collection:
        assert collection.has_words
        found = collection.by_words("The dogs in SNOW", 10)
        expected = by_hand(records, ["dog", "snow"])
        assert [hit.image.id for hit in found] == sorted(expected, key=lambda name: (-expected[name], name))
        if place.settings.qdrant_url in (None, "http://qdrant"):  # several shards each have a rarity of their own
            assert {hit.image.id: hit.score for hit in found} == pytest.approx(expected, rel=1e-4)
        assert collection.by_words("dogs", 2) == collection.by_words("dogs", 10)[:2]
        others = collection.by_words("dog snow", 10, where=Filter(without=(found[0].image.id,)))
        assert others == found[1:]
        assert collection.by_words("… the !", 10) == []


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("IMG_2041", "2041"),
        ("trip-2019", "trip 2019"),
        ("Crème brûlée", "creme brulee"),
        ("кошки на крыше", "кошки"),
        ("犬が走っている", "犬"),
        ("हिन्दी में बिल्ली", "बिल्ली"),
    ],
)
def test_words_of_many_kinds_are_found(
    place: Place, make_record: MakeRecord, unit_rows: UnitRows, said: str, asked: str
) -> None:
    records = said_of(make_record, ["nothing of it", said])
    with place.write() as editor:
        editor.upsert(records, unit_rows(2))
    with place.open() as collection:
        assert [hit.image.id for hit in collection.by_words(asked, 10)] == [records[1].id]


def test_names_of_files_and_folders_are_words(place: Place, make_record: MakeRecord, unit_rows: UnitRows) -> None:
    file = ImageFile("/photos/Summer holiday/beach_walk.jpg", 1, 10**18)
    with place.write() as editor:
        editor.upsert([make_record(0, captions=(), files=(file,))], unit_rows(1))
    with place.open() as collection:
        assert all(collection.by_words(word, 1) for word in ("summer", "holidays", "walking", "photos"))
        assert not collection.by_words("jpg", 1)


def test_an_update_replaces_words_and_leaves_vectors(
    place: Place, make_record: MakeRecord, unit_rows: UnitRows
) -> None:
    (record,) = said_of(make_record, ["dog"])
    with place.write() as editor:
        editor.upsert([record], unit_rows(1))
        editor.update([replace(record, captions=("cat",))])
    with place.open() as collection:
        assert not collection.by_words("dog", 1)
        assert collection.by_words("cat", 1)
        assert collection.vectors([record.id])[record.id] == pytest.approx(unit_rows(1)[0], abs=1e-6)


def test_a_collection_of_an_earlier_version_gets_its_words_with_the_next_ingest(
    place: Place, make_record: MakeRecord, unit_rows: UnitRows
) -> None:
    records = said_of(make_record, SAID)
    with place.write() as editor:
        editor.upsert(records[:-1], unit_rows(len(records))[:-1])
        remove_words(place, editor)
    with place.open() as collection:
        assert not collection.has_words
        assert len(collection.nearest(unit_rows(1)[0], 10)) == len(records) - 1
    with place.write() as editor:
        editor.upsert(records[-1:], unit_rows(len(records))[-1:])
    with place.open() as collection:
        assert collection.has_words
        expected = by_hand(records, ["snow"])
        assert {hit.image.id for hit in collection.by_words("snow", 10)} == expected.keys()


def remove_words(place: Place, editor: Editor) -> None:
    """Turn a collection that is being written into one from before words were stored."""
    if place.settings.qdrant_url is None:
        editor.points.shard.update(q.UpdateOperation.delete_vector_name(WORDS))  # type: ignore[attr-defined]
    else:
        with closing(server_store.connect(place.settings)) as connection:
            connection.delete_vector_name(editor.points.target, WORDS)  # type: ignore[attr-defined]
