"""Pictures in the terminal: sharp if it supports them, or else in coloured half blocks."""

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

from PIL import Image
from rich.console import Console

from gallery.errors import BadInput, UnreadableImage
from gallery.extras import install
from gallery.printable import printable
from search.answer import AnswerHit

ROWS = 12
"""How many terminal lines a picture takes."""


def show_previews(
    hits: Sequence[AnswerHit], thumbnail: Callable[[AnswerHit], bytes], console: Console | None = None
) -> None:
    """Print every hit's picture, with its rank, score and path below it.

    Raises:
        BadInput: The package that shows pictures is not installed.
    """
    screen = console or Console()
    as_image = _renderable()
    for hit in hits:
        try:
            with Image.open(BytesIO(thumbnail(hit)), formats=["JPEG"]) as image:
                screen.print(as_image(image.convert("RGB"), width="auto", height=ROWS))
        except UnreadableImage as error:
            screen.print(str(error), markup=False, highlight=False)
        worth = hit.day if hit.score is None else f"{hit.score:.3f}"
        at = f" at {hit.at}" if hit.at else ""
        screen.print(f"{hit.rank}  {worth}  {printable(hit.path)}{at}", markup=False, highlight=False, soft_wrap=True)


def _renderable() -> Callable[..., Any]:
    """Return the function that makes a picture printable, after asking the terminal what it supports.

    Kitty's protocol or sixels, or else half blocks, which are also used without a terminal.
    """
    try:
        from textual_image import renderable
    except ImportError as error:
        raise BadInput(f"--preview needs a package: {install('preview')}") from error
    best: Callable[..., Any] = renderable.Image
    return renderable.HalfcellImage if best is renderable.UnicodeImage else best
