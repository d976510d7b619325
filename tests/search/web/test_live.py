"""A page that runs takes up what ingest publishes: other pictures, and another encoder."""

import gc
import io
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest
from lasting_client import LastingClient
from letter_encoder import LetterEncoder
from PIL import Image
from qdrant_client import QdrantClient
from served import draw, index, listening, until

from gallery.calibration import Calibration, save_calibration
from gallery.errors import EncoderError
from gallery.settings import Settings
from gallery.stores.collection import ImageCollection
from gallery.stores.server import connection as server_connection
from gallery.vectors import Vectors
from search.towers import Towers
from search.web import live as liveness
from search.web.api import create_app
from search.web.batching import BatchingTexts
from search.web.live import Live, NotReadyError, Opened
from search.web.serve import opened_now


class Mirrored(LetterEncoder):
    """The same letters, counted in the opposite order: its vectors make no sense beside the other's."""

    def __init__(self) -> None:
        super().__init__()
        self.spec = replace(self.spec, encoder="mirrored", space="mirrored", text="mirrored")

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        return np.ascontiguousarray(super().encode_texts(texts)[:, ::-1])


@pytest.fixture(params=["embedded", "memory"])
def settings(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    client = LastingClient(":memory:")
    monkeypatch.setattr(server_connection, "connect", lambda *_: client)
    yield Settings(tmp_path / "data", qdrant_url="http://memory" if request.param == "memory" else None)
    QdrantClient.close(client)


@pytest.fixture
def slow() -> threading.Event:
    """Return what has to happen before the encoder `mirrored` can be loaded."""
    return threading.Event()


@pytest.fixture
def open_towers(slow: threading.Event) -> Callable[[ImageCollection], Towers]:
    def opened(collection: ImageCollection) -> Towers:
        if collection.spec.encoder == "mirrored" and not slow.wait(10):
            raise EncoderError("it was never allowed")
        encoder = {"letters": LetterEncoder, "mirrored": Mirrored}[collection.spec.encoder]()
        return Towers(encoder, lambda: encoder)

    return opened


@pytest.fixture
def live(
    settings: Settings,
    slow: threading.Event,
    open_towers: Callable[[ImageCollection], Towers],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Live]:
    monkeypatch.setattr(liveness, "_LOOK_EVERY", 0.0)  # so that every request looks
    draw(tmp_path / "photos")
    index(settings, tmp_path / "photos", LetterEncoder())
    live = Live(lambda before: opened_now(settings, "drawn", before, open_towers))
    until(live.is_open)
    yield live
    live.close()
    slow.set()


@pytest.fixture
def page(live: Live, settings: Settings) -> Iterator[httpx.Client]:
    with (
        listening(create_app(live, settings)) as address,
        httpx.Client(base_url=address, timeout=20) as client,
    ):
        yield client


def until_replaced(live: Live, opened: Opened) -> None:
    until(lambda: live.get() is not opened)  # which answers until then


def names(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [Path(hit["path"]).name for hit in answer.json()["hits"]]


def encoder_of(page: httpx.Client) -> str | None:
    answer = page.get("/api/search?q=gold")
    return str(answer.json()["encoder"]) if answer.status_code == 200 else None


@pytest.mark.filterwarnings("ignore:Local mode performs exact")  # :memory: stands in for the server
def test_another_encoder_is_taken_up_with_its_collection(
    page: httpx.Client,
    settings: Settings,
    slow: threading.Event,
    open_towers: Callable[[ImageCollection], Towers],
    tmp_path: Path,
) -> None:
    first = opened_now(settings, "drawn", None, open_towers)
    again = opened_now(settings, "drawn", first, open_towers)
    assert again.engine.towers is first.engine.towers, "the model stays"
    picture = io.BytesIO()
    Image.new("RGB", (20, 20), "gold").save(picture, "PNG")
    sent = page.post("/picture", files={"file": ("x.png", picture.getvalue())}).headers["location"]
    assert page.get(sent).status_code == 200
    Image.new("RGB", (33, 33), "gold").save(tmp_path / "photos" / "late.png")

    index(settings, tmp_path / "photos", Mirrored(), change=True)
    end = time.monotonic() + 1.5
    while time.monotonic() < end:  # until the new one is loaded, what was there goes on
        answer = page.get("/api/search?q=gold&limit=1")
        if settings.qdrant_url:  # but on a server: the old encoder's vectors mean nothing to what the name leads to
            assert answer.status_code == 503, answer.text
        else:
            assert (answer.status_code, answer.json()["encoder"]) == (200, "letters")
        time.sleep(0.1)
    if settings.qdrant_url:
        assert page.get("/ready").status_code == 503
    slow.set()
    until(lambda: encoder_of(page) == "mirrored")

    assert set(names(page.get("/api/search?q=gold&limit=2"))) == {"gold.png", "late.png"}
    assert page.get("/api/collection").json() == {"name": "drawn", "encoder": "mirrored", "pictures": 8}
    assert page.get("/ready").status_code == 200
    refused = page.get(sent)
    assert (refused.status_code, "send it again" in refused.text) == (400, True)
    resent = page.post("/picture", files={"file": ("x.png", picture.getvalue())}).headers["location"]
    assert page.get(resent).status_code == 200
    assert set(names(page.get(f"/api/images/{page.get('/api/search?q=gold').json()['hits'][0]['id']}/similar?limit=1")))


@pytest.mark.filterwarnings("ignore:Local mode performs exact")
def test_a_calibration_is_taken_up_and_the_model_stays(settings: Settings, live: Live) -> None:
    first = live.get()
    assert first.engine.ask("gold").hits[0].probability is None
    for best in (0.9, 0.8):
        before = live.get()
        save_calibration(settings, first.collection.spec, Calibration("isotonic", (0.0, 1.0), (0.1, best)))
        until_replaced(live, before)
        assert live.get().engine.towers is first.engine.towers
        assert live.get().engine.ask("gold").hits[0].probability == pytest.approx(best)
    before = live.get()
    assert all(live.get() is before for _ in range(5)), "it is not opened for nothing"


def test_on_a_server_not_even_the_first_to_notice_gets_an_answer_of_the_old_encoder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(liveness, "_LOOK_EVERY", 0.0)
    changed, may_open = threading.Event(), threading.Event()

    class Remote:
        generation = None

        def is_current(self) -> bool:
            if threading.current_thread().name == "opening":
                may_open.wait(5)
            return not changed.is_set()

    old = Opened(engine=None, collection=Remote())  # type: ignore[arg-type]
    new = replace(old, least_score=0.5)

    def opener(before: Opened | None) -> Opened:
        if changed.is_set():
            assert before is None, "its encoder is of no use, and takes memory"
            may_open.wait(5)
            changed.clear()
            return new
        return old

    live = Live(opener)
    until(live.is_open)
    assert live.get() is old
    changed.set()
    for _ in range(3):
        with pytest.raises(NotReadyError, match="another encoder now"):
            live.get()
    may_open.set()
    until(live.is_open)
    assert live.get() is new


def test_a_disk_that_is_away_for_a_moment_leaves_all_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "_LOOK_EVERY", 0.0)

    class Away:
        generation = None

        def is_current(self) -> bool:
            raise OSError(5, "Input/output error")

    opened = Opened(engine=None, collection=Away())  # type: ignore[arg-type]
    live = Live(lambda _: opened)
    until(live.is_open)
    assert [live.get() for _ in range(3)] == [opened] * 3


def test_what_cannot_be_opened_is_tried_again_and_the_old_goes_on() -> None:
    tried: list[Opened | None] = []

    class Stale:
        generation = "1"

        def is_current(self) -> bool:
            return False

    old = Opened(engine=None, collection=Stale())  # type: ignore[arg-type]

    def opener(before: Opened | None) -> Opened:
        tried.append(before)
        if before:
            raise EncoderError("no network")
        return old

    live = Live(opener)
    until(live.is_open)
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        assert live.get() is old
        time.sleep(0.05)
    assert tried == [None, old], "a model that cannot be loaded is not asked for every second"


def test_an_encoder_that_nobody_asks_ends_its_thread() -> None:
    encoder = BatchingTexts(LetterEncoder())
    assert encoder.encode_texts(["a"]).shape == (1, 26)
    assert encoder.count_tokens("a b") == 2
    thread = encoder._thread
    del encoder
    gc.collect()
    thread.join(5)
    assert not thread.is_alive()
