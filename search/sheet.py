"""Picture sheets: hits as one picture, or as one HTML file that needs nothing else, the score above each."""

import base64
import html
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path, PurePath

from PIL import Image, ImageDraw, ImageFont

from gallery.errors import BadInput, UnreadableImage
from gallery.printable import printable
from gallery.records import Hit

HEIGHT, WIDTH = 200, 1600
"""Pixels of a picture's height, and of the sheet's width; the pictures of a query go on in a new line where need be."""
_GAP, _MARGIN, _LABEL, _HEADING = 10, 24, 22, 40
_MOST_ELONGATED = 4
_INK, _QUIET, _GROUND, _MISSING = "#1c1d20", "#5d6068", "#ffffff", "#e8e9ec"

Thumbnail = Callable[[Hit], bytes]
"""Returns a hit's picture as a small JPEG, or raises UnreadableImage."""


@dataclass(frozen=True, slots=True)
class Row:
    """A query and what it found."""

    query: str
    hits: Sequence[Hit]


@dataclass(frozen=True, slots=True)
class _Tile:
    picture: Image.Image
    label: str
    x: int
    y: int


def write_sheet(path: Path, rows: Sequence[Row], thumbnail: Thumbnail) -> None:
    """Write a sheet, one row per query: `.png` or `.html` by the path's suffix.

    Raises:
        BadInput: The suffix is another one, or the file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in (".png", ".html"):
        raise BadInput(f"{path} ends in neither .png nor .html; give a sheet one of these names")
    try:
        if suffix == ".html":
            path.write_text(html_sheet(rows, thumbnail), encoding="utf-8", errors="replace")
        else:
            picture_sheet(rows, thumbnail).save(path, optimize=True)
    except OSError as error:
        raise BadInput(f"{path} cannot be written ({error}); give another path to --sheet") from error


def picture_sheet(rows: Sequence[Row], thumbnail: Thumbnail) -> Image.Image:
    """Return the sheet as a picture of `WIDTH` pixels."""
    headings: list[tuple[str, int]] = []
    tiles: list[_Tile] = []
    y = _MARGIN
    for row in rows:
        headings.append((row.query, y))
        placed = list(_placed(row.hits, thumbnail, y + _HEADING))
        tiles += placed
        y = max((tile.y for tile in placed), default=y + _HEADING - HEIGHT) + HEIGHT + _MARGIN
    sheet = Image.new("RGB", (WIDTH, y), _GROUND)
    draw = ImageDraw.Draw(sheet)
    for query, at in headings:
        draw.text((_MARGIN, at), _fitting(query or "newest", 24, WIDTH - 2 * _MARGIN), _INK, _font(24))
    for tile in tiles:
        draw.text((tile.x, tile.y - _LABEL + 3), _fitting(tile.label, 13, tile.picture.width), _QUIET, _font(13))
        sheet.paste(tile.picture, (tile.x, tile.y))
    return sheet


def html_sheet(rows: Sequence[Row], thumbnail: Thumbnail) -> str:
    """Return the sheet as one HTML file, the pictures inside it."""
    parts = [_HEAD]
    for row in rows:
        parts.append(f"<h2>{html.escape(row.query or 'newest')}</h2>\n<div>\n")
        for hit in row.hits:
            path = html.escape(printable(hit.image.path))
            try:
                data = base64.b64encode(thumbnail(hit)).decode()
                shown = f'<img src="data:image/jpeg;base64,{data}" alt="{path}" height="{HEIGHT}">'
            except UnreadableImage:
                shown = f"<p>{path}<br>cannot be shown</p>"
            parts.append(
                f'<figure title="{path}"><figcaption>{html.escape(_label(hit))}</figcaption>{shown}</figure>\n'
            )
        parts.append("</div>\n")
    return "".join(parts)


_HEAD = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Found</title>
<style>
:root { color-scheme: light dark } body { font: 15px/1.4 system-ui, sans-serif; margin: 2rem }
div { display: flex; flex-wrap: wrap; gap: .75rem } figure { margin: 0 } img { border-radius: 8px; max-width: 100% }
figcaption { opacity: .75; font-size: 13px; max-width: 20rem; overflow: hidden; text-overflow: ellipsis }
</style>
"""


def _placed(hits: Sequence[Hit], thumbnail: Thumbnail, top: int) -> Iterator[_Tile]:
    x, y = _MARGIN, top + _LABEL
    for hit in hits:
        picture = _picture(hit, thumbnail)
        if x > _MARGIN and x + picture.width > WIDTH - _MARGIN:
            x, y = _MARGIN, y + HEIGHT + _LABEL + _GAP
        yield _Tile(picture, _label(hit), x, y)
        x += picture.width + _GAP


def _picture(hit: Hit, thumbnail: Thumbnail) -> Image.Image:
    """Return a hit's picture, `HEIGHT` high; of one that cannot be read, a grey field."""
    shape = min(max(hit.image.width / max(hit.image.height, 1), 1 / _MOST_ELONGATED), _MOST_ELONGATED)
    size = (round(HEIGHT * shape), HEIGHT)
    try:
        with Image.open(BytesIO(thumbnail(hit)), formats=["JPEG"]) as image:
            return image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    except UnreadableImage:
        return Image.new("RGB", size, _MISSING)


def _label(hit: Hit) -> str:
    probability = "" if hit.probability is None else f" ({hit.probability:.0%})"
    return f"{hit.score:.3f}{probability}  {printable(PurePath(hit.image.path).name)}"


def _fitting(text: str, size: int, width: int) -> str:
    """Return as much of a line as fits into a width."""
    line = " ".join(text.encode("utf-8", "replace").decode().split())[:400]
    font = _font(size)
    if font.getlength(line) <= width:
        return line
    while line and font.getlength(line + "…") > width:
        line = line[:-1]
    return line + "…"


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return a font with many scripts if the system has one that is known here, else Pillow's own."""
    for name in ("NotoSans-Regular.ttf", "DejaVuSans.ttf", "Arial.ttf"):
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)
