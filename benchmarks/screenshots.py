"""Takes the README's screenshots of the page, with the example photos: `make ingest`, then this."""

from io import BytesIO
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import ViewportSize, sync_playwright

from benchmarks.page import page_running

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--font-render-hinting=none"]
Scheme = Literal["dark", "light"]
SHOTS: list[tuple[str, str, ViewportSize, Scheme]] = [
    ("page.webp", "/?q=a+castle+on+a+hill", {"width": 1200, "height": 800}, "light"),
    ("page-dark.webp", "/", {"width": 1200, "height": 800}, "dark"),
    ("page-phone.webp", "/?q=a+cat", {"width": 390, "height": 780}, "light"),
]


def shoot(address: str, folder: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for name, path, viewport, scheme in SHOTS:
            page = browser.new_page(viewport=viewport, color_scheme=scheme)
            page.goto(address + path)
            page.wait_for_load_state("networkidle")
            save(page.screenshot(), folder / name)
            page.close()
        browser.close()


def save(png: bytes, path: Path) -> None:
    """Save as WebP, which needs a fifth of a PNG's bytes; a palette would make stripes of skies, or speckle them."""
    with Image.open(BytesIO(png)) as image:
        image.convert("RGB").save(path, quality=90, method=6)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def main() -> None:
    with page_running() as (address, _):
        shoot(address, Path("docs"))


if __name__ == "__main__":
    main()
