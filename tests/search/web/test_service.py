"""The command finds the page that runs for its collection."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from letter_encoder import LetterEncoder
from served import Served, served

from gallery.stores.payload import date_of
from search.engine import SearchEngine
from search.web.service import RunningPage, ask_page, remove_note, running_page, write_note


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served")) as running:
        yield running


def note_of(page: Served) -> Path:
    return page.settings.data_dir / "collections" / "drawn" / "page.json"


def test_the_page_answers_as_the_engine_does(page: Served) -> None:
    write_note(page.settings, "drawn", page.address)
    found = ask_page(page.settings, None, "red -gold", {"limit": 5})
    assert found
    with SearchEngine.open(page.settings, text_encoder=LetterEncoder()) as engine:
        alone = engine.ask("red -gold", 5)
    assert (found.answer.query, found.answer.meanings, found.collection) == (alone.query, alone.meanings, "drawn")
    assert [hit.image.path for hit in found.answer.hits] == [hit.image.path for hit in alone.hits]
    assert [hit.score for hit in found.answer.hits] == pytest.approx([hit.score for hit in alone.hits], abs=1e-6)
    assert [date_of(hit.image) for hit in found.answer.hits] == [date_of(hit.image) for hit in alone.hits]


def test_what_the_page_cannot_answer_is_left_to_the_command(page: Served) -> None:
    write_note(page.settings, "drawn", page.address)
    assert ask_page(page.settings, "drawn", f"like:{page.photos / 'warm' / 'red.png'}", {}) is None
    assert ask_page(page.settings, "drawn", "year:never", {}) is None
    assert ask_page(page.settings, "drawn", "red", {"limit": 201}) is None


@pytest.mark.parametrize("changes", [{"groups": None}, {"meanings": ...}, {"wrong": ...}, {"hits": ["red"]}])
def test_a_page_of_another_version_leaves_the_command_alone(
    page: Served, monkeypatch: pytest.MonkeyPatch, changes: dict[str, object]
) -> None:
    write_note(page.settings, "drawn", page.address)
    ask = RunningPage.ask

    def other(running: RunningPage, path: str, parameters: Mapping[str, Any]) -> Mapping[str, Any] | None:
        said = ask(running, path, parameters)
        return {key: value for key, value in {**(said or {}), **changes}.items() if value is not ...}

    assert ask_page(page.settings, None, "red", {})
    monkeypatch.setattr(RunningPage, "ask", other)
    assert ask_page(page.settings, None, "red", {}) is None


def test_a_note_of_a_page_that_is_gone_is_not_believed(page: Served) -> None:
    for note in (
        "{",
        "[]",
        json.dumps({"address": "http://127.0.0.1:1/", "process": os.getpid(), "store": None}),
        json.dumps({"address": page.address, "process": 2**22 + 1, "store": None}),
        json.dumps({"address": page.address, "process": os.getpid(), "store": "http://elsewhere:6333"}),
        json.dumps({"address": "nonsense", "process": os.getpid(), "store": None}),
    ):
        note_of(page).write_text(note)
        assert running_page(page.settings, "drawn") is None, note
    write_note(page.settings, "drawn", page.address)
    assert running_page(page.settings, "drawn")
    assert running_page(page.settings, "other") is None
    remove_note(page.settings, "drawn")
    assert not note_of(page).exists()
