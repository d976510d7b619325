"""The command finds the page running here, and trusts no impostor."""

import hashlib
import http.server
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from asking import ask
from letter_encoder import LetterEncoder
from served import Served, served, served_again

from search.asked import AskedLine
from search.engine import SearchEngine
from search.web.limits import Limits
from search.web.running import ask_page, noted

SECRET = "a secret"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with (
        served(tmp_path_factory.mktemp("served")) as first,
        served_again(first.settings, first.photos, Limits(token="s3cret"), secret=SECRET) as running,
    ):
        yield replace(running, settings=replace(first.settings, search_token="s3cret"))


def note_of(page: Served) -> Path:
    return page.settings.data_dir / "page.json"


def test_the_page_answers_as_the_engine_does(page: Served) -> None:
    request = AskedLine(q="red -gold", limit=5, group="near-duplicates")
    with noted(page.settings, page.address, SECRET):
        assert note_of(page).stat().st_mode & 0o077 == 0, "nobody else may read the secret"
        found, named = ask_page(page.settings, None, request), ask_page(page.settings, "drawn", request)
    assert not note_of(page).exists()
    with SearchEngine.open(page.settings, text_encoder=LetterEncoder()) as engine:
        alone = ask(engine, "red -gold", 5, group="near-duplicates")
    for answer in (found, named):
        assert answer
        assert replace(answer, seconds={}) == replace(alone, seconds={})


def test_what_the_page_cannot_answer_is_left_to_the_command(page: Served) -> None:
    with noted(page.settings, page.address, SECRET):
        for line in (f"like:{page.photos / 'warm' / 'red.png'}", "folder:.", "year:never"):
            request = AskedLine(q="red")
            object.__setattr__(request, "q", line)
            assert ask_page(page.settings, "drawn", request) is None
        assert ask_page(page.settings, "drawn", AskedLine(q="red", limit=201)) is None
        assert ask_page(page.settings, "other", AskedLine(q="red")) is None
        assert ask_page(replace(page.settings, search_token="wrong"), None, AskedLine(q="red")) is None


def test_a_note_of_a_page_that_is_gone_is_not_believed(page: Served) -> None:
    mine = {"address": page.address, "process": os.getpid(), "store": None, "secret": SECRET}
    for note in (
        "{",
        "[]",
        "[" * 100_000,
        json.dumps(mine | {"address": "http://127.0.0.1:1/"}),
        json.dumps(mine | {"process": 2**22 + 1}),
        json.dumps(mine | {"store": hashlib.sha256(b"http://elsewhere:6333").hexdigest()}),
        json.dumps(mine | {"address": "nonsense"}),
        json.dumps(mine | {"address": "http://[::1"}),
        json.dumps(mine | {"secret": "another"}),
    ):
        note_of(page).write_text(note)
        assert ask_page(page.settings, "drawn", AskedLine(q="red")) is None, note[:200]
    note_of(page).write_text(json.dumps(mine))
    assert ask_page(page.settings, "drawn", AskedLine(q="red"))
    note_of(page).unlink()


def test_a_second_page_leaves_the_note_of_the_first_alone(page: Served) -> None:
    with noted(page.settings, page.address, SECRET):
        before = note_of(page).read_text()
        with noted(page.settings, "http://127.0.0.1:1/", "other"):
            assert note_of(page).read_text() == before
        assert note_of(page).read_text() == before


def test_whoever_has_the_port_of_a_page_gets_no_token(page: Served) -> None:
    told: list[str] = []

    class Impostor(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.append(f"{self.path} {self.headers}")
            body = json.dumps({"proof": "0" * 64, "collection": "drawn"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Impostor) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        with noted(page.settings, address, SECRET):
            assert ask_page(page.settings, "drawn", AskedLine(q="red")) is None
        server.shutdown()
    assert told
    assert "s3cret" not in "".join(told)
    assert "/api/search" not in "".join(told)


def test_a_page_that_is_stopped_costs_two_seconds_at_most(page: Served) -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
    with silent, noted(page.settings, address, SECRET):
        start = time.monotonic()
        assert ask_page(page.settings, "drawn", AskedLine(q="red")) is None
    assert time.monotonic() - start < 2
