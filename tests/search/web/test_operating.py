"""What whoever runs the page relies on: its log, its probes, and that it never opens to others by mistake."""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from letter_encoder import LetterEncoder
from served import Served, listening, served, served_again, until

import search.cli
from gallery.errors import BadInput, CollectionError
from gallery.settings import Settings
from gallery.vectors import Vectors
from search.collections import Collections
from search.engine import SearchEngine
from search.web import readiness
from search.web.api import create_app
from search.web.limits import Limits
from search.web.logs import log_to_stderr
from search.web.serve import serve


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served")) as running:
        yield running


def lines(caplog: pytest.LogCaptureFixture, count: int) -> list[str]:
    """Return what the page logged, once these are so many lines: it logs after it has answered."""

    def logged() -> list[str]:
        return [said for record in caplog.records if "static" not in (said := record.getMessage())]

    until(lambda: len(logged()) >= count)
    return logged()


def test_a_failed_request_is_logged_with_its_reason_and_without_its_query(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def opener(_name: str, _before: Sequence[SearchEngine]) -> SearchEngine:
        raise CollectionError("the server\nis away")

    settings = Settings(tmp_path)
    collections = Collections("drawn", lambda: ["drawn"], opener)
    with (
        listening(create_app(collections, settings)) as address,
        httpx.Client(base_url=address) as client,
        caplog.at_level(logging.WARNING, "search"),
    ):
        until(lambda: client.get("/health").status_code == 200)
        assert client.get("/api/search?q=secret").status_code == 503
        said = client.get("/ready")
        assert said.status_code == 503
        assert "away" not in said.text, "strangers may ask this"
        first, second = lines(caplog, 2)
    assert first.startswith("GET /api/search 503 in ")
    assert first.endswith("s: the server\\nis away")
    assert second.startswith("GET /ready 503 in ")
    assert second.endswith("is away")


def test_every_request_is_logged_where_that_is_wanted_and_none_with_its_query(
    page: Served, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "search"):
        page.client.get("/api/search?q=secret")
        page.client.get("/api/search?q=secret:thing")
        found, refused = lines(caplog, 2)
    assert found.startswith("GET /api/search 200 in ")
    assert refused.startswith("GET /api/search 400 in ")
    assert "secret" not in found + refused


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(BadInput, match="set it to one of: debug, info"):
        log_to_stderr("loud")


class StuckEncoder(LetterEncoder):
    """Waits before it encodes, and counts how often it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.free, self.asked = threading.Event(), 0

    def encode_texts(self, texts: list[str]) -> Vectors:  # type: ignore[override]
        self.asked += 1
        self.free.wait(10)
        return super().encode_texts(texts)


def test_probes_are_answered_soon_and_share_one_search(page: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "SECONDS", 0.2)
    stuck = StuckEncoder()
    with served_again(page.settings, page.photos, encoder=stuck) as other, ThreadPoolExecutor(4) as pool:
        started = time.monotonic()
        answers = list(pool.map(lambda _: httpx.get(f"{other.address}/ready", timeout=10).status_code, range(8)))
        assert answers == [503] * 8
        assert time.monotonic() - started < 5, "the search would take ten"
        assert stuck.asked == 1
        stuck.free.set()
        until(lambda: other.client.get("/ready").status_code == 200)


def test_a_body_that_is_too_large_is_a_problem_like_others(page: Served) -> None:
    def parts() -> Iterator[bytes]:
        yield from [b"x" * 600] * 3

    with served_again(page.settings, page.photos, Limits(upload_bytes=1_000)) as other:
        for content in (b"x" * 1_001, parts()):
            refused = other.client.post("/api/search/image", content=content)
            assert refused.status_code == 413
            assert refused.headers["content-type"] == "application/problem+json"
            assert "too large" in refused.json()["detail"]


def test_other_machines_are_let_in_by_a_token_or_on_purpose_only(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"set SEARCH_TOKEN .* or add --allow-no-token"):
        serve(Settings(tmp_path), None, "0.0.0.0", 0, print)
    alone = CliRunner().invoke(search.cli.main, ["--allow-no-token", "cat"])
    assert (alone.exit_code, "goes with --serve" in alone.output) == (2, True)
