"""Judging a collection in use, with an encoder that counts letters."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from letter_encoder import COLOURS, LetterEncoder
from letters_folder import make_letters
from PIL import Image

from eval.cli import main
from eval.collection import index_quality, judge_collection, topics_from_captions, topics_from_file
from eval.encoders import Towers
from eval.fitting import calibrate_encoder
from gallery.calibration import load_calibration
from gallery.errors import BadInput
from gallery.judged.trec import read_qrels, read_run
from gallery.records import ImageFile, ImageRecord
from gallery.settings import Settings
from gallery.stores import ImageCollection, open_store
from gallery.vectors import Vectors
from ingest.pipeline import ingest
from search.engine import SearchEngine

ROOT = Path(__file__).parents[2]
LETTERS = Towers(LetterEncoder(), LetterEncoder())


@pytest.fixture(scope="module")
def collection(
    make_record: Callable[..., ImageRecord], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ImageCollection]:
    """Four pictures with vectors of words; the first and the last have the same caption."""
    settings, encoder = Settings(data_dir=tmp_path_factory.mktemp("data")), LetterEncoder()
    editor = open_store(settings).edit("words")
    editor.begin(encoder.spec)
    words, captions = ["abc", "def", "ghi", "jkl"], [("abc",), ("def", "d"), (), ("abc",)]
    records = [
        make_record(n, captions=of, files=(ImageFile(f"/{'xy'[n % 2]}/{n // 2}.jpg", 1, 1),))
        for n, of in enumerate(captions)
    ]
    editor.upsert(records, encoder.encode_texts(words))
    editor.finish()
    editor.close()
    opened = open_store(settings).open()
    yield opened
    opened.close()


class Counting(LetterEncoder):
    """Records how many texts it encodes at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        self.batches.append(len(texts))
        return super().encode_texts(texts)


def test_queries_of_the_owner_are_judged_and_encoded_once_together(collection: ImageCollection, tmp_path: Path) -> None:
    queries = tmp_path / "q.tsv"
    queries.write_text("# remark\nabc\t/x/0.jpg\n\njkm\tx/1.jpg\ty/1.jpg\nghi\ty/0.jpg\n")
    topics, qrels = topics_from_file(queries, collection)
    assert [len(names) for names in qrels.values()] == [1, 2, 1]
    encoder = Counting()
    report = judge_collection(SearchEngine(encoder, collection), topics, qrels)
    assert encoder.batches == [3]
    assert report.measures["Success@1"].value == pytest.approx(2 / 3)
    assert (report.pictures, report.collapse.distinct, report.index.overlap) == (4, 3, 1)
    assert report.queries["rank"].tolist() == [1, 1, 3]
    failed = [value for name, value in report.rows() if name == "failed"]
    assert ("failures listed", "1 of 1") in report.rows()
    assert failed == ["ghi\tright picture at 3: /y/0.jpg\tfound instead: /x/1.jpg"]
    assert [value for name, value in report.rows() if name == "best"] == ["abc", "jkm"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("abc\t/x/9.jpg", "line 1: /x/9.jpg is not in"),
        ("abc\t0.jpg", "could be 2 pictures"),
        ("abc", "line 1: give a query, a tab"),
        ("# nothing", "holds no query"),
    ],
)
def test_a_line_that_names_no_picture_is_told(
    collection: ImageCollection, tmp_path: Path, line: str, message: str
) -> None:
    (tmp_path / "q.tsv").write_text(f"{line}\n")
    with pytest.raises(BadInput, match=message):
        topics_from_file(tmp_path / "q.tsv", collection)


def test_the_files_of_examples_and_documents_are_taken(make_record: Callable[..., ImageRecord], tmp_path: Path) -> None:
    queries = ROOT / "examples" / "queries.tsv"
    document = (ROOT / "docs" / "evaluate.md").read_text()
    written = re.search(r"\$ cat queries\.tsv\n(.*?)```", document, re.DOTALL)
    assert written
    (tmp_path / "docs.tsv").write_text(written[1])
    photos = [str(path) for path in (ROOT / "examples" / "photos").rglob("*.*")]
    paths = [*photos, "/p/2019/IMG_0042.jpg", "/p/cake.jpg", "/p/cake-2.jpg"]
    encoder, settings = LetterEncoder(), Settings(tmp_path / "data")
    editor = open_store(settings).edit("photos")
    editor.begin(encoder.spec)
    records = [make_record(n, files=(ImageFile(path, 1, 1),)) for n, path in enumerate(paths)]
    editor.upsert(records, encoder.encode_texts(["abc"] * len(records)))
    editor.finish()
    editor.close()
    opened = open_store(settings).open()
    topics, qrels = topics_from_file(queries, opened)
    assert len(topics) == 12
    assert len(qrels["line-2"]) == 2, "two cats"
    topics, qrels = topics_from_file(tmp_path / "docs.tsv", opened)
    assert [len(names) for names in qrels.values()] == [1, 2]
    opened.close()


def test_captions_serve_as_queries(collection: ImageCollection) -> None:
    topics, qrels = topics_from_captions(collection)
    assert sorted(topic.text for topic in topics) == ["abc", "d", "def"]
    shared = next(topic for topic in topics if topic.text == "abc")
    assert len(qrels[shared.id]) == 2
    report = judge_collection(SearchEngine(LetterEncoder(), collection), topics, qrels)
    assert report.measures["Success@1"].value == 1


def test_the_index_is_compared_with_every_vector(collection: ImageCollection) -> None:
    quality = index_quality(collection, LetterEncoder().encode_texts(["abc", "def"]), k=2)
    assert (quality.k, quality.overlap) == (2, 1)
    assert quality.exact_ms > 0


@pytest.fixture
def colours(tmp_path: Path) -> Settings:
    """Return the settings of a collection of red, green, blue, gold and black pictures in a folder `photos`."""
    settings = Settings(data_dir=tmp_path / "data")
    (tmp_path / "photos").mkdir()
    for name, colour in COLOURS.items():
        Image.new("RGB", (8, 8), colour).save(tmp_path / "photos" / f"{name}.png")
    make_letters(settings)
    with closing(open_store(settings).edit("colours")) as editor:
        ingest([tmp_path / "photos"], editor, LetterEncoder)
    return settings


def command(settings: Settings, *words: object) -> Result:
    environment = {"DATA_DIR": str(settings.data_dir), "QDRANT_URL": None}
    return CliRunner().invoke(main, list(map(str, words)), env=environment)


def test_a_collection_is_measured(colours: Settings, tmp_path: Path) -> None:
    queries, files = tmp_path / "queries.tsv", [tmp_path / name for name in ("run", "qrels", "values.tsv")]
    queries.write_text("query\tpicture\nred\tred.png\nblack\tgold.png|green.png\n")
    options = [part for pair in zip(("--run", "--qrels", "--per-query"), files, strict=True) for part in pair]
    done = command(colours, "collection", "--queries", queries, *options)
    lines = dict(line.split("\t", 1) for line in done.stdout.splitlines())
    assert lines["pictures"] == "5"
    assert lines["Success@1"].startswith("0.500")
    assert "found instead: " in lines["failed"]
    assert len(read_run(files[0]).answers["line-2"]) == 5
    assert set(read_qrels(files[1])) == {"line-2", "line-3"}
    head, first, _ = (line.split("\t") for line in files[2].read_text().splitlines())
    assert dict(zip(head, first, strict=True))["rank"] == "1"
    facts = json.loads(command(colours, "collection", "--queries", queries, "--json").stdout)
    assert facts["measures"]["Success@1"]["value"] == 0.5
    assert [query["text"] for query in facts["by query"]] == ["red", "black"]


def judge(photos: Path, with_photo: bool) -> Path:
    rows = [f"{image}.png,{text} {n},{float(image == text)}" for image in COLOURS for text in COLOURS for n in range(4)]
    if with_photo:
        rows = [f"{row},{row.split(',')[1].split()[0]}.png" for row in rows]
    path = photos / "judged.csv"
    path.write_text("image,text,probability" + ",photo" * with_photo + "\n" + "\n".join(rows) + "\n")
    return path


def test_a_calibration_is_fitted_and_kept(colours: Settings, tmp_path: Path) -> None:
    done = command(colours, "calibrate", judge(tmp_path / "photos", with_photo=False))
    lines = dict(line.split("\t") for line in done.stdout.splitlines())
    assert (lines["pairs"], lines["matching"]) == ("100", "0.2000")
    kept = load_calibration(colours, LetterEncoder().spec)
    assert kept is not None
    assert (kept.source, kept.strict) == ("judged.csv", None)
    assert kept.probability(1.0) > 0.9
    assert kept.probability(0.1) < 0.1
    assert np.allclose(kept.probabilities_of(np.array([0.1, 1.0])), [kept.probability(0.1), kept.probability(1.0)])
    assert "photo of their own: 0, fewer than 100" in done.stderr


def test_the_rule_of_strict_is_kept_with_what_it_was_measured_on(colours: Settings, tmp_path: Path) -> None:
    path, said = judge(tmp_path / "photos", with_photo=True), list[str]()
    found = calibrate_encoder(LETTERS, path, colours, said.append, least_queries=20)
    rule = found.fitted.calibration.strict
    assert rule
    assert (rule.source, rule.photos, rule.queries) == ("judged.csv", 5, found.told.queries if found.told else 0)
    assert rule.auroc > 0.9
    rows = dict(found.rows())
    assert rows["strict separates"] == ("yes" if rule.separates else "no")
    assert any("No rule tells" in line for line in said) != rule.separates
    assert "[" in rows["strict false answers"], "with an interval"


def test_wrong_usage_and_errors_are_told(colours: Settings, tmp_path: Path) -> None:
    def run(*words: str) -> tuple[int, str]:
        done = command(colours, *words)
        assert not done.stdout
        return done.exit_code, done.stderr

    assert run("collection")[0] == 2
    (tmp_path / "judged.csv").write_text("image,text,probability\nnone.png,red,1\n")
    code, said = run("calibrate", str(tmp_path / "judged.csv"), "--encoder", "conse")
    assert code == 1
    assert "none.png is not there" in said
    code, said = run("collection", "--captions", "--collection", "none")
    assert code == 1
    assert "none" in said
