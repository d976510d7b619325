"""Lines of the query language on a real collection, compared with brute force."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path, PurePath
from typing import Any

import doctest_gallery
import numpy as np
import pytest
from asking import ask, score
from letter_encoder import LetterEncoder
from numpy.typing import NDArray

from gallery.calibration import Calibration, StrictRule
from gallery.errors import BadInput, SpecMismatch, UnreadableImage
from gallery.records import ImageRecord
from gallery.settings import Settings
from gallery.stores import date_of, moment, open_store
from search import grouping, unrelated
from search.answer import Answer, AnswerHit
from search.asked import Grouping
from search.engine import SearchEngine
from search.filtering import in_folder, matches_path
from search.notes import notes_on
from search.request import Request
from search.strict import least_score
from search.towers import Towers

COUNT = 300


@pytest.fixture(scope="module")
def records(make_record: Callable[..., ImageRecord]) -> list[ImageRecord]:
    return [make_record(number) for number in range(COUNT)]


@pytest.fixture(scope="module")
def vectors(unit_rows: Callable[..., NDArray[np.float32]]) -> NDArray[np.float32]:
    return np.abs(unit_rows(COUNT, 26))


@pytest.fixture(scope="module")
def engine(
    records: list[ImageRecord], vectors: NDArray[np.float32], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SearchEngine]:
    settings, encoder = Settings(tmp_path_factory.mktemp("data")), LetterEncoder()
    editor = open_store(settings).edit("photos")
    editor.begin(encoder.spec)
    editor.upsert(records, vectors)
    editor.finish()
    editor.close()
    with SearchEngine.open(settings, text_encoder=encoder) as engine:
        yield engine


def paths(record: ImageRecord) -> list[str]:
    return [file.path for file in record.files]


def year(record: ImageRecord) -> int:
    return int(date_of(record)[:4])


FILTERS: dict[str, Callable[[ImageRecord], bool]] = {
    "folder:a1": lambda r: any(path.startswith("/a1/") for path in paths(r)),
    "-folder:/A1": lambda r: not any(path.startswith("/a1/") for path in paths(r)),
    "folder:nowhere": lambda _: False,
    "has:duplicates": lambda r: len(r.files) > 1,
    "-folder:nowhere": lambda _: True,
    "path:*2.jpg": lambda r: any(path.endswith("2.jpg") for path in paths(r)),
    "path:copies/?.jpg": lambda r: any(path.startswith("/copies/") and len(path) == 13 for path in paths(r)),
    "-path:1*": lambda r: not any(path.split("/")[-1].startswith("1") for path in paths(r)),
    "before:2010": lambda r: year(r) < 2010,
    "after:2010": lambda r: year(r) > 2010,
    "before:2017-09": lambda r: moment(r).isoformat() < "2017-09-01",
    "after:2017-09": lambda r: moment(r).isoformat() >= "2017-10-01",
    "-after:2017-09-14": lambda r: moment(r).isoformat() < "2017-09-15",
    "year:2005..2009 -year:2007": lambda r: year(r) in (2005, 2006, 2008, 2009),
    "year>=2015": lambda r: year(r) >= 2015,
    "width>120 width<=130": lambda r: 120 < r.width <= 130,
    "height=80 width:111": lambda r: r.width == 111,
    "format:png": lambda r: r.format == "PNG",
    "format:jpg": lambda r: r.format == "JPEG",
    "camera:RA": lambda r: r.camera is not None,
    'camera:"camera 2"': lambda r: r.camera == "Camera 2",
    '(year:2005..2009 OR format:png) -camera:"camera 2"': lambda r: (
        (2005 <= year(r) <= 2009 or r.format == "PNG") and r.camera != "Camera 2"
    ),
    "folder:a1 OR folder:a2 year>=2010": lambda r: (
        any(path.startswith(("/a1/", "/a2/")) for path in paths(r)) and year(r) >= 2010
    ),
    "NOT (folder:a1 OR width<=120)": lambda r: not any(path.startswith("/a1/") for path in paths(r)) and r.width > 120,
    "-(format:png (year:2001 OR -has:camera))": lambda r: (
        not (r.format == "PNG" and (year(r) == 2001 or r.camera is None))
    ),
    "folder:nowhere OR format:png": lambda r: r.format == "PNG",
    "orientation:landscape": lambda r: r.width > r.height,
    "orientation:portrait OR -orientation:landscape": lambda r: r.width <= r.height,
    "orientation:square": lambda r: r.width == r.height,
    "has:captions": lambda r: bool(r.captions),
    "text:joao": lambda r: bool(r.text),
    'text:"JOÃO rua"': lambda r: bool(r.text),
    "has:text -text:avenida": lambda r: bool(r.text),
    "-text:invoice": lambda r: not r.text,
    "-has:captions has:camera": lambda r: not r.captions and r.camera is not None,
}


@pytest.mark.parametrize("line", FILTERS)
def test_filters_let_through_what_brute_force_does(engine: SearchEngine, records: list[ImageRecord], line: str) -> None:
    expected = {record.id for record in records if FILTERS[line](record)}
    assert {hit.id for hit in ask(engine, f"abc {line}", COUNT).hits} == expected
    assert {hit.id for hit in ask(engine, line, COUNT).hits} == expected


def test_terms_are_summed_as_unit_vectors(
    engine: SearchEngine, records: list[ImageRecord], vectors: NDArray[np.float32]
) -> None:
    words = LetterEncoder().encode_texts(["abc", "xyz", "red"])
    aim = words[0] + 2 * words[1] - 0.5 * words[2] + vectors[7]
    cosines = vectors @ (aim / np.linalg.norm(aim))
    order = [row for row in np.argsort(-cosines) if row != 7][:10]
    hits = ask(engine, f"abc 2*xyz -0.5*red like:{records[7].id}", 10).hits
    assert [hit.id for hit in hits] == [records[row].id for row in order]
    assert np.allclose([score(hit) for hit in hits], cosines[order], atol=1e-5)


def test_more_of_brings_nearer_and_less_of_takes_away(engine: SearchEngine) -> None:
    def mean(line: str, text: str) -> float:
        ids = [hit.id for hit in ask(engine, line, 10).hits]
        found = engine.collection.vectors(ids)
        return float(np.mean([found[id] @ engine.vector(text) for id in ids]))

    assert mean("abc + xyz", "xyz") > mean("abc", "xyz") > mean("abc -xyz", "xyz")


def test_a_known_picture_is_found_by_its_path_and_left_out(engine: SearchEngine, records: list[ImageRecord]) -> None:
    answer = ask(engine, f"like:{records[7].path}", COUNT)
    assert records[7].id not in {hit.id for hit in answer.hits}
    assert len(answer.hits) == COUNT - 1
    assert answer.meanings == [f"like the picture {records[7].path}"]


def test_the_end_of_a_path_is_enough_where_one_picture_has_it(engine: SearchEngine, records: list[ImageRecord]) -> None:
    name = PurePath(records[7].path).name
    whole = ask(engine, f"like:{records[7].path}", 5)
    assert ask(engine, f"like:{name}", 5).hits == whole.hits
    with pytest.raises(BadInput, match="there is no picture"):
        ask(engine, f"like:{name[1:]}")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("like:/no/such.jpg", "there is no picture /no/such.jpg"),
        ("like:00000000-0000-0000-0000-000000000000", "has no picture"),
        ("abc -abc", "cancel each other out"),
    ],
)
def test_what_cannot_be_asked(engine: SearchEngine, line: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        ask(engine, line)


def test_pictures_from_elsewhere(tmp_path: Path) -> None:
    settings, encoder, photos = doctest_gallery.make(tmp_path)
    (tmp_path / "copy.png").write_bytes((photos / "red.png").read_bytes())
    (tmp_path / "notes.png").write_text("no picture")
    with SearchEngine.open(settings, text_encoder=Towers(encoder, lambda: encoder)) as engine:
        copy = ask(engine, f'like:"{tmp_path / "copy.png"}"')
        assert "all red" not in [hit.captions[0] for hit in copy.hits]
        with pytest.raises(UnreadableImage):
            ask(engine, f'like:"{tmp_path / "notes.png"}"')


def test_groups_come_in_the_order_of_their_best(engine: SearchEngine) -> None:
    answer = ask(engine, "abc", 3, 1, group="folder")
    whole = ask(engine, "abc", COUNT).hits
    folders = list(dict.fromkeys(hit.path.rsplit("/", 1)[0] for hit in whole))
    assert [group.name for group in answer.groups] == folders[1:4]
    for group in answer.groups:
        inside = [hit for hit in whole if hit.path.rsplit("/", 1)[0] == group.name]
        assert [hit.id for hit in group.hits] == [hit.id for hit in inside[:5]]
    assert answer.hits == [group.hits[0] for group in answer.groups]
    days = ask(engine, "abc", COUNT, group="day").groups
    assert len(days) == len({hit.date[:10] for hit in whole})
    assert len(ask(engine, "abc", COUNT, group="near-duplicates").hits) == COUNT  # none has a stack


@pytest.mark.parametrize("by", ["folder", "day"])
@pytest.mark.parametrize("line", ["abc", "", "abc year>=2010 -format:png"])
def test_a_group_has_its_first_however_far_below_they_rank(
    engine: SearchEngine, monkeypatch: pytest.MonkeyPatch, by: Grouping, line: str
) -> None:
    monkeypatch.setattr(grouping, "_FIRST_POOL", 1)
    bound = ask(engine, line, 150).hits[-1].score
    for least in (None, bound):
        members: dict[str, list[str]] = {}
        for hit in ask(engine, line, COUNT, min_score=least).hits:
            name = hit.path.rsplit("/", 1)[0] if by == "folder" else hit.date[:10]
            members.setdefault(name, []).append(hit.id)
        groups = ask(engine, line, 3, group=by, min_score=least).groups
        assert [(group.name, [hit.id for hit in group.hits]) for group in groups] == [
            (name, found[:5]) for name, found in list(members.items())[:3]
        ]


def test_who_asks_for_more_fused_groups_gets_the_same_first(engine: SearchEngine) -> None:
    most = ask(engine, "abc 4", 40, group="day", hybrid=True).groups
    for limit in range(25, 40):
        assert ask(engine, "abc 4", limit, group="day", hybrid=True).groups == most[:limit]


def test_with_a_least_score_all_are_ordered_by_date_before_the_page_is_cut(engine: SearchEngine) -> None:
    bound = ask(engine, "abc", 50).hits[-1].score
    wanted = sorted(
        ask(engine, "abc", 50).hits, key=lambda hit: (-datetime.fromisoformat(hit.date).timestamp(), hit.id)
    )
    found = ask(engine, "abc", 10, 20, sort="date", min_score=bound).hits
    assert [hit.id for hit in found] == [hit.id for hit in wanted[20:30]]


def newest_first(hits: Sequence[AnswerHit]) -> list[str]:
    return [hit.id for hit in sorted(hits, key=lambda hit: (-datetime.fromisoformat(hit.date).timestamp(), hit.id))]


def test_by_date_the_best_tenth_is_the_same_for_every_limit(engine: SearchEngine) -> None:
    wanted = newest_first(ask(engine, "abc", COUNT // 10).hits)
    for limit in (7, COUNT // 10, COUNT):
        pages = [ask(engine, "abc", limit, offset, sort="date") for offset in range(0, len(wanted), limit)]
        assert [hit.id for answer in pages for hit in answer.hits] == wanted
        assert [answer.more for answer in pages] == [True] * (len(pages) - 1) + [False]
        assert {answer.total for answer in pages} == {None}
    assert [hit.id for hit in ask(engine, "abc", COUNT, sort="date", group="near-duplicates").hits] == wanted
    few = ask(engine, "abc folder:a1", COUNT)
    assert 10 < len(few.hits) < 110
    assert [hit.id for hit in ask(engine, few.query, COUNT, sort="date").hits] == newest_first(few.hits[:10])


def test_by_date_only_what_matches_is_shown_if_a_calibration_can_tell(engine: SearchEngine) -> None:
    hits = ask(engine, "abc", COUNT).hits
    for count in (5, 200):
        bound = (score(hits[count - 1]) + score(hits[count])) / 2
        by = SearchEngine(LetterEncoder(), engine.collection, ruled("cosine", bound))
        assert [hit.id for hit in ask(by, "abc", COUNT, sort="date").hits] == newest_first(hits[:count])
    none = ask(SearchEngine(LetterEncoder(), engine.collection, ruled("cosine", 1.0)), "abc", COUNT, sort="date")
    assert ([hit.id for hit in none.hits], none.weak) == (newest_first(hits[: COUNT // 10]), True)


def ruled(rule: str, threshold: float, auroc: float = 0.95, kept: float = 0.99) -> Calibration:
    chosen = StrictRule(rule, threshold, auroc=auroc, kept=kept, false_answers=0.1, queries=1000)
    return Calibration("logistic", (-2.0, 4.0), strict=chosen)


def test_nothing_is_left_out_or_said_without_a_rule_that_separates(engine: SearchEngine) -> None:
    whole = ask(engine, "abc", COUNT)
    for calibration in (
        None,
        Calibration("logistic", (-2.0, 4.0)),
        ruled("cosine", 0.9, auroc=0.8),
    ):
        by = SearchEngine(LetterEncoder(), engine.collection, calibration)
        assert least_score(LetterEncoder(), engine.collection, calibration=calibration) is None
        answer = ask(by, "abc", COUNT, strict=True)
        assert [hit.id for hit in answer.hits] == [hit.id for hit in whole.hits]
        assert any("strict had no effect" in note for note in answer.notes)
        assert not ask(by, "abc").weak
        assert ask(by, "abc").notes == []


def test_strict_goes_by_a_rule_that_separates(engine: SearchEngine, vectors: NDArray[np.float32]) -> None:
    best = (LetterEncoder().encode_texts(unrelated.unrelated_texts()) @ vectors.T).max(axis=1)

    def least(rule: str, threshold: float) -> float | None:
        return least_score(LetterEncoder(), engine.collection, calibration=ruled(rule, threshold))

    assert least("cosine", 0.3) == 0.3
    assert least("probability", 0.5) == pytest.approx(0.5)
    assert least("standing", -1) == pytest.approx(best.mean() - best.std(), abs=1e-5)
    standing = ruled("standing", -1)
    assert least_score(LetterEncoder(), engine.collection, calibration=standing, measure=False) is None

    hits = ask(engine, "abc", 10).hits
    bound = (score(hits[4]) + score(hits[5])) / 2
    by = SearchEngine(LetterEncoder(), engine.collection, ruled("cosine", bound))
    strict = ask(by, "abc", COUNT, strict=True)
    assert (len(strict.hits), strict.total, strict.notes) == (5, None, [])
    assert len(ask(by, "3*abc year>1900", COUNT, strict=True).hits) == 5
    assert not ask(by, "abc").weak
    assert ask(by, "abc", 3, 100).weak
    for line in ("abc + xyz", "abc -xyz", f"like:{hits[0].id}", "-abc"):  # their scores mean something else
        assert ask(by, line, COUNT, strict=True).hits == ask(by, line, COUNT).hits, line
        assert not ask(by, line, 3, 100).weak


def test_a_value_that_matches_nothing_is_answered_with_what_would(engine: SearchEngine) -> None:
    for line, meant in {
        "folder:copy": "folder:copies",
        "abc -folder:cpies": "folder:copies",
        "camera:camra": 'camera:"Camera 1"',
        "format:raw": "format:jpeg or format:png",
        "folder:a1 OR folder:a9": "folder:a",
        "abc -camera:zzz": 'try camera:"Camera',
        "folder:qqq": "try folder:",
    }.items():
        (note,) = ask(engine, line).notes
        assert meant in note, line
    assert ask(engine, "folder:a1 format:png camera:camera").notes == []


def test_a_date_or_size_that_matches_nothing_is_answered_with_those_there_are(
    engine: SearchEngine, records: list[ImageRecord]
) -> None:
    years, widths = sorted(map(year, records)), sorted(record.width for record in records)
    said = f"; year goes from {years[0]} to {years[-1]}"
    for line in ("before:1900", "abc after:2999-01", "year:1900..1901", "year>=2999"):
        (note,) = ask(engine, line).notes
        assert note == f"no picture has {line.removeprefix('abc ')}{said}"
    notes = ask(engine, "width>99999 OR before:1900 folder:a1").notes
    assert notes == [
        f"no picture has width>99999; width goes from {widths[0]} to {widths[-1]}",
        f"no picture has before:1900{said}",
    ]
    assert ask(engine, "-width>99999 year:1900 OR year>1900").notes == []


def test_a_filter_by_name_means_what_it_means_in_a_line(engine: SearchEngine) -> None:
    cases: dict[str, dict[str, Any]] = {
        "abc folder:a1 OR folder:a2": {"folder": ["a1", "a2"]},
        "abc format:jpg camera:RA": {"format": "jpg", "camera": "RA"},
        "abc width>=120 year:2005..2009": {"width": ">=120", "year": "2005..2009"},
        "abc -has:camera orientation:landscape": {"orientation": "landscape"},
    }
    for line, options in cases.items():
        text = "abc -has:camera" if "-has" in line else "abc"
        named, written = ask(engine, text, COUNT, **options), ask(engine, line, COUNT)
        assert (named.hits, named.total) == (written.hits, written.total)
        assert named.hits


def test_all_that_pass_the_filters_are_counted(engine: SearchEngine, records: list[ImageRecord]) -> None:
    answer = ask(engine, "abc format:png", 5, 2)
    assert (answer.total, answer.offset, answer.more) == (sum(r.format == "PNG" for r in records), 2, True)
    assert not ask(engine, "abc format:png", 5, answer.total - 5).more  # type: ignore[operator]
    assert ask(engine, "abc", min_score=0.5).total is None


def test_words_bring_up_what_vectors_do_not(engine: SearchEngine, records: list[ImageRecord]) -> None:
    first, second = ask(engine, "zzz 42", 2, hybrid=True).hits
    assert first.id == records[42].id  # by the name of its file
    assert score(first) > score(second) == pytest.approx(0.6 / 61, abs=1e-6)  # the weight of words is 0.7
    assert all(hit.captions for hit in ask(engine, "wet dogs has:captions", COUNT, hybrid=True).hits)
    near = [hit.id for hit in ask(engine, "zzz", COUNT).hits]
    assert [hit.id for hit in ask(engine, "zzz", COUNT, hybrid=True).hits] == near  # no word of it is known


def test_what_words_bring_up_has_the_least_score_too(engine: SearchEngine, records: list[ImageRecord]) -> None:
    scores = {hit.id: score(hit) for hit in ask(engine, "zzz 42", COUNT).hits}
    own = scores[records[42].id]
    there = ask(engine, "zzz 42", COUNT, hybrid=True, min_score=own - 1e-4).hits
    assert there[0].id == records[42].id
    away = ask(engine, "zzz 42", COUNT, hybrid=True, min_score=own + 1e-4).hits
    assert {hit.id for hit in away} == {id for id, cosine in scores.items() if cosine >= own + 1e-4}


def test_another_text_tower_of_the_space_is_welcome_and_one_of_another_is_not(tmp_path: Path) -> None:
    class Mirrored(LetterEncoder):
        """Shares the space, and reads texts of another language: a is written z, b is written y."""

        def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
            mirror = str.maketrans("abcdefghijklmnopqrstuvwxyz", "zyxwvutsrqponmlkjihgfedcba")
            return super().encode_texts([text.translate(mirror) for text in texts])

    settings, encoder, _ = doctest_gallery.make(tmp_path)
    other = Mirrored()
    other.spec = replace(other.spec, text="mirrored")
    with SearchEngine.open(settings, text_encoder=other) as engine:
        assert engine.search("ivw")[0].image.captions == ("all red",)
        assert engine.search("ivw")[0].score == pytest.approx(1, abs=1e-5)
    encoder.spec = replace(encoder.spec, space="another")
    with pytest.raises(SpecMismatch, match="holds vectors of letters"):
        SearchEngine.open(settings, text_encoder=encoder)


def test_many_lines_are_encoded_at_once(engine: SearchEngine) -> None:
    engine.prepare([Request(q=line) for line in ("abc", "year:x", "xyz -abc")])
    assert ask(engine, "xyz -abc", 5).hits == ask(SearchEngine(LetterEncoder(), engine.collection), "xyz -abc", 5).hits


def test_folders_and_paths_match_by_whole_names() -> None:
    assert in_folder("a/b", "/x/a/B/c")
    assert not in_folder("a/c", "/a/b/c")
    assert matches_path("/x/*", "/x/y/z")
    assert not matches_path("y/*", "/xy/z")


@pytest.mark.parametrize(
    ("line", "notes"),
    [
        ("a dog folder:", ["folder: was read as text; the value follows right after the colon: folder:alps"]),
        ("Place: a dog", ["Place: was read as text; the value follows right after the colon: place:Portugal"]),
        ("dog OR cat", ["OR was read as text; it goes between filters only"]),
        ("NOT a cat", ["NOT was read as text; it goes before filters only, and for less of something write -cat"]),
        ("note: a dog or a cat", []),
        ("folder:alps OR folder:copies a dog", []),
    ],
)
def test_what_was_meant_as_a_filter_and_read_as_text_is_said(line: str, notes: list[str]) -> None:
    query = Request(q=line).query
    answer = Answer(query=line, encoder="", collection="")
    assert notes_on(answer, query, None, unruled=False) == notes
