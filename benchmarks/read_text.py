"""How much of the text in pictures is read, and at what cost: 100 drawn pictures, and the example photos.

    python -m benchmarks.read_text

The drawn pictures have Latin words in three sizes, three fonts and two angles: notes, screenshots, and signs on photos.
Writes results/read_text.md and results/read_text.json; exits with 1 if a goal is missed: 95 % of the words, and on two
processors 0.35 s for a picture without text and 1.2 s for one with text. As in `ingest --read-text` on two processors,
two threads each read one picture at a time, so on an idle machine a picture takes half its processor time.
"""

import random
import re
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from pandas import DataFrame
from PIL import Image, ImageDraw, ImageFont

from benchmarks.results import write_results
from benchmarks.small import saved
from gallery.folding import folded_words
from gallery.pictures import open_image
from gallery.pictures.text import DETAIL, Networks, TextReader

BICUBIC = Image.Resampling.BICUBIC
PICTURES = 100
PHOTOS = Path("examples/photos")
FONTS = ("DejaVuSans.ttf", "STIXGeneral.ttf", "DejaVuSansMono.ttf")
SIZES = (16, 28, 48)
ANGLES = (0, 8)
PROCESSORS = 2
LEAST_WORDS, MOST_EMPTY, MOST_FULL = 0.95, 0.35, 1.2
WORDS = Path(__file__).with_name("words.txt").read_text(encoding="utf-8").split()


@dataclass(frozen=True)
class Drawn:
    """A picture and the words that were drawn into it."""

    kind: str
    size: int
    angle: int
    rgb: Image.Image
    words: list[str]


def main() -> None:
    """Measure, print a table, and exit with 1 if a goal is missed."""
    reader = Networks()
    reader.read(Image.new("RGB", (64, 64)))
    drawn = [draw(number) for number in range(PICTURES)]
    files = [saved(each.rgb, "PNG" if each.kind == "screenshot" else "JPEG", quality=90) for each in drawn]
    full, answers, clock_full = _timed(reader, files)
    found = [_read_of(each.words, answer) for each, answer in zip(drawn, answers, strict=True)]
    photos = sorted(PHOTOS.rglob("*.jpg"))
    empty, none, clock_photos = _timed(reader, [saved(_whole(path), "JPEG", quality=90) for path in photos])
    without = np.array([cpu for cpu, answer in zip(empty, none, strict=True) if not answer])
    words = sum(len(each.words) for each in drawn)
    share = sum(found) / words
    rows: dict[str, float | str] = {"reader": reader.name, "drawn pictures": len(drawn), "words": words}
    rows |= {"words read, %": round(100 * share, 1)}
    of_each = DataFrame({"found": found, "words": [len(each.words) for each in drawn]})
    for name in ("kind", "size", "angle"):
        sums = of_each.groupby([getattr(each, name) for each in drawn], sort=False).sum()
        rows |= {f"of {name} {value}, %": round(100 * of.found / of.words, 1) for value, of in sums.iterrows()}
    rows |= _costs("with text", np.array(full)) | _costs("photos without text", without)
    rows |= {"photos": len(photos), "of which some text was read": sum(map(bool, none))}
    rows |= {"drawn pictures, by the clock, s": round(clock_full, 2), "photos, by the clock, s": round(clock_photos, 2)}
    write_results("read_text", "Text in pictures", rows)
    missed = share < LEAST_WORDS or without.mean() / PROCESSORS > MOST_EMPTY or np.mean(full) / PROCESSORS > MOST_FULL
    sys.exit(1 if missed else 0)


def draw(number: int) -> Drawn:
    """Draw one of the pictures, cycling through every combination of kind, size, font and angle."""
    chance = random.Random(number)
    size, angle = SIZES[number % 3], ANGLES[number // 3 % 2]
    kind = ("note", "screenshot", "sign")[number // 6 % 3]
    font = ImageFont.truetype(str(Path(mpl.get_data_path()) / "fonts" / "ttf" / FONTS[number // 18 % 3]), size)
    words = chance.sample(WORDS, {16: 24, 28: 16, 48: 8}[size])
    lines = [" ".join(words[start : start + 4]) for start in range(0, len(words), 4)]
    rgb = {"note": _note, "screenshot": _screenshot, "sign": _sign}[kind](lines, font, angle, chance)
    return Drawn(kind, size, angle, rgb, words)


def _note(lines: list[str], font: ImageFont.FreeTypeFont, angle: int, _: random.Random) -> Image.Image:
    """Draw lines on a sheet of paper."""
    sheet = Image.new("RGB", (1200, 900), "white")
    block = _block(lines, font, "black", "white")
    sheet.paste(block.rotate(angle, BICUBIC, expand=True, fillcolor="white"), (60, 60))
    return sheet


def _screenshot(lines: list[str], font: ImageFont.FreeTypeFont, angle: int, chance: random.Random) -> Image.Image:
    """Draw a window with a bar, rules and buttons; turned, it is a photo of a screen."""
    screen = Image.new("RGB", (1440, 900), "#20242c")
    pen = ImageDraw.Draw(screen)
    pen.rectangle((0, 0, 1440, 40), fill="#3a3f4b")
    for y, line in enumerate(lines):
        top = 80 + y * round(font.size * 2.2)
        pen.rectangle((40, top - 8, 1400, top + font.size + 12), fill="#2b303b", outline="#4a5060")
        pen.text((60 + chance.randrange(200), top), line, font=font, fill="#d8dee9")
    return screen.rotate(angle, BICUBIC, expand=True, fillcolor="#808080")


def _sign(lines: list[str], font: ImageFont.FreeTypeFont, angle: int, chance: random.Random) -> Image.Image:
    """Put a sign on a photo."""
    photo = _whole(chance.choice(sorted(PHOTOS.rglob("*.jpg"))))
    ground, ink = chance.choice([("#f5f0dc", "#222222"), ("#0b5394", "white"), ("#f1c232", "black")])
    sign = _block(lines, font, ink, ground)
    mask = Image.new("L", sign.size, 255).rotate(angle, BICUBIC, expand=True)
    photo.paste(sign.rotate(angle, BICUBIC, expand=True), (40, 40), mask)
    return photo


def _block(lines: list[str], font: ImageFont.FreeTypeFont, ink: str, ground: str) -> Image.Image:
    text, step = "\n".join(lines), round(font.size * 0.5)
    pen = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    left, top, right, bottom = pen.multiline_textbbox((0, 0), text, font, spacing=step)
    block = Image.new("RGB", (int(right - left) + 40, int(bottom - top) + 40), ground)
    ImageDraw.Draw(block).multiline_text((20 - left, 20 - top), text, ink, font, spacing=step)
    return block


def _whole(path: Path) -> Image.Image:
    """Return a photo in the size in which telephones take them: the examples are small."""
    rgb = open_image(str(path)).rgb
    ratio = 1600 / max(rgb.size)
    return rgb.resize((round(rgb.width * ratio), round(rgb.height * ratio)), BICUBIC)


def _timed(reader: TextReader, files: Sequence[bytes]) -> tuple[list[float], list[str], float]:
    """Return each picture's seconds of processor time, with decoding, and its text; and the total by the clock."""

    def read(data: bytes) -> tuple[float, str]:
        began = time.thread_time()
        lines = reader.read(open_image(data, DETAIL).rgb)
        return time.thread_time() - began, " ".join(line.text for line in lines)

    began = time.perf_counter()
    with ThreadPoolExecutor(PROCESSORS) as pool:
        seconds, texts = zip(*pool.map(read, files), strict=True)
    return list(seconds), list(texts), (time.perf_counter() - began) / len(files)


def _read_of(words: Sequence[str], text: str) -> int:
    """Return how many of the words occur as whole words in a text, ignoring case and accents, as in a search."""
    there = set(re.findall(r"\w+", folded_words(text)))
    return sum(folded_words(word) in there for word in words)


def _costs(what: str, seconds: NDArray[np.float64]) -> dict[str, float | str]:
    mean, high = float(seconds.mean()), float(np.percentile(seconds, 95))
    return {
        f"{what}, processor time, s: mean (95 %)": f"{mean:.2f} ({high:.2f})",
        f"{what}, on {PROCESSORS} processors, s": round(mean / PROCESSORS, 3),
    }


if __name__ == "__main__":
    main()
