"""Hits as text: for a terminal, for a pipe, as JSON."""

from collections.abc import Mapping, Sequence
from io import StringIO

from gallery.printable import printable
from gallery.records import Hit
from search.answers import search_answer, to_json


def format_table(hits: Sequence[Hit], width: int) -> str:
    """Return a table of rank, score, probability if there are any, and path, for a terminal of `width` columns."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    calibrated = any(hit.probability is not None for hit in hits)
    table = Table("rank", "score", *["match"] * calibrated, "path")
    for rank, hit in enumerate(hits, 1):
        match = [_percent(hit.probability)] * calibrated
        table.add_row(str(rank), f"{hit.score:.3f}", *match, Text(printable(hit.image.path), overflow="fold"))
    console = Console(file=StringIO(), width=width, force_terminal=True)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def format_tsv(hits: Sequence[Hit]) -> str:
    """Return a line `rank<TAB>score<TAB>path` per hit; odd characters in a path are backslash escapes.

    A hit with a probability has it as a fourth field.
    """
    return "".join(
        f"{rank}\t{hit.score:.6f}\t{printable(hit.image.path)}"
        + ("" if hit.probability is None else f"\t{hit.probability:.6f}")
        + "\n"
        for rank, hit in enumerate(hits, 1)
    )


def format_json(hits: Sequence[Hit], *, query: str, encoder: str, collection: str, seconds: Mapping[str, float]) -> str:
    """Return one JSON object; a byte of a path that is not UTF-8 is a lone surrogate."""
    return to_json(search_answer(hits, query=query, encoder=encoder, collection=collection, seconds=seconds))


def _percent(probability: float | None) -> str:
    return "" if probability is None else f"{probability:.0%}"
