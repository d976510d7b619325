"""Lines asked of the real command, with a small CLIP whose text tower `ingest` exports."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import tiny_clip
from click.testing import CliRunner, Result
from gallery.text_onnx import MANIFEST

import ingest.cli
import search.cli

PHOTOS = Path(__file__).parents[2] / "examples" / "photos" / "food"
WATCHED = "{'torch', 'sentence_transformers', 'transformers', 'qdrant_client', 'pandas'}"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four pictures, indexed."""
    folder = tmp_path_factory.mktemp("data")
    tiny_clip.save_untrained(folder / "clip")
    arguments = [str(PHOTOS), "--encoder", str(folder / "clip")]
    done = CliRunner().invoke(ingest.cli.main, arguments, env={"DATA_DIR": str(folder), "QDRANT_URL": None})
    assert done.exit_code == 0, done.stderr
    exporting, exported, following = done.stderr.splitlines()[-3:]
    assert exporting.startswith("Exporting the text tower, once")
    assert exported.startswith("Exported in ")
    assert following.startswith("Next: ")
    return folder


def ask(data: Path, *arguments: str, given: str | None = None) -> Result:
    done = CliRunner().invoke(search.cli.main, arguments, input=given, env={"DATA_DIR": str(data), "QDRANT_URL": None})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def test_a_search_loads_no_torch_and_finds_what_the_original_does(data: Path) -> None:
    check = f"import sys, search.cli; search.cli.main(['a red star'], standalone_mode=False); print({WATCHED} & set(sys.modules), file=sys.stderr)"  # noqa: E501
    environment = os.environ | {"DATA_DIR": str(data)}
    environment.pop("QDRANT_URL", None)
    first = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, env=environment, check=True)
    assert first.stderr.strip() == "set()"
    (manifest,) = data.rglob(MANIFEST)
    aside = manifest.parent.rename(manifest.parent.with_name("aside"))
    original = ask(data, "a red star")  # which exports once more
    assert original.stderr.startswith("Exporting the text tower, once")
    assert [line.split("\t")[2] for line in first.stdout.splitlines()] == [
        line.split("\t")[2] for line in original.stdout.splitlines()
    ]
    shutil.rmtree(aside)


def test_an_ingest_without_anything_new_exports_nothing(data: Path) -> None:
    (manifest,) = data.rglob(MANIFEST)
    aside = manifest.parent.rename(manifest.parent.with_name("aside"))
    done = CliRunner().invoke(ingest.cli.main, [str(PHOTOS)], env={"DATA_DIR": str(data), "QDRANT_URL": None})
    assert done.exit_code == 0
    assert "Export" not in done.stderr
    aside.rename(manifest.parent)


def test_a_text_that_is_too_long_is_told_with_its_length(data: Path) -> None:
    done = ask(data, "a star on red " * 30)
    assert done.exit_code == 0
    assert done.stderr == "Note: the text has 122 tokens, and the encoder reads 77; the rest had no effect.\n"
    assert json.loads(ask(data, "a star", "--json").stdout)["tokens"] == 4


def test_what_does_not_hold_is_told_and_the_original_answers(data: Path) -> None:
    (manifest,) = data.rglob(MANIFEST)
    kept = manifest.read_text()
    manifest.write_text("{}")
    done = ask(data, "a red star", "-k", "1")
    manifest.write_text(kept)
    assert done.exit_code == 0
    assert len(done.stdout.splitlines()) == 1
    assert "does not hold" in done.stderr
    assert "The original is used" in done.stderr


def test_lines_of_stdin_are_answered_one_by_one(data: Path) -> None:
    done = ask(data, "-", "-k", "1", given="red\nyear:x\n\nformat:webp")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == 1
    assert [answer["query"] for answer in answers] == ["red", "year:x", "", "format:webp"]
    assert answers[0]["hits"][0]["score"] is not None
    assert "column 6" in answers[1]["error"]
    assert "empty" in answers[2]["error"]
    assert answers[3]["hits"][0]["path"].endswith("cake.webp")
    assert answers[3]["hits"][0]["score"] is None


def test_errors_point_at_the_column(data: Path) -> None:
    done = ask(data, "собака year:20x1")
    assert done.exit_code == 1
    assert done.stdout == ""
    error, line, mark = done.stderr.splitlines()
    assert error.startswith("Error: column 13: year takes")
    assert line.index("20x1") == mark.index("^")


def test_that_nothing_answers_is_told(data: Path) -> None:
    done = ask(data, "width>100000")
    assert (done.stdout, done.stderr) == ("", "No picture of the collection answers this.\n")


def test_explain_tells_how_a_line_was_understood(data: Path) -> None:
    told = ask(data, "red 2*star -cat width>10 like:" + str(PHOTOS / "fig.jpg"), "--explain").stderr.splitlines()
    assert told[0] == f"understood: red +2*star -cat +like:{PHOTOS / 'fig.jpg'} width>10"
    assert told[1:] == [
        '  like the text "red"',
        '  like the text "star", weight 2',
        '  unlike the text "cat"',
        f"  like the picture {PHOTOS / 'fig.jpg'}",
        "  width > 10",
    ]


def test_groups_and_dates(data: Path) -> None:
    lines = [line.split("\t") for line in ask(data, "red", "--group", "folder").stdout.splitlines()]
    assert {(line[0], line[3]) for line in lines} == {("1", str(PHOTOS))}
    assert len(ask(data, "has:camera", "--sort", "date").stdout.splitlines()) <= 4


@pytest.mark.parametrize("arguments", [["-", "--paths"], [], ["a", "--group", "week"]])
def test_wrong_usage(data: Path, arguments: list[str]) -> None:
    assert ask(data, *arguments).exit_code == 2
