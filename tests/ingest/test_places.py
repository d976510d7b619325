"""The commands that move a collection, as a user types them."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gallery.settings import Settings
from gallery.spec import Spec
from gallery.stores import open_store, tuning
from ingest.cli import main

SPEC = Spec(encoder="letters", dimension=64, space="letters-1", text="letters-1")


@pytest.fixture
def settings(tmp_path: Path, make_record: Callable[..., Any], unit_rows: Callable[..., Any]) -> Settings:
    settings = Settings(tmp_path / "data")
    with contextlib.closing(open_store(settings).edit("photos")) as editor:
        editor.begin(SPEC)
        editor.upsert([make_record(number) for number in range(30)], unit_rows(30))
        editor.finish()
    return settings


@pytest.fixture
def run(settings: Settings) -> Callable[..., Result]:
    def run(*arguments: str) -> Result:
        return CliRunner(env={"DATA_DIR": str(settings.data_dir), "QDRANT_URL": ""}).invoke(main, arguments)

    return run


def test_copy_to_a_folder_and_beside_itself(run: Callable[..., Result], settings: Settings, tmp_path: Path) -> None:
    done = run("--copy-to", str(tmp_path / "backup"))
    assert done.exit_code == 0, done.output
    assert "30 pictures, 30 of them now; 30 compared and equal" in done.stderr
    assert "0 of them now" in run("--copy-to", str(tmp_path / "backup")).stderr
    assert run("--copy-to", str(settings.data_dir), "--as", "second").exit_code == 0
    for place, name in ((Settings(tmp_path / "backup"), "photos"), (settings, "second")):
        with contextlib.closing(open_store(place).open(name)) as copy:
            assert copy.count() == 30


def test_what_cannot_be_copied_is_said_in_a_sentence(run: Callable[..., Result], settings: Settings) -> None:
    onto_itself = run("--copy-to", str(settings.data_dir))
    assert (onto_itself.exit_code, "--as" in onto_itself.stderr) == (1, True)
    assert run("--copy-to", "elsewhere", "--collection", "none").exit_code == 1
    assert run("--as", "name", "--list").exit_code == 2
    assert run("--copy-to", "elsewhere", "--list").exit_code == 2


def test_thumbnails_are_pointed_elsewhere(run: Callable[..., Result], settings: Settings) -> None:
    done = run("--set-public-url", "https://photos.example/")
    assert (done.exit_code, "https://photos.example/thumbs/" in done.stderr) == (0, True)
    with contextlib.closing(open_store(settings).open()) as collection:
        assert collection.public_url() == "https://photos.example"
    assert run("--set-public-url", "photos").exit_code == 1
    assert run("--set-public-url", "").exit_code == 0
    with contextlib.closing(open_store(settings).open()) as collection:
        assert collection.public_url() is None


def test_the_list_says_what_to_do_about_one_that_is_too_large(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "--copy-to" not in run("--list").stderr
    monkeypatch.setattr(tuning, "OUTGROWN_FROM", 30)
    done = run("--list")
    assert "ingest --copy-to http://127.0.0.1:6333 --collection photos" in done.stderr
    assert "--copy-to" not in done.stdout
