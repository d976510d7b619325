"""A small collection of drawn pictures, and a real server for it."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import uvicorn
from letter_encoder import COLOURS, LetterEncoder
from PIL import Image

from gallery.encoders import PictureEncoder
from gallery.records import Caption
from gallery.settings import Settings
from gallery.stores import open_store
from ingest.captions import CaptionsByPath
from ingest.pipeline import ingest
from search.collections import Collections
from search.current import NotReadyError
from search.engine import SearchEngine
from search.towers import Towers
from search.web.api import create_app
from search.web.batching import BatchingTexts
from search.web.limits import Limits
from search.web.serve import listen

HOSTILE = "<script>alert(1)<&\"'.png"
SHAPES = {"red": (60, 40), "green": (40, 60), "blue": (50, 50), "gold": (90, 40), "black": (30, 30)}


def draw(folder: Path) -> None:
    """Draw a picture of each colour into two folders, one of them again under a hostile name and in another size."""
    for name, colour in COLOURS.items():
        path = folder / ("warm" if name in ("red", "gold") else "cold") / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", SHAPES[name], colour).save(path)
    Image.new("RGB", (1000, 700), COLOURS["blue"]).save(folder / "cold" / HOSTILE, "PNG")
    Image.new("RGB", (64, 48), COLOURS["green"]).save(folder / "cold" / "leaf.jpg")


def draw_alike(folder: Path) -> None:
    """Draw what `draw` draws, and three pictures of one pattern in three sizes, and one of another pattern."""
    draw(folder)
    for name, size, steps in (("a1", 300, 3), ("a2", 200, 3), ("a3", 120, 3), ("b", 300, 7)):
        rows = [[(steps * x * y // 3) % 100 + 100 for x in range(30)] for y in range(30)]
        pattern = Image.fromarray(np.array(rows, np.uint8)).resize((size, size), Image.Resampling.BICUBIC)
        Image.merge("RGB", [pattern, Image.new("L", pattern.size), Image.new("L", pattern.size)]).save(
            folder / f"{name}.png"
        )


def index(settings: Settings, folder: Path, encoder: PictureEncoder, *, change: bool = False) -> None:
    """Bring all pictures of a folder into the collection `drawn`; with `change` also if it has another encoder."""
    captions = CaptionsByPath([Caption("red.png", "a red thing <b>")], folder / "warm")
    editor = open_store(settings).edit("drawn")
    try:
        if change:
            editor.change(encoder.spec)
        ingest([folder], editor, lambda: encoder, captions=captions)
    finally:
        editor.close()


@dataclass(frozen=True)
class Served:
    """A running page."""

    address: str
    client: httpx.Client
    settings: Settings
    photos: Path
    encoder: LetterEncoder
    collections: Collections

    def id_of(self, name: str) -> str:
        """Return the id of the picture whose file has this name."""
        hits = self.client.get("/api/search?limit=50").json()["hits"]
        return str(next(hit["id"] for hit in hits if Path(hit["path"]).name == name))


@contextlib.contextmanager
def listening(app: Callable[..., object]) -> Iterator[str]:
    """Serve an app from a thread, and yield its address."""
    with listen("127.0.0.1", 0) as taken:
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=2))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{taken.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)


@contextlib.contextmanager
def served(root: Path, drawing: Callable[[Path], None] = draw) -> Iterator[Served]:
    """Draw, index and serve, all below `root`."""
    settings, photos = Settings(data_dir=root / "data"), root / "photos"
    drawing(photos)
    index(settings, photos, LetterEncoder())
    with served_again(settings, photos) as page:
        yield page


@contextlib.contextmanager
def served_again(
    settings: Settings,
    photos: Path,
    limits: Limits | None = None,
    encoder: LetterEncoder | None = None,
    *,
    secret: str = "",
    changes: Path | None = None,
    hide_places: bool = False,
) -> Iterator[Served]:
    """Serve what is indexed already."""
    letters = encoder or LetterEncoder()
    batching = BatchingTexts(letters)

    def opener(name: str, loaded: Sequence[SearchEngine]) -> SearchEngine:
        return SearchEngine.open(settings, name, text_encoder=Towers(batching, lambda: letters), loaded=loaded)

    collections = Collections("drawn", open_store(settings).names, opener)
    app = create_app(collections, settings, limits, secret=secret, changes=changes, hide_places=hide_places)
    with listening(app) as address, httpx.Client(base_url=address, timeout=10) as client:
        until(lambda: client.get("/static/page.css").status_code in (200, 401, 403))
        until(lambda: _opens(collections))
        yield Served(address, client, settings, photos, letters, collections)
    batching.close()


def _opens(collections: Collections) -> bool:
    try:
        collections.engine()
    except NotReadyError:
        return False
    return True


def until(true: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.02)
