"""Takes the pictures of the page that the README shows, of the example photos: `make ingest`, then this."""

import argparse
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import uvicorn
from PIL import Image
from playwright.sync_api import ViewportSize, sync_playwright

from gallery.collection import open_collection
from gallery.encoder import load_encoder
from gallery.settings import Settings
from search.api import create_app
from search.engine import SearchEngine
from search.live import Live, Opened

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--font-render-hinting=none"]
Scheme = Literal["dark", "light"]
SHOTS: list[tuple[str, str, ViewportSize, Scheme]] = [
    ("page.png", "/?q=a+sailing+ship+on+the+sea", {"width": 1200, "height": 800}, "light"),
    ("page-dark.png", "/", {"width": 1200, "height": 800}, "dark"),
    ("page-phone.png", "/?q=a+cat", {"width": 390, "height": 780}, "light"),
]


@contextlib.contextmanager
def served(collection: str) -> Iterator[str]:
    """Serve a collection in a thread, and yield its address."""
    settings = Settings.from_environ()

    def opener(_before: Opened | None) -> Opened:
        opened = open_collection(settings, collection)
        encoder = load_encoder(opened.spec.encoder, settings.device)
        return Opened(SearchEngine(encoder, opened), encoder, opened)

    live = Live(opener)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(create_app(live, settings), log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not live.is_open():
            time.sleep(0.2)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()


def shoot(address: str, folder: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for name, path, viewport, scheme in SHOTS:
            page = browser.new_page(viewport=viewport, color_scheme=scheme)
            page.goto(address + path)
            page.wait_for_load_state("networkidle")
            page.screenshot(path=folder / name)
            page.close()
        browser.close()


def smaller(path: Path) -> None:
    """Keep 256 colours, dithered: a fraction of the bytes."""
    with Image.open(path) as image:
        rgb = image.convert("RGB")
    rgb.quantize(palette=rgb.quantize(256), dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--collection", default="examples")
    parser.add_argument("--out", type=Path, default=Path("docs"))
    options = parser.parse_args()
    options.out.mkdir(exist_ok=True)
    with served(options.collection) as address:
        shoot(address, options.out)
    for name, *_ in SHOTS:
        smaller(options.out / name)


if __name__ == "__main__":
    main()
