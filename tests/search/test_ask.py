"""Lines of the query language over a real collection, compared with brute force over what it holds."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePath

import doctest_gallery
import numpy as np
import pytest
from letter_encoder import LetterEncoder
from numpy.typing import NDArray

from gallery.calibration import Calibration, StrictRule
from gallery.errors import BadInput, SpecMismatch, UnreadableImage
from gallery.records import Hit, ImageRecord
from gallery.settings import Settings
from gallery.stores.collection import edit_collection
from gallery.stores.payload import date_of, moment
from search import grouping, strict, unrelated
from search.engine import SearchEngine
from search.filtering import in_folder, matches_path
from search.grouping import Grouping
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
    editor = edit_collection(settings, "photos")
    editor.begin(encoder.spec)
    editor.upsert(records, vectors)
    editor.finish()
    editor.close()
    with SearchEngine.open(settings, text_encoder=Towers(encoder, lambda: encoder)) as engine:
        yield engine


def paths(record: ImageRecord) -> list[str]:
    return [file.path for file in record.files]


def year(record: ImageRecord) -> int:
    return int(date_of(record)[:4])


FILTERS: dict[str, Callable[[ImageRecord], bool]] = {
    "folder:a1": lambda r: any(path.startswith("/a1/") for path in paths(r)),
    "-folder:/A1": lambda r: not any(path.startswith("/a1/") for path in paths(r)),
    "folder:nowhere": lambda _: False,
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
    "has:captions": lambda r: bool(r.captions),
    "-has:captions has:camera": lambda r: not r.captions and r.camera is not None,
}


@pytest.mark.parametrize("line", FILTERS)
def test_filters_let_through_what_brute_force_does(engine: SearchEngine, records: list[ImageRecord], line: str) -> None:
    expected = {record.id for record in records if FILTERS[line](record)}
    assert {hit.image.id for hit in engine.ask(f"abc {line}", COUNT).hits} == expected
    assert {hit.image.id for hit in engine.ask(line, COUNT).hits} == expected


def test_terms_are_summed_as_unit_vectors(
    engine: SearchEngine, records: list[ImageRecord], vectors: NDArray[np.float32]
) -> None:
    words = LetterEncoder().encode_texts(["abc", "xyz", "red"])
    aim = words[0] + 2 * words[1] - 0.5 * words[2] + vectors[7]
    cosines = vectors @ (aim / np.linalg.norm(aim))
    order = [row for row in np.argsort(-cosines) if row != 7][:10]
    hits = engine.ask(f"abc 2*xyz -0.5*red like:{records[7].id}", 10).hits
    assert [hit.image for hit in hits] == [records[row] for row in order]
    assert np.allclose([hit.score for hit in hits], cosines[order], atol=1e-5)


def test_more_of_brings_nearer_and_less_of_takes_away(engine: SearchEngine) -> None:
    def mean(line: str, text: str) -> float:
        ids = [hit.image.id for hit in engine.ask(line, 10).hits]
        found = engine.collection.vectors(ids)
        return float(np.mean([found[id] @ engine.vector(text) for id in ids]))

    assert mean("abc + xyz", "xyz") > mean("abc", "xyz") > mean("abc -xyz", "xyz")


def test_a_known_picture_is_found_by_its_path_and_left_out(engine: SearchEngine, records: list[ImageRecord]) -> None:
    answer = engine.ask(f"like:{records[7].path}", COUNT)
    assert records[7].id not in {hit.image.id for hit in answer.hits}
    assert len(answer.hits) == COUNT - 1
    assert answer.meanings == (f"like the picture {records[7].path}",)


def test_the_end_of_a_path_is_enough_where_one_picture_has_it(engine: SearchEngine, records: list[ImageRecord]) -> None:
    name = PurePath(records[7].path).name
    whole = engine.ask(f"like:{records[7].path}", 5)
    assert engine.ask(f"like:{name}", 5).hits == whole.hits
    with pytest.raises(BadInput, match="there is no picture"):
        engine.ask(f"like:{name[1:]}")


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
        engine.ask(line)


def test_pictures_from_elsewhere(tmp_path: Path) -> None:
    settings, encoder, photos = doctest_gallery.make(tmp_path)
    (tmp_path / "copy.png").write_bytes((photos / "red.png").read_bytes())
    (tmp_path / "notes.png").write_text("no picture")
    with SearchEngine.open(settings, text_encoder=Towers(encoder, lambda: encoder)) as engine:
        copy = engine.ask(f'like:"{tmp_path / "copy.png"}"')
        assert "all red" not in [hit.image.captions[0] for hit in copy.hits]
        with pytest.raises(UnreadableImage):
            engine.ask(f'like:"{tmp_path / "notes.png"}"')


def test_groups_come_in_the_order_of_their_best(engine: SearchEngine) -> None:
    answer = engine.ask("abc", 3, 1, group="folder")
    whole = engine.ask("abc", COUNT).hits
    folders = list(dict.fromkeys(hit.image.path.rsplit("/", 1)[0] for hit in whole))
    assert [group.name for group in answer.groups] == folders[1:4]
    for group in answer.groups:
        inside = [hit for hit in whole if hit.image.path.rsplit("/", 1)[0] == group.name]
        assert list(group.hits) == inside[:5]
    assert answer.hits == [group.hits[0] for group in answer.groups]
    days = engine.ask("abc", COUNT, group="day").groups
    assert len(days) == len({date_of(hit.image)[:10] for hit in whole})
    assert len(engine.ask("abc", COUNT, group="near-duplicates").hits) == COUNT  # none has a stack


@pytest.mark.parametrize("by", ["folder", "day"])
@pytest.mark.parametrize("line", ["abc", "", "abc year>=2010 -format:png"])
def test_a_group_has_its_first_however_far_below_they_rank(
    engine: SearchEngine, monkeypatch: pytest.MonkeyPatch, by: Grouping, line: str
) -> None:
    monkeypatch.setattr(grouping, "_FIRST_POOL", 1)
    bound = engine.ask(line, 150).hits[-1].score
    for least in (None, bound):
        members: dict[str, list[Hit]] = {}
        for hit in engine.ask(line, COUNT, min_score=least).hits:
            name = hit.image.path.rsplit("/", 1)[0] if by == "folder" else date_of(hit.image)[:10]
            members.setdefault(name, []).append(hit)
        groups = engine.ask(line, 3, group=by, min_score=least).groups
        assert [(group.name, list(group.hits)) for group in groups] == [
            (name, found[:5]) for name, found in list(members.items())[:3]
        ]


def test_who_asks_for_more_fused_groups_gets_the_same_first(engine: SearchEngine) -> None:
    most = engine.ask("abc 4", 40, group="day", hybrid=True).groups
    for limit in range(25, 40):
        assert engine.ask("abc 4", limit, group="day", hybrid=True).groups == most[:limit]


def test_with_a_least_score_all_are_ordered_by_date_before_the_page_is_cut(engine: SearchEngine) -> None:
    bound = engine.ask("abc", 50).hits[-1].score
    wanted = sorted(engine.ask("abc", 50).hits, key=lambda hit: (-moment(hit.image).timestamp(), hit.image.id))
    found = engine.ask("abc", 10, 20, sort="date", min_score=bound).hits
    assert [hit.image.id for hit in found] == [hit.image.id for hit in wanted[20:30]]


def test_strict_leaves_out_what_unrelated_texts_reach(
    engine: SearchEngine, vectors: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    best = (LetterEncoder().encode_texts(unrelated.unrelated_texts()) @ vectors.T).max(axis=1)
    bound = float(best.mean() + strict.STANDING * best.std())
    assert strict.strict_score(LetterEncoder(), engine.collection) == pytest.approx(bound, abs=1e-5)
    assert engine.ask("abc", strict=True).hits == []
    monkeypatch.setattr(strict, "STANDING", -8.0)
    assert engine.ask("abc", strict=True).hits


def test_strict_goes_by_the_rule_that_was_chosen(engine: SearchEngine, vectors: NDArray[np.float32]) -> None:
    best = (LetterEncoder().encode_texts(unrelated.unrelated_texts()) @ vectors.T).max(axis=1)

    def score(rule: str, threshold: float) -> float:
        chosen = StrictRule(rule, threshold, auroc=0.8, kept=0.95, false_answers=0.3, queries=1000)
        calibration = Calibration("logistic", (-2.0, 4.0), strict=chosen)
        return strict.strict_score(LetterEncoder(), engine.collection, calibration=calibration)

    assert score("cosine", 0.3) == 0.3
    assert score("probability", 0.5) == pytest.approx(0.5)
    assert score("standing", -1) == pytest.approx(best.mean() - best.std(), abs=1e-5)
    by_default = strict.strict_score(LetterEncoder(), engine.collection)
    plain = Calibration("logistic", (-2.0, 4.0))
    assert strict.strict_score(LetterEncoder(), engine.collection, calibration=plain) == by_default

    hits = engine.ask("abc", 10).hits
    bound = (hits[4].score + hits[5].score) / 2
    rule = StrictRule("cosine", bound, auroc=0.8, kept=0.95, false_answers=0.3, queries=1000)
    ruled = SearchEngine(LetterEncoder(), engine.collection, replace(plain, strict=rule))
    assert [hit.score >= bound for hit in ruled.ask("abc", COUNT, strict=True).hits] == [True] * 5
    assert len(ruled.ask("3*abc year>1900", COUNT, strict=True).hits) == 5
    for line in ("abc + xyz", "abc -xyz", f"like:{hits[0].image.id}", "-abc"):  # their scores mean something else
        assert ruled.ask(line, COUNT, strict=True).hits == ruled.ask(line, COUNT).hits, line


def test_what_unrelated_texts_reach_is_measured_once(engine: SearchEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.ask("abc", strict=True)
    with monkeypatch.context() as patch:
        patch.setattr(strict, "measure_background", lambda *_: pytest.fail("measured again"))
        assert engine.ask("abc", strict=True).hits == []
    measured: list[int] = []
    monkeypatch.setattr(strict, "measure_background", lambda *_: measured.append(1))
    monkeypatch.setattr(engine.collection, "generation", "gen-000002 1")  # with as many pictures
    engine.ask("abc", strict=True)
    assert measured


def test_words_bring_up_what_vectors_do_not(engine: SearchEngine, records: list[ImageRecord]) -> None:
    first, second = engine.ask("zzz 42", 2, hybrid=True).hits
    assert first.image == records[42]  # by the name of its file
    assert first.score > second.score == pytest.approx(1 / 61)
    assert all(hit.image.captions for hit in engine.ask("wet dogs has:captions", COUNT, hybrid=True).hits)
    near = [hit.image.id for hit in engine.ask("zzz", COUNT).hits]
    assert [hit.image.id for hit in engine.ask("zzz", COUNT, hybrid=True).hits] == near  # no word of it is known


def test_what_words_bring_up_has_the_least_score_too(engine: SearchEngine, records: list[ImageRecord]) -> None:
    scores = {hit.image.id: hit.score for hit in engine.ask("zzz 42", COUNT).hits}
    own = scores[records[42].id]
    there = engine.ask("zzz 42", COUNT, hybrid=True, min_score=own - 1e-4).hits
    assert there[0].image == records[42]
    away = engine.ask("zzz 42", COUNT, hybrid=True, min_score=own + 1e-4).hits
    assert {hit.image.id for hit in away} == {id for id, score in scores.items() if score >= own + 1e-4}
    assert engine.ask("zzz 42", COUNT, hybrid=True, strict=True).hits == []


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
    engine.prepare(["abc", "year:x", "xyz -abc"])
    assert engine.ask("xyz -abc", 5).hits == SearchEngine(LetterEncoder(), engine.collection).ask("xyz -abc", 5).hits


def test_folders_and_paths_match_by_whole_names() -> None:
    assert in_folder("a/b", "/x/a/B/c")
    assert not in_folder("a/c", "/a/b/c")
    assert matches_path("/x/*", "/x/y/z")
    assert not matches_path("y/*", "/xy/z")
