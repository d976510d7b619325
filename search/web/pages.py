"""The page's HTML."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gallery.pictures import SUFFIXES
from gallery.printable import printable, shown_second
from gallery.records import ImageRecord
from gallery.stores import date_of
from search.answer import Answer, AnswerHit
from search.keys import KEYS, ORIENTATIONS
from search.query import quoted
from search.web.address import LAST_PAGE, PER_PAGE, Address

Facets = Mapping[str, Mapping[str | int, int]]
WIDTHS = ((">=800", "800 px or wider"), (">=1600", "1600 px or wider"), (">=3000", "3000 px or wider"))
MOST_CHOICES = 1000
"""Values that a filter of the page lists; others can be typed."""
_TITLES = {
    400: "This request has an error",
    401: "A token is needed",
    409: "Not possible now",
    413: "Too large",
    415: "Not a picture",
}
_NARROWEST, _WIDEST = 40, 320
"""Bounds of the tiles' aspect ratio, in hundredths; a longer picture is shown whole in a tile of that shape."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The pictures before and after one in the results."""

    before: AnswerHit | None = None
    after: AnswerHit | None = None


class Pages:
    """Fills the templates. Everything is escaped, because file names come from others."""

    def __init__(self, folder: Path, *, may_change: bool = False, gives_files: bool = True) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {"day": day, "printable": printable, "bytes": bytes_said, "quoted": quoted}
        self._environment.filters |= {"sentence": sentence, "second": shown_second}
        self._environment.globals |= {
            "ratio": ratio,
            "suffixes": ",".join(sorted(SUFFIXES)),
            "name": os.path.basename,
            "widths": WIDTHS,
            "orientations": ORIENTATIONS,
            "keys": KEYS,
            "last_page": LAST_PAGE,
            "per_page": PER_PAGE,
            "may_change": may_change,
            "gives_files": gives_files,
        }

    def results(self, prefix: str, address: Address, answer: Answer, facets: Facets, collections: Sequence[str]) -> str:
        """Return the page with what was found."""
        values = {"answer": answer, "facets": choices(facets), "collections": collections}
        return self._render("results.html", prefix, address, **values)

    def refused(self, prefix: str, address: Address, sentence: str, facets: Facets) -> str:
        """Return the page that says why a search is invalid."""
        return self._render("refused.html", prefix, address, sentence=sentence, facets=choices(facets))

    def waking(self, prefix: str, address: Address, sentence: str) -> str:
        """Return the page that is shown until the encoder is loaded; it reloads itself."""
        return self._render("waking.html", prefix, address, sentence=sentence, facets={})

    def detail(
        self,
        prefix: str,
        address: Address,
        record: ImageRecord,
        alike: Answer,
        around: Neighbours,
        dashboard: str | None,
    ) -> str:
        """Return the page of one picture."""
        values = {"image": record, "date": date_of(record), "alike": alike, "around": around, "dashboard": dashboard}
        return self._render("detail.html", prefix, address, **values, facets={})

    def help(self, prefix: str) -> str:
        """Return the page that explains the query language and the keys."""
        return self._render("help.html", prefix, Address(), facets={})

    def error(self, prefix: str, status: int, sentence: str) -> str:
        """Return a page that says what went wrong."""
        title = _TITLES.get(status) or HTTPStatus(status).phrase.capitalize()
        return self._render("error.html", prefix, Address(), title=title, sentence=sentence, facets={})

    def _render(self, name: str, prefix: str, address: Address, **values: Any) -> str:  # noqa: ANN401 - of each template
        state = address.to(page=address.page).query_string

        def to(changed: Address, path: str = "/") -> str:
            return f"{prefix}{path}?{changed.query_string}" if changed.query_string else f"{prefix}{path}"

        def picture(hit: AnswerHit) -> str:
            """Return the address of a hit's own page within its results; faster than `Address.to`."""
            return f"{prefix}/pictures/{hit.id}?{f'{state}&' if state else ''}at={hit.rank}"

        text = self._environment.get_template(name).render(
            prefix=prefix, address=address, to=to, picture=picture, **values
        )
        return text.encode("utf-8", "replace").decode()


def ratio(width: int, height: int) -> str:
    """Return the class of a picture's tile: its shape in steps of a twentieth, and `whole` for one beyond the bounds.

    >>> ratio(300, 200), ratio(100, 5000)
    ('r150', 'r40 whole')
    """
    exact = 100 * width / max(height, 1)
    shape = min(max(5 * round(exact / 5), _NARROWEST), _WIDEST)
    return f"r{shape}" if abs(exact - shape) <= 5 else f"r{shape} whole"


def day(date: str) -> str:
    """Return a date as people read it.

    >>> day("2021-06-07T12:00:00Z")
    '7 Jun 2021'
    """
    moment = datetime.fromisoformat(date)
    return f"{moment.day} {moment:%b} {moment.year}"


def sentence(text: str) -> str:
    """Return a message as a sentence: with a capital letter and a full stop.

    >>> sentence("there is no such picture; search again"), sentence("Did you mean it?")
    ('There is no such picture; search again.', 'Did you mean it?')
    """
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?")) else ".")


def bytes_said(size: int) -> str:
    """Return a file's size as people read it.

    >>> bytes_said(2_345_678), bytes_said(999)
    ('2.3 MB', '1 kB')
    """
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{max(size / 1e3, 1):.0f} kB"


@dataclass(frozen=True, slots=True)
class Choice:
    """A value to filter by: the value, its label, and how many pictures have it."""

    value: str
    shown: str
    count: int


@dataclass(frozen=True, slots=True)
class Choices:
    """Values of a filter, and how many more there are that are not listed."""

    listed: list[Choice]
    more: int


def choices(facets: Facets) -> dict[str, Choices]:
    """Return the choices for every filter that has more than one value.

    Folders are shown without their common beginning.
    """
    shared = _shared([str(value) for value in facets.get("folder", {})])
    chosen = {}
    for key, values in facets.items():
        ordered = sorted(values.items(), key=lambda item: str(item[0]).replace("/", "\0"), reverse=key == "year")
        start = shared if key == "folder" else 0
        listed = [
            Choice(str(value), str(value)[start:] or str(value), count) for value, count in ordered[:MOST_CHOICES]
        ]
        chosen[key] = Choices(listed, len(ordered) - len(listed))
    return {key: found for key, found in chosen.items() if len(found.listed) > 1}


def _shared(folders: list[str]) -> int:
    if len(folders) < 2:
        return 0
    first, last = min(folders), max(folders)
    same = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return first.rfind("/", 0, same) + 1
