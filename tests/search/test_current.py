"""An answer never comes from a state replaced before the question: in Python, and over HTTP."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from letter_encoder import LetterEncoder
from memory_server import memory_server
from PIL import Image
from served import draw, index, served

import ingest.cli
from gallery.calibration import Calibration, save_calibration
from gallery.errors import CollectionError, EncoderError, GalleryError, Unreachable
from gallery.records import ImageRecord
from gallery.settings import Settings
from gallery.stores import open_store
from gallery.vectors import Vectors
from search import open_collection
from search.collections import Collections
from search.current import CurrentEngine, NotReadyError
from search.engine import SearchEngine
from search.web.batching import BatchingTexts

pytestmark = pytest.mark.filterwarnings("ignore:Local mode performs exact")


class Mirrored(LetterEncoder):
    """The same letters, counted in the opposite order: its vectors cannot be compared with the other's."""

    def __init__(self) -> None:
        super().__init__()
        self.spec = replace(self.spec, encoder="mirrored", space="mirrored", text="mirrored")

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        return np.ascontiguousarray(super().encode_texts(texts)[:, ::-1])


@pytest.fixture(params=["embedded", "memory"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    with memory_server() as url:
        yield Settings(tmp_path / "data", qdrant_url=url if request.param == "memory" else None)


def drawn(settings: Settings, folder: Path) -> Path:
    draw(folder)
    index(settings, folder, LetterEncoder())
    return folder


def add(settings: Settings, photos: Path, name: str) -> None:
    Image.new("RGB", (10 + len(name), 10), "white").save(photos / name)
    index(settings, photos, LetterEncoder())


def test_python_sees_what_was_published_before_it_asked(settings: Settings, tmp_path: Path) -> None:
    photos = drawn(settings, tmp_path / "photos")
    with open_collection("drawn", settings, text_encoder=LetterEncoder()) as collection:
        for number in range(3):
            before = len(collection)
            add(settings, photos, f"{'new' * (number + 1)}.png")
            assert len(collection) == before + 1
            found = [Path(hit.path).name for hit in collection.search(limit=100, group=None).hits]
            assert f"{'new' * (number + 1)}.png" in found
        open_store(settings).drop("drawn")
        # The client's stand-in for a server raises what no server does.
        expected = (CollectionError, ValueError) if settings.qdrant_url else CollectionError
        for _ in range(2):
            with pytest.raises(expected):
                collection.search("red")


def test_the_page_sees_what_was_published_before_it_was_asked(tmp_path: Path) -> None:
    with served(tmp_path) as page:
        pictures = 7
        for number in range(3):
            add(page.settings, page.photos, f"{'new' * (number + 1)}.png")
            pictures += 1
            assert page.client.get("/api/search?q=red").json()["total"] == pictures
            assert f"{'new' * (number + 1)}.png" in page.client.get("/?stacks=apart").text
        arguments = ["--forget", str(page.photos / "warm"), "--collection", "drawn", "--yes"]
        environment = {"DATA_DIR": str(page.settings.data_dir), "QDRANT_URL": None}
        assert CliRunner().invoke(ingest.cli.main, arguments, env=environment).exit_code == 0
        assert page.client.get("/api/search?q=red&limit=50").json()["total"] == pictures - 2
        assert "red.png" not in page.client.get("/?stacks=apart&q=red").text
        open_store(page.settings).drop("drawn")
        for path in ("/api/search?q=red", "/api/facets", "/", "/api/collection"):
            assert page.client.get(path).status_code == 404, path


class Slow:
    """Opens engines of a collection, the encoder `mirrored` only when it may."""

    def __init__(self, settings: Settings) -> None:
        self.may_load = threading.Event()
        self.wrong: GalleryError | None = None
        self._settings = settings

    def __call__(self, loaded: Sequence[SearchEngine]) -> SearchEngine:
        if self.wrong:
            raise self.wrong
        try:
            return SearchEngine.open(self._settings, "drawn", text_encoder=LetterEncoder(), loaded=loaded)
        except CollectionError:  # it is of another space
            self.may_load.wait(10)
            return SearchEngine.open(self._settings, "drawn", text_encoder=Mirrored(), loaded=loaded)


def test_while_another_encoder_is_loaded_nobody_gets_an_answer_of_the_old_one(
    settings: Settings, tmp_path: Path
) -> None:
    photos = drawn(settings, tmp_path / "photos")
    slow = Slow(settings)
    current = CurrentEngine(slow, patience=0.2)
    first = current.get()
    index(settings, photos, Mirrored(), change=True)
    for _ in range(3):
        with pytest.raises(NotReadyError):
            current.get()
    slow.may_load.set()
    until(lambda: current.get().collection.spec.encoder == "mirrored")
    assert current.get() is not first


def test_the_encoder_stays_where_it_is_the_same(settings: Settings, tmp_path: Path) -> None:
    photos = drawn(settings, tmp_path / "photos")
    current = CurrentEngine(Slow(settings))
    first = current.get()
    assert current.get() is first, "it is not opened for nothing"
    for best in (0.9, 0.8):
        before = current.get()
        save_calibration(settings, first.towers.texts.spec, Calibration("isotonic", (0.0, 1.0), (0.1, best)))
        assert current.get() is not before
        assert current.get().towers is first.towers
        assert current.get().search("gold")[0].probability == pytest.approx(best)
    assert photos.exists()


def test_what_cannot_be_opened_is_told_and_tried_again(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "data")
    photos = drawn(settings, tmp_path / "photos")
    opener = Slow(settings)
    current = CurrentEngine(opener)
    current.get()
    opener.wrong = EncoderError("no memory")
    add(settings, photos, "new.png")
    for _ in range(2):
        with pytest.raises(EncoderError, match="no memory"):
            current.get()
    opener.wrong = None
    until(lambda: answers(current))
    assert current.get().collection.count() == 8


def answers(current: CurrentEngine) -> bool:
    try:
        current.get()
    except GalleryError:
        return False
    return True


def test_a_disk_that_is_away_for_a_moment_leaves_all_as_it_is() -> None:
    class Away(SearchEngine):
        def __init__(self) -> None:
            pass

        def is_current(self) -> bool:
            raise OSError(5, "Input/output error")

    away = Away()
    current = CurrentEngine(lambda _: away)
    assert [current.get() for _ in range(3)] == [away] * 3


def test_a_server_that_is_away_leaves_no_answer_from_before() -> None:
    class Away(SearchEngine):
        def __init__(self) -> None:
            pass

        def is_current(self) -> bool:
            raise Unreachable("the server is away")

    asked: list[int] = []

    def names() -> list[str]:
        asked.append(1)
        return ["drawn"]

    collections = Collections("drawn", names, lambda _name, _before: Away())
    with pytest.raises(Unreachable, match="is away"):
        collections.engine("drawn")
    assert not asked, "which would take as long again"


def test_many_who_ask_at_once_wait_for_one_opening(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "data")
    drawn(settings, tmp_path / "photos")
    opened: list[int] = []

    def opener(loaded: Sequence[SearchEngine]) -> SearchEngine:
        opened.append(1)
        time.sleep(0.2)
        return SearchEngine.open(settings, "drawn", text_encoder=LetterEncoder(), loaded=loaded)

    current = CurrentEngine(opener)
    threads = [threading.Thread(target=current.get) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert opened == [1]


def test_collections_share_an_encoder(
    settings: Settings, tmp_path: Path, make_record: Callable[..., ImageRecord]
) -> None:
    drawn(settings, tmp_path / "photos")
    for name, encoder in (("birds", LetterEncoder()), ("mirrors", Mirrored())):
        with closing(open_store(settings).edit(name)) as editor:
            editor.begin(encoder.spec)
            editor.upsert([make_record(1)], encoder.encode_texts(["abc"]))
            editor.finish()

    def opener(name: str, loaded: Sequence[SearchEngine]) -> SearchEngine:
        encoder = Mirrored() if name == "mirrors" else LetterEncoder()
        return SearchEngine.open(settings, name, text_encoder=encoder, loaded=loaded)

    collections = Collections("drawn", open_store(settings).names, opener)
    engines = {name: collections.engine(name) for name in ("mirrors", "drawn", "birds")}
    assert engines["birds"].towers is engines["drawn"].towers is not engines["mirrors"].towers


def test_an_encoder_that_nobody_asks_ends_its_thread() -> None:
    import gc

    encoder = BatchingTexts(LetterEncoder())
    assert encoder.encode_texts(["a"]).shape == (1, 26)
    assert encoder.count_tokens("a b") == 2
    thread = encoder._thread
    del encoder
    gc.collect()
    thread.join(5)
    assert not thread.is_alive()


def until(true: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until a condition holds; not being ready counts as not holding."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if true():
                return
        except NotReadyError:
            pass
        time.sleep(0.02)
    raise AssertionError("it never came to be")
