"""Two encoders on one collection: the figures, the interval of their difference, and the advice."""

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from letter_encoder import COLOURS, LetterEncoder
from letters_folder import make_letters
from PIL import Image
from scipy import stats

from eval.cli import main
from eval.collection import judge_collection, topics_from_captions
from eval.encoders import Towers
from eval.measures import Estimate
from eval.two_encoders import Contest, Measured, compare_encoders, sample_of
from gallery.records import Caption
from gallery.settings import Settings
from gallery.stores import open_store
from gallery.vectors import Vectors
from ingest.captions import CaptionsByPath
from ingest.pipeline import ingest
from search.engine import SearchEngine

LETTERS = LetterEncoder()
NAMES = [(colour, letter) for colour in COLOURS for letter in "xqz" * 3]


class Blind(LetterEncoder):
    """Sees every picture as red."""

    def __init__(self) -> None:
        super().__init__()
        self.spec = replace(self.spec, encoder="blind", space="blind", text="blind")

    def encode_pixels(self, pixels: Vectors) -> Vectors:
        return self.encode_texts(["red"] * len(pixels))


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("two")
    settings, captions = Settings(folder / "data"), []
    for number, (colour, letter) in enumerate(NAMES):
        path = folder / "photos" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (8 + number, 8), COLOURS[colour]).save(path)
        if number % 9 != 8:  # one of each colour belongs to no query
            captions.append(Caption(path.name, f"{colour} {letter * (number % 9 + 1)}"))
    with closing(open_store(settings).edit("photos")) as editor:
        ingest([folder / "photos"], editor, lambda: LETTERS, captions=CaptionsByPath(captions, folder / "photos"))
    return settings


def contest(settings: Settings, *towers: Towers, most: int = 1000) -> Contest:
    with closing(open_store(settings).open("photos")) as collection:
        sample = sample_of(collection, *topics_from_captions(collection), most)
        return compare_encoders(collection, sample, [(each.texts.spec.encoder, each) for each in towers], print)


def test_figures_are_those_of_the_collection_itself(settings: Settings) -> None:
    found = contest(settings, Towers(LETTERS, LETTERS), Towers(Blind(), Blind()))
    with SearchEngine.open(settings, text_encoder=LETTERS) as engine:
        judged = judge_collection(engine, *topics_from_captions(engine.collection))
    assert (found.pictures, found.queries, found.photos) == (len(NAMES), 40, 40)
    for measure, estimate in found.first.measures.items():
        assert estimate == pytest.approx(judged.measures[measure]), measure
    assert found.differences["Success@10"].value < -0.5
    assert found.first.images_per_second > 0
    assert found.advice == "keep letters: it puts the right picture higher"


def test_the_interval_of_the_difference_is_that_of_a_paired_bootstrap(settings: Settings) -> None:
    """Each caption has its own picture here, so scipy's bootstrap over pairs is equivalent."""
    found = contest(settings, Towers(LETTERS, LETTERS), Towers(Blind(), Blind()))
    hits = [reached(settings, encoder) for encoder in (LETTERS, Blind())]
    truth = stats.bootstrap((hits[1] - hits[0],), np.mean, n_resamples=9999, method="percentile", rng=1)
    interval = truth.confidence_interval
    difference = found.differences["Success@5"]
    assert difference.value == pytest.approx(float((hits[1] - hits[0]).mean()))
    assert (difference.low, difference.high) == pytest.approx((interval.low, interval.high), abs=0.03)


def reached(settings: Settings, encoder: LetterEncoder) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Return for each caption whether its picture is among the first five, by brute force in trec_eval's order."""
    with closing(open_store(settings).open("photos")) as collection:
        records = list(collection.records())
        topics, qrels = topics_from_captions(collection)
    pictures = [Image.open(record.path).convert("RGB") for record in records]
    scores = (encoder.encode_texts([topic.text for topic in topics]) @ encoder.encode_images(pictures).T).round(6)
    found = []
    for row, topic in zip(scores, topics, strict=True):
        best = sorted(zip(row.tolist(), (record.id for record in records), strict=True), reverse=True)[:5]
        found.append(float(any(id in qrels[topic.id] for _, id in best)))
    return np.array(found)


def test_a_sample_holds_pictures_with_a_query_first(settings: Settings) -> None:
    found = contest(settings, Towers(LETTERS, LETTERS), Towers(Blind(), Blind()), most=25)
    assert (found.pictures, found.queries, found.photos) == (25, 25, 25)
    found = contest(settings, Towers(LETTERS, LETTERS), Towers(Blind(), Blind()), most=42)
    assert (found.pictures, found.queries, found.photos) == (42, 40, 40)


def test_pictures_that_are_gone_count_for_neither(settings: Settings, tmp_path: Path) -> None:
    with closing(open_store(settings).open("photos")) as collection:
        gone = [Path(record.path) for record in collection.records()][:3]
    for path in gone:
        path.rename(tmp_path / path.name)
    try:
        found = contest(settings, Towers(LETTERS, LETTERS), Towers(Blind(), Blind()))
    finally:
        for path in gone:
            (tmp_path / path.name).rename(path)
    assert (found.pictures, found.unread) == (len(NAMES) - 3, 3)
    assert ("left out", "3, whose files are gone or changed") in found.rows()


@pytest.mark.parametrize(
    ("photos", "interval", "advice"),
    [
        (100, (0.1, 0.3), "b puts the right picture higher; to change: ingest PATH --collection photos --encoder ./b"),
        (100, (-0.3, -0.1), "keep a: it puts the right picture higher"),
        (
            100,
            (-0.1, 0.3),
            "the difference is not certain, because its interval contains 0: stay with a, or take the faster one, b",
        ),
        (19, (0.1, 0.3), "queries of 19 pictures cannot tell; give at least 20, better 100"),
    ],
)
def test_the_advice_says_so_when_it_is_not_certain(photos: int, interval: tuple[float, float], advice: str) -> None:
    differences = {"RR": Estimate(sum(interval) / 2, *interval)}
    found = Contest(
        "photos", "a", Measured("a", "./a", {}, 1.0), Measured("b", "./b", {}, 2.0), differences, 100, photos, photos
    )
    assert found.advice.startswith(advice)


def command(settings: Settings, *arguments: object) -> Result:
    environment = {"DATA_DIR": str(settings.data_dir), "QDRANT_URL": None}
    return CliRunner().invoke(main, ["compare-encoders", *map(str, arguments)], env=environment)


def test_the_command_prints_both_and_leaves_the_collection_as_it_is(settings: Settings) -> None:
    first, second = make_letters(settings), make_letters(settings, "dark", space="dark", mean=0.4)
    before = open_store(settings).overview()
    done = command(settings, first, second, "--collection", "photos")
    assert done.exit_code == 0, done.output
    rows = dict(line.split("\t", 1) for line in done.stdout.splitlines())
    assert rows[""] == "letters\tdark\tdifference"
    assert list(rows)[1:] == ["Success@1", "Success@5", "Success@10", "RR", "images/s", "pictures", "queries", "advice"]
    assert rows["queries"] == "40, with 40 sets of right pictures"
    facts = json.loads(command(settings, first, second, "--json").stdout)
    assert facts["first"]["measures"]["Success@10"]["value"] == 1.0
    assert f"{facts['first']['measures']['RR']['value']:.3f} [" in rows["RR"]
    assert open_store(settings).overview() == before


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("{folder}", "{folder}"), "are one encoder; give two"),
        (("{folder}", "no-such-encoder"), "no-such-encoder"),
        (("{folder}", "{folder}", "--collection", "nowhere"), "nowhere"),
    ],
)
def test_what_cannot_be_compared_is_said_in_a_sentence(
    settings: Settings, arguments: tuple[str, ...], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    folder = make_letters(settings)
    done = command(settings, *(argument.format(folder=folder) for argument in arguments))
    assert done.exit_code == 1
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
