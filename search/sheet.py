"""Picture sheets: hits as one picture, or as one HTML file that needs nothing else.

Each query stands above its pictures, and the score above each of them.
"""

import base64
import html
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePath

from PIL import Image, ImageDraw, ImageOps

from gallery.errors import BadInput, UnreadableImage
from gallery.printable import counted, printable
from search.answer import AnswerHit
from search.lettering import font_for, lines_of

HEIGHT, TALLEST, WIDTH = 200, 250, 1600
"""In pixels: the target height of a picture, its maximum height, and the sheet's width.

The pictures of a query are laid out in full-width lines of about that height.
"""
MOST_HIGH = 60_000
"""The maximum height of a sheet in pixels; a longer one must be HTML."""
_GAP, _MARGIN, _LABEL, _LINE, _LINES = 10, 24, 24, 34, 3
_MOST_ELONGATED = 4
_BIG, _SMALL = 24, 14
_INK, _QUIET, _GROUND, _MISSING, _EDGE = "#1c1d20", "#5d6068", "#ffffff", "#e8e9ec", "#dfe0e4"
_NOTHING = "no picture"

Thumbnail = Callable[[AnswerHit], bytes]
"""Returns a hit's picture as a small JPEG, or raises UnreadableImage."""


@dataclass(frozen=True, slots=True)
class Row:
    """A query and what it found."""

    query: str
    hits: Sequence[AnswerHit]


@dataclass(frozen=True, slots=True)
class _Text:
    text: str
    size: int
    colour: str
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class _Tile:
    hit: AnswerHit
    x: int
    y: int
    width: int
    height: int


def write_sheet(path: Path, rows: Sequence[Row], thumbnail: Thumbnail) -> None:
    """Write a sheet, one row per query: `.png` or `.html` by the path's suffix.

    Raises:
        BadInput: The suffix is another one, the file cannot be written, or the picture would be too high.
    """
    suffix = path.suffix.lower()
    if suffix not in (".png", ".html"):
        raise BadInput(f"--sheet writes .png or .html files only; rename {path}")
    try:
        if suffix == ".html":
            path.write_text(html_sheet(rows, thumbnail), encoding="utf-8", errors="replace")
        else:
            picture_sheet(rows, thumbnail).save(path, optimize=True)
    except OSError as error:
        raise BadInput(f"{path} cannot be written ({error.strerror}); give another path to --sheet") from error


def picture_sheet(rows: Sequence[Row], thumbnail: Thumbnail) -> Image.Image:
    """Return the sheet as a picture of `WIDTH` pixels.

    Raises:
        BadInput: It would be higher than `MOST_HIGH`.
    """
    texts: list[_Text] = []
    tiles: list[_Tile] = []
    y = _MARGIN
    for row in rows:
        for line in lines_of(row.query or "newest", _BIG, WIDTH - 2 * _MARGIN, _LINES):
            texts.append(_Text(line, _BIG, _INK, _MARGIN, y))
            y += _LINE
        placed = list(_placed(row.hits, y))
        for tile in placed:
            texts += _label(tile)
        if not placed:
            texts.append(_Text(_NOTHING, _SMALL, _QUIET, _MARGIN, y))
        tiles += placed
        y = max((tile.y + tile.height for tile in placed), default=y + _LABEL) + _MARGIN
    if y > MOST_HIGH:
        raise BadInput(
            f"a picture of {counted(len(rows), 'query', 'queries')} would be {y} pixels high; name a .html file instead"
        )
    sheet = Image.new("RGB", (WIDTH, y), _GROUND)
    draw = ImageDraw.Draw(sheet)
    for text in texts:
        draw.text((text.x, text.y), text.text, text.colour, font_for(text.text, text.size))
    for tile in tiles:
        sheet.paste(_picture(tile, thumbnail), (tile.x, tile.y))
        draw.rectangle((tile.x, tile.y, tile.x + tile.width - 1, tile.y + tile.height - 1), outline=_EDGE)
    return sheet


def html_sheet(rows: Sequence[Row], thumbnail: Thumbnail) -> str:
    """Return the sheet as one HTML file, the pictures inside it."""
    parts = [_HEAD]
    for row in rows:
        parts.append(f"<h2>{html.escape(row.query or 'newest')}</h2>\n<div>\n")
        for hit in row.hits:
            path = html.escape(printable(hit.path))
            try:
                data = base64.b64encode(thumbnail(hit)).decode()
                shown = f'<img src="data:image/jpeg;base64,{data}" alt="{path}" height="{HEIGHT}">'
            except UnreadableImage:
                shown = f"<p>{path}<br>cannot be shown</p>"
            name = html.escape(printable(PurePath(hit.path).name))
            caption = f"<figcaption><b>{_worth(hit)}</b> {name}</figcaption>"
            parts.append(f'<figure title="{path}">{caption}{shown}</figure>\n')
        parts.append("</div>\n" if row.hits else f"<p>{_NOTHING}</p></div>\n")
    return "".join(parts)


_HEAD = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Found</title>
<style>
:root { color-scheme: light dark } body { font: 15px/1.4 system-ui, sans-serif; margin: 2rem }
h2 { font-size: 1.35rem; margin: 2rem 0 .5rem; overflow-wrap: anywhere }
div { display: flex; flex-wrap: wrap; gap: .75rem } figure { margin: 0 } img { border-radius: 8px; max-width: 100% }
figcaption { font-size: 13px; width: 0; min-width: 100%; white-space: nowrap }
figcaption { overflow: hidden; text-overflow: ellipsis }
</style>
"""


def _placed(hits: Sequence[AnswerHit], top: int) -> Iterator[_Tile]:
    """Yield the positions of a query's pictures, in evenly filled lines."""
    inner = WIDTH - 2 * _MARGIN
    count = max(1, math.ceil(sum(map(_shape, hits)) * HEIGHT / inner - 0.3))
    share = sum(map(_shape, hits)) / count
    lines: list[list[AnswerHit]] = [[] for _ in range(count)]
    before = 0.0
    for hit in hits:
        lines[min(int((before + _shape(hit) / 2) / share), count - 1)].append(hit)
        before += _shape(hit)
    y = top
    for line in filter(None, lines):
        room = inner - _GAP * (len(line) - 1)
        height = min(TALLEST, int(room / sum(map(_shape, line))))
        x = _MARGIN
        for hit in line:
            width = max(1, round(height * _shape(hit)))
            yield _Tile(hit, x, y + _LABEL, width, height)
            x += width + _GAP
        y += _LABEL + height + _GAP


def _shape(hit: AnswerHit) -> float:
    """Return the aspect ratio of a hit's place in a sheet."""
    return min(max(hit.width / max(hit.height, 1), 1 / _MOST_ELONGATED), _MOST_ELONGATED)


def _picture(tile: _Tile, thumbnail: Thumbnail) -> Image.Image:
    """Return a hit's picture in the size of its place; a grey field if it cannot be read."""
    size = (tile.width, tile.height)
    try:
        with Image.open(BytesIO(thumbnail(tile.hit)), formats=["JPEG"]) as image:
            exact = image.width / image.height
            if abs(exact / _shape(tile.hit) - 1) < 0.05:
                return image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
            return ImageOps.pad(image.convert("RGB"), size, Image.Resampling.LANCZOS, _MISSING)
    except UnreadableImage:
        return Image.new("RGB", size, _MISSING)


def _label(tile: _Tile) -> Iterator[_Text]:
    """Yield a hit's score and, if there is room, its file name."""
    y = tile.y - _LABEL + 4
    worth = _worth(tile.hit)
    yield _Text(worth, _SMALL, _INK, tile.x, y)
    begin = math.ceil(font_for(worth, _SMALL).getlength(worth)) + 8
    if tile.width - begin > 2 * _SMALL:
        name = printable(PurePath(tile.hit.path).name)
        (line,) = lines_of(name, _SMALL, tile.width - begin)
        yield _Text(line, _SMALL, _QUIET, tile.x + begin, y)


def _worth(hit: AnswerHit) -> str:
    """Return a hit's score, and probability if it has one; its date where nothing was asked for; a video's time."""
    at = f" at {hit.at}" if hit.at else ""
    if hit.score is None:
        return hit.day + at
    return f"{hit.score:.3f}" + ("" if hit.probability is None else f" ({hit.probability:.0%})") + at
