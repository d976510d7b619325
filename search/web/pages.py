"""The page's HTML."""

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gallery.printable import printable
from gallery.records import ImageRecord
from gallery.stores.payload import date_of
from search.answers import SearchAnswer
from search.web.asking import LAST_PAGE, Asked

Facets = Mapping[str, Mapping[str | int, int]]
WIDTHS = ((800, "800 px or wider"), (1600, "1600 px or wider"), (3000, "3000 px or wider"))
_NARROWEST, _WIDEST = 40, 320
"""Hundredths: width over height of the tiles; what is longer than that is shown whole in a tile of that shape."""


class Pages:
    """Fills the templates. Everything is escaped: file names are written by others."""

    def __init__(self, folder: Path) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {"day": day, "printable": printable, "bytes": bytes_said}
        self._environment.globals |= {
            "ratio": ratio,
            "name": os.path.basename,
            "widths": WIDTHS,
            "last_page": LAST_PAGE,
        }

    def results(self, asked: Asked, answer: SearchAnswer, facets: Facets, *, poor: bool = False) -> str:
        """Return the page with what was found; `poor` says that none of it matches well."""
        return self._render("results.html", asked, answer=answer, facets=_short(facets), poor=poor)

    def refused(self, asked: Asked, sentence: str, facets: Facets) -> str:
        """Return the page that says why a search makes no sense."""
        return self._render("refused.html", asked, sentence=sentence, facets=_short(facets))

    def waking(self, asked: Asked, sentence: str) -> str:
        """Return the page that is shown until the model is there; it asks again by itself."""
        return self._render("waking.html", asked, sentence=sentence, facets={})

    def detail(self, asked: Asked, record: ImageRecord, alike: SearchAnswer) -> str:
        """Return the page of one picture."""
        return self._render("detail.html", asked, image=record, date=date_of(record), alike=alike, facets={})

    def error(self, status: int, sentence: str) -> str:
        """Return a page that says what went wrong."""
        return self._render("error.html", Asked(), status=status, sentence=sentence, facets={})

    def _render(self, name: str, asked: Asked, **values: Any) -> str:  # noqa: ANN401 - what each template needs
        text = self._environment.get_template(name).render(asked=asked, **values)
        return text.encode("utf-8", "replace").decode()


def ratio(width: int, height: int) -> str:
    """Return the class of a tile for a picture: its shape, in steps of a twentieth; a star ends those cut off.

    >>> ratio(300, 200), ratio(100, 5000)
    ('r150', 'r40 whole')
    """
    exact = 100 * width / max(height, 1)
    shape = min(max(5 * round(exact / 5), _NARROWEST), _WIDEST)
    return f"r{shape}" if abs(exact - shape) <= 5 else f"r{shape} whole"


def day(date: str) -> str:
    """Return a date as people read it.

    >>> day("2021-06-07T12:00:00Z")
    '7 June 2021'
    """
    moment = datetime.fromisoformat(date)
    return f"{moment.day} {moment:%B} {moment.year}"


def bytes_said(size: int) -> str:
    """Return a file's size as people read it.

    >>> bytes_said(2_345_678), bytes_said(999)
    ('2.3 MB', '1 kB')
    """
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{max(size / 1e3, 1):.0f} kB"


def _short(facets: Facets) -> dict[str, list[tuple[str | int, str, int]]]:
    """Return value, what is shown of it, and count: folders without what all of them begin with."""
    folders = [str(value) for value in facets.get("folder", {})]
    shared = _shared(folders)
    return {
        key: [
            (value, (str(value)[shared:] or str(value)) if key == "folder" else str(value), count)
            for value, count in sorted(values.items(), key=lambda item: item[0], reverse=key == "year")
        ]
        for key, values in facets.items()
        if len(values) > 1
    }


def _shared(folders: list[str]) -> int:
    if len(folders) < 2:
        return 0
    first, last = min(folders), max(folders)
    same = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return first.rfind("/", 0, same) + 1
