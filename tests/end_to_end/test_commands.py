"""The real commands, in separate processes, on the example pictures."""

import csv
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import tiny_clip
from click.testing import CliRunner

import ingest.cli
import search.cli

ROOT = Path(__file__).parents[2]
PHOTOS = ROOT / "examples" / "photos"
OURS = ("DATA_DIR", "QDRANT_URL", "QDRANT_API_KEY", "ENCODER", "DEVICE", "PUBLIC_URL", "HF_HOME", "HF_HUB_OFFLINE")


@dataclass
class Done:
    """The output of a finished command."""

    returncode: int
    stdout: str
    stderr: str


def process(name: str, *arguments: str, **environment: str) -> Done:
    """Run a command as users do, in a separate process; loading torch takes seconds."""
    clean = {key: value for key, value in os.environ.items() if key not in OURS}
    done = subprocess.run(
        [sys.executable, "-m", name, *arguments],
        capture_output=True,
        check=False,
        text=True,
        env=clean | environment,
        timeout=120,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def command(name: str, *arguments: str, **environment: str) -> Done:
    """Run a command in this process."""
    unset: dict[str, str | None] = dict.fromkeys(OURS)
    main = {"ingest": ingest.cli.main, "search": search.cli.main}[name]
    done = CliRunner().invoke(main, arguments, prog_name=name, env=unset | environment)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return Done(done.exit_code, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The examples, indexed without a model hub."""
    folder = str(tmp_path_factory.mktemp("data"))
    done = command("ingest", str(PHOTOS), "--collection", "examples", "--captions", str(PHOTOS / "captions.csv"),
                   DATA_DIR=folder, HF_HUB_OFFLINE="1", HF_HOME=folder)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "indexed\t50\n" in done.stdout
    assert "using conse" in done.stderr
    assert 'search --collection examples "a cat"' in done.stderr
    return folder


def find(data: str, *arguments: str) -> Done:
    return command("search", *arguments, DATA_DIR=data)


def test_at_least_nine_of_the_twelve_queries_find_a_right_picture_first(data: str) -> None:
    from gallery.settings import Settings
    from search.engine import SearchEngine

    with (ROOT / "examples" / "queries.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert len(rows) == 12
    with SearchEngine.open(Settings(data_dir=Path(data))) as engine:
        first = {row["query"]: Path(engine.search(row["query"], 1)[0].image.path) for row in rows}
    found = {query: str(path.relative_to(PHOTOS)) for query, path in first.items()}
    right = [row["query"] for row in rows if found[row["query"]] in row["picture"].split("|")]
    assert "a cat" in right
    assert len(right) >= 9, found


def test_lines_and_json_agree(data: str) -> None:
    lines = process("search", "a", "cup", "of", "coffee", "-k", "3", DATA_DIR=data)
    assert lines.returncode == 0, lines.stderr
    rows = [line.split("\t") for line in lines.stdout.splitlines()]
    assert [row[0] for row in rows] == ["1", "2", "3"]
    assert rows[0][2] == str(PHOTOS / "food" / "espresso.jpg")
    answer = json.loads(find(data, "a cup of coffee", "-k", "3", "--json").stdout)
    assert [hit["path"] for hit in answer["hits"]] == [row[2] for row in rows]
    assert {"query", "understood", "meanings", "encoder", "collection", "hits", "seconds"} <= set(answer)
    assert set(answer["seconds"]) == {"load", "encode", "search"}


def test_paths_for_other_programs(data: str) -> None:
    paths = find(data, "a castle", "-k", "2", "--paths").stdout
    assert paths.splitlines()[0] == str(PHOTOS / "places" / "castle.jpg")
    assert find(data, "a castle", "-k", "2", "--null").stdout == paths.replace("\n", "\0")


def test_a_second_run_is_almost_free(data: str) -> None:
    done = command("ingest", str(PHOTOS), "--collection", "examples", DATA_DIR=data)
    assert done.returncode == 0, done.stderr
    assert "indexed\t0\nalready there\t50\n" in done.stdout


def test_unreadable_files_are_listed_and_the_exit_code_tells(tmp_path: Path) -> None:
    (tmp_path / "notes.jpg").write_text("no picture")
    done = command("ingest", str(tmp_path), DATA_DIR=str(tmp_path / "data"), ENCODER="conse")
    assert done.returncode == 3
    assert f"unreadable file\tnot-an-image\t{tmp_path / 'notes.jpg'}\t" in done.stdout


def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    done = command("ingest", str(PHOTOS), "--dry-run", DATA_DIR=str(tmp_path / "data"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("would read") == 50
    assert find(str(tmp_path / "data"), "x").returncode == 1


@pytest.mark.parametrize(
    ("name", "arguments", "code", "message"),
    [
        ("search", ["a cat"], 1, "there is no collection yet; make one: ingest FOLDER"),
        ("search", [], 2, "give one of QUERY, --serve and --mcp"),
        ("search", ["a", "--json", "--paths"], 2, "--json and --paths cannot be combined; give only one"),
        ("search", ["-cat dog"], 2, "search -- '-cat dog'\n"),
        ("search", ["--colection", "x", "a"], 2, "Did you mean '--collection'?\n"),
        ("search", ["a", "-k", "0"], 2, "0 is not in the range"),
        ("ingest", ["no/such/folder"], 1, "Error: there is no folder or file no/such/folder\n"),
        ("ingest", ["no/such/folder", "--encoder", "no/such"], 1, "there is no folder or file no/such/folder"),
        ("ingest", ["."], 1, "nothing/like-it"),
        ("ingest", [".", "--collection", "../x"], 1, "'../x' is not a valid name for a collection"),
        ("ingest", [".", "--captions", "pyproject.toml"], 1, "pyproject.toml"),
        (
            "ingest",
            [],
            2,
            "--set-public-url, --check, --repair",
        ),
        ("ingest", [".", "--list"], 2, "PATH and --list cannot be combined; give only one"),
        ("ingest", ["--drop", "holidays"], 1, "there is no collection holidays"),
        ("ingest", ["--failures"], 1, "there is no collection photos, nor any other"),
        ("ingest", ["--forget", "."], 1, "there is no collection photos"),
    ],
)
def test_errors_are_one_sentence(tmp_path: Path, name: str, arguments: list[str], code: int, message: str) -> None:
    done = command(name, *arguments, DATA_DIR=str(tmp_path), ENCODER="nothing/like-it", HF_HUB_OFFLINE="1")
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_an_empty_query_is_refused(data: str) -> None:
    done = find(data, "")
    assert done.returncode == 1
    assert "the query is empty" in done.stderr


def test_a_long_query_is_cut_and_the_user_is_told(data: str) -> None:
    done = find(data, "a cat " * 300, "-k", "1")
    assert done.returncode == 0, done.stderr
    assert "the text has 602 tokens, and the encoder reads 256" in done.stderr


def test_a_clip_model_in_the_cache_is_used_without_the_network(tmp_path: Path) -> None:
    repository = tmp_path / "hf" / "hub" / "models--sentence-transformers--clip-ViT-B-32"
    snapshot = repository / "snapshots" / ("0" * 40)
    tiny_clip.save_untrained(tmp_path / "saved")
    snapshot.mkdir(parents=True)
    tiny_clip.as_on_the_hub(tmp_path / "saved", snapshot)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    environment = {"DATA_DIR": str(tmp_path / "data"), "HF_HOME": str(tmp_path / "hf")}
    done = process("ingest", str(PHOTOS / "food"), **environment)
    assert done.returncode == 0, done.stderr
    assert "Encoder clip-ViT-B-32, from this machine's cache" in done.stderr
    found = json.loads(process("search", "red", "--json", **environment).stdout)
    assert found["encoder"] == "clip-ViT-B-32"
    assert len(found["hits"]) == 4


def test_housekeeping(tmp_path: Path) -> None:
    for name in ("animals", "food"):
        shutil.copytree(PHOTOS / name, tmp_path / "photos" / name)
    (tmp_path / "photos" / "notes\n.jpg").write_text("no picture")

    def run(*arguments: str) -> Done:
        return command("ingest", *arguments, DATA_DIR=str(tmp_path / "data"), ENCODER="conse")

    assert run(str(tmp_path / "photos")).returncode == 3
    name, encoder, pictures, megabytes, changed = run("--list").stdout.strip().split("\t")
    assert (name, encoder, pictures) == ("photos", "conse", "18")
    assert float(megabytes) > 0
    assert changed.endswith("Z")
    failure = run("--failures").stdout.split("\t")
    assert failure[:3] == [f"{tmp_path}/photos/notes\\n.jpg", "not-an-image", "10"]

    food = str(tmp_path / "photos" / "food")
    asked = run("--forget", food)
    assert len(asked.stdout.splitlines()) == 4
    assert (asked.returncode, asked.stderr) == (
        1,
        "Error: nothing was removed; add --yes to remove 4 files and 4 pictures\n",
    )
    assert run("--forget", food, "--dry-run", "--yes").returncode == 0
    unknown = run("--forget", str(tmp_path / "nowhere"), "--yes")
    said = f"Error: nothing at or below {tmp_path}/nowhere is indexed; nothing was removed\n"
    assert (unknown.returncode, unknown.stderr) == (1, said)
    assert "\t18\t" in run("--list").stdout
    assert run("--forget", str(tmp_path / "photos" / "food"), "--yes").returncode == 0
    assert "\t14\t" in run("--list").stdout

    shutil.copytree(tmp_path / "data", tmp_path / "backup")
    asked = run("--drop", "photos")
    assert (asked.returncode, "14 pictures (conse); add --yes" in asked.stderr) == (1, True)
    assert run("--drop", "photos", "--dry-run").returncode == 0
    assert run("--drop", "photos", "--yes").returncode == 0
    assert run("--list").stdout == ""
    restored = command("search", "a cat", "--json", DATA_DIR=str(tmp_path / "backup"))
    assert len(json.loads(restored.stdout)["hits"]) == 10
