"""Text in pictures: in a font that has its letters, in as many lines as there is room for."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
LONGEST = 1000
"""How many characters of a text are looked at."""
_FONTS = (
    "NotoSans-Regular.ttf",
    "DejaVuSans.ttf",
    "Arial.ttf",
    "NotoSansCJK-Regular.ttc",
    "wqy-zenhei.ttc",
    "Arial Unicode.ttf",
    "PingFang.ttc",
    "msyh.ttc",
    "seguiemj.ttf",
)
"""Fonts in the order of preference: the first with all letters of a text is used. Latin, Greek and Cyrillic come
first."""
_NO_CHARACTER = "\U0010ffff"


def lines_of(text: str, size: int, width: int, most: int = 1) -> list[str]:
    """Wrap a text into at most a given number of lines of a width in pixels; an ellipsis marks what is cut off.

    A character that no installed font has becomes a backslash escape.
    """
    words = written(text, size).split(" ")
    font = font_for(" ".join(words), size)
    lines = [""]
    while words:
        word = words.pop(0)
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width:
            lines[-1] = longer
        elif lines[-1]:
            words.insert(0, word)
            if len(lines) == most:
                break
            lines.append("")
        else:  # a word that is wider than a line
            lines[-1] = _beginning(word, font, width)
            words.insert(0, word[len(lines[-1]) :])
            if len(lines) == most:
                break
            lines.append("")
    if words:
        lines[-1] = _beginning(f"{lines[-1]} {words[0]}".strip(), font, width - font.getlength("…")).rstrip() + "…"
    return lines


def written(text: str, size: int) -> str:
    """Return a text in one line, with backslash escapes for what cannot be drawn."""
    line = " ".join(text[:LONGEST].encode("utf-8", "backslashreplace").decode().split())
    font = font_for(line, size)
    return "".join(
        each if each == " " or (each.isprintable() and _has(font, each)) else each.encode("unicode_escape").decode()
        for each in line
    )


def font_for(text: str, size: int) -> Font:
    """Return the font that lacks the fewest characters of a text."""
    letters = sorted({each for each in text if not each.isspace()})
    return min(_fonts(size), key=lambda font: sum(not _has(font, each) for each in letters))


def _beginning(text: str, font: Font, width: float) -> str:
    """Return as much of a text as fits, at least one character."""
    end = len(text)
    while end > 1 and font.getlength(text[:end]) > width:
        end -= 1
    return text[:end]


@cache
def _has(font: Font, character: str) -> bool:
    """Whether a font has a glyph; all glyphs that it lacks are drawn as the same box."""
    return bytes(font.getmask(character)) != bytes(font.getmask(_NO_CHARACTER))


@cache
def _fonts(size: int) -> tuple[Font, ...]:
    """Return the installed fonts at a size, including the one that comes with matplotlib."""
    found: list[Font] = []
    for name in (*_FONTS, *_packaged()):
        try:
            found.append(ImageFont.truetype(name, size))
        except OSError:
            continue
    return tuple(found) or (ImageFont.load_default(size),)


def _packaged() -> list[str]:
    spec = find_spec("matplotlib")  # finds the package without importing it
    origin = spec.origin if spec else None
    return [str(Path(origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf")] if origin else []
