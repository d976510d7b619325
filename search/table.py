"""Hits as text: for a terminal, for a pipe, as JSON."""

from collections.abc import Sequence
from io import StringIO

from gallery.printable import printable
from gallery.records import Hit
from gallery.stores.payload import date_of
from search.answer import Answer, Group
from search.answers import to_json, whole_answer


def format_table(answer: Answer, width: int) -> str:
    """Return a table of rank, score, probability if there are any, and path, for a terminal of `width` columns.

    Browsing has the date in place of a score; grouped hits come below the name of their group.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    browsing = not answer.query.terms
    calibrated = any(hit.probability is not None for hit in answer.hits)
    table = Table("rank", "date" if browsing else "score", *["match"] * calibrated, "path")
    for rank, hit in enumerate(answer.hits, 1):
        group = answer.groups[rank - 1] if answer.groups else None
        others = group.hits[1:] if group else ()
        if others and group and group.name != hit.image.path:
            table.add_row("", "", *[""] * calibrated, Text(printable(group.name), style="bold", overflow="fold"))
        for place, member in enumerate([hit, *others]):
            table.add_row(
                "" if place else str(rank),
                date_of(member.image)[:10] if browsing else f"{member.score:.3f}",
                *[_percent(member.probability)] * calibrated,
                Text(printable(member.image.path), overflow="fold", style="dim" if place else ""),
            )
    console = Console(file=StringIO(), width=width, force_terminal=True)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def format_groups(groups: Sequence[Group]) -> str:
    """Return a line `rank<TAB>score<TAB>path<TAB>group` per hit, where rank is the group's."""
    return "".join(
        f"{rank}\t{hit.score:.6f}\t{printable(hit.image.path)}\t{printable(group.name)}\n"
        for rank, group in enumerate(groups, 1)
        for hit in group.hits
    )


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


def format_json(answer: Answer, line: str, *, encoder: str, collection: str, indent: int | None = 2) -> str:
    """Return one JSON object, in one line without `indent`; a byte of a path that is not UTF-8 is a lone surrogate."""
    return to_json(whole_answer(answer, line, encoder=encoder, collection=collection), indent=indent)


def _percent(probability: float | None) -> str:
    return "" if probability is None else f"{probability:.0%}"
