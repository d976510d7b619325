"""Takes the README's screenshots of the page, with the example photos: `make ingest`, then this."""

from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import ViewportSize, sync_playwright

from benchmarks.page import page_running

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--font-render-hinting=none"]
Scheme = Literal["dark", "light"]
SHOTS: list[tuple[str, str, ViewportSize, Scheme]] = [
    ("page.png", "/?q=a+sailing+ship+on+the+sea", {"width": 1200, "height": 800}, "light"),
    ("page-dark.png", "/", {"width": 1200, "height": 800}, "dark"),
    ("page-phone.png", "/?q=a+cat", {"width": 390, "height": 780}, "light"),
]


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
    """Reduce to 256 colours, dithered, for a fraction of the bytes."""
    with Image.open(path) as image:
        rgb = image.convert("RGB")
    rgb.quantize(palette=rgb.quantize(256), dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def main() -> None:
    folder = Path("docs")
    with page_running() as (address, _):
        shoot(address, folder)
    for name, *_ in SHOTS:
        smaller(folder / name)


if __name__ == "__main__":
    main()
