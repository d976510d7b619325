"""A report as blocks that are written as Markdown and as HTML."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape


@dataclass(frozen=True, slots=True)
class Block:
    """One part of a report.

    Attributes:
        kind: `heading`, `text`, `table`, `plot` or `code`.
        text: Of a plot, what it shows.
        rows: Of a table, the first of them its head.
        file: Of a plot, its name beside the report.
    """

    kind: str
    text: str = ""
    rows: Sequence[Sequence[str]] = ()
    file: str = ""


def heading(text: str) -> Block:
    """Return a heading below the title."""
    return Block("heading", text)


def text(*sentences: str) -> Block:
    """Return a paragraph."""
    return Block("text", " ".join(sentences))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Block:
    """Return a table."""
    return Block("table", rows=[head, *rows])


def plot(file: str, shows: str) -> Block:
    """Return a plot, with what it shows for those who do not see it."""
    return Block("plot", shows, file=file)


def code(lines: str) -> Block:
    """Return lines to be typed."""
    return Block("code", lines)


def render(template: str, **values: object) -> str:
    """Fill one of the package's templates; what goes into HTML is escaped."""
    environment = Environment(
        loader=PackageLoader("eval"),
        autoescape=template.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["marked"] = _marked
    return environment.get_template(template).render(**values)


def _marked(text: str) -> Markup:
    """Turn the two marks of Markdown that the report uses into HTML."""
    safe = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", str(escape(text)))
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", safe))  # noqa: S704 - escaped above
