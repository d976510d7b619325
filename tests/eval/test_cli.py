"""The command from end to end, with an encoder that counts letters."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from letter_encoder import COLOURS, LetterEncoder
from PIL import Image

from eval.cli import main
from eval.qrels import read_qrels
from eval.runs import read_run
from gallery.calibration import load_calibration
from gallery.settings import Settings
from gallery.stores.collection import edit_collection
from ingest.pipeline import ingest


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of red, green, blue, gold and black pictures that are in a collection."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr("eval.commands.load_encoder", lambda *_: LetterEncoder())
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, colour in COLOURS.items():
        Image.new("RGB", (8, 8), colour).save(folder / f"{name}.png")
    editor = edit_collection(Settings(data_dir=tmp_path / "data"), "colours")
    ingest([folder], editor, LetterEncoder)
    editor.close()
    return folder


@pytest.mark.usefixtures("photos")
def test_a_collection_is_measured(tmp_path: Path) -> None:
    queries = tmp_path / "queries.tsv"
    queries.write_text("red\tred.png\nblack\tgold.png\n")
    files = ["--run", str(tmp_path / "run"), "--qrels", str(tmp_path / "qrels")]
    done = CliRunner().invoke(main, ["collection", "--queries", str(queries), *files], catch_exceptions=False)
    assert done.exit_code == 0
    lines = dict(line.split("\t") for line in done.stdout.splitlines())
    assert lines["pictures"] == "5"
    assert lines["Success@1"].startswith("0.500")
    assert len(read_run(tmp_path / "run").answers["line-1"]) == 5
    assert set(read_qrels(tmp_path / "qrels")) == {"line-1", "line-2"}
    done = CliRunner().invoke(main, ["collection", "--queries", str(queries), "--json"])
    assert json.loads(done.stdout)["measures"]["Success@1"]["mean"] == 0.5


def test_a_calibration_is_fitted_and_kept(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [f"{image}.png,{text} {n},{float(image == text)}" for image in COLOURS for text in COLOURS for n in range(4)]
    (photos / "judged.csv").write_text("image,text,probability\n" + "\n".join(rows) + "\n")
    done = CliRunner().invoke(main, ["calibrate", str(photos / "judged.csv")], catch_exceptions=False)
    assert done.exit_code == 0
    lines = dict(line.split("\t") for line in done.stdout.splitlines())
    assert (lines["pairs"], lines["matching"]) == ("100", "0.2000")
    kept = load_calibration(Settings(data_dir=tmp_path / "data"), LetterEncoder().spec)
    assert kept is not None
    assert kept.source == "judged.csv"
    assert kept.probability(1.0) > 0.9
    assert kept.probability(0.1) < 0.1
    assert kept.strict is None
    assert "0 texts with a photo of their own: fewer than 100" in done.stderr

    monkeypatch.setattr("eval.nothing.LEAST_QUERIES", 20)
    lines_with_photo = [f"{line},{line.split(',')[1].split()[0]}.png" for line in rows]
    (photos / "judged.csv").write_text("image,text,probability,photo\n" + "\n".join(lines_with_photo) + "\n")
    done = CliRunner().invoke(main, ["calibrate", str(photos / "judged.csv")], catch_exceptions=False)
    lines = dict(line.split("\t") for line in done.stdout.splitlines())
    kept = load_calibration(Settings(data_dir=tmp_path / "data"), LetterEncoder().spec)
    assert kept
    assert kept.strict
    assert (lines["strict rule"], lines["strict kept"]) == (kept.strict.rule, "1.0000")
    assert kept.strict.auroc > 0.9
    assert "No rule tells" not in done.stderr


def test_wrong_usage_and_errors_are_told(photos: Path) -> None:
    assert CliRunner().invoke(main, ["collection"]).exit_code == 2
    done = CliRunner().invoke(main, ["collection", "--captions"])
    assert (done.exit_code, done.stdout) == (1, "")
    assert "ingest with --captions" in done.stderr
    (photos / "judged.csv").write_text("image,text,probability\nnone.png,red,1\n")
    assert "none.png is not there" in CliRunner().invoke(main, ["calibrate", str(photos / "judged.csv")]).stderr
