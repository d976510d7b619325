"""Answers as text: for a terminal and for a pipe."""

import os
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from gallery.printable import counted, printable
from search.answer import Answer, AnswerGroup, AnswerHit


def format_table(answer: Answer, *, by_date: bool = False) -> str:
    """Return lines of rank, score, probability if there are any, and path, for a terminal, which breaks them itself.

    Hits ordered by date, or without a query, show the date as well. Near-duplicates are folded; other
    groups come below their name. Paths are links, and relative to the current folder where that is shorter.
    """
    from rich.console import Console
    from rich.text import Text

    near = all(group.name == group.hits[0].path for group in answer.groups)
    shown = [*answer.hits, *(hit for group in answer.groups for hit in group.hits)]
    dates = max(len(hit.day) for hit in shown) if shown and (by_date or not answer.scored) else 0
    matched = any(hit.probability is not None for hit in answer.hits)
    console = Console(file=StringIO(), force_terminal=True)
    with console.capture() as captured:
        for number, hit in enumerate(answer.hits):
            group = answer.groups[number] if answer.groups else None
            if group and not near:
                console.print(Text(printable(group.name), "bold"), soft_wrap=True)
            for place, member in enumerate(group.hits if group and not near else [hit]):
                line = Text(_worth(member, dates=dates, matched=matched, ranked=not place))
                line.append(printable(shown_path(member.path)), f"link {Path(member.path).as_uri()}")
                if member.at:
                    line.append(f" at {member.at}")
                if reason := why(member):
                    line.append(f"  {reason}", "dim")
                if member.copies:
                    line.append(f"  {member.copies}", "dim")
                if group and near and len(group.hits) > 1:
                    line.append(f"  +{len(group.hits) - 1} alike", "dim")
                console.print(line, soft_wrap=True)
    return captured.get()


def why(hit: AnswerHit) -> str:
    """Return why a picture was found, if that was requested.

    >>> why(AnswerHit(1, .03, None, "/a", "", [], 1, 1, "", None, None, "", [], "", 1, "", cosine=.271, words=["dog"]))
    'cosine 0.271; words: dog'
    """
    parts = [] if hit.cosine is None else [f"cosine {hit.cosine:.3f}"]
    return "; ".join([*parts, f"words: {', '.join(map(printable, hit.words))}"] if hit.words else parts)


def summary(answer: Answer) -> str:
    """Return how many pictures were found, of how many, and in what time."""
    seconds = f"{sum(answer.seconds.values()):.2f} s"
    shown = len(answer.hits)
    if not shown:
        return "No picture in the collection matches this."
    what = _groups(answer.groups) if answer.groups else counted(shown, "picture")
    if answer.total is not None and (answer.more or answer.groups):
        what += f", out of {answer.total}"
    return f"{what}; {seconds}"


def shown_path(path: str, here: str | None = None) -> str:
    """Return a path as seen from a folder: relative if that is shorter.

    >>> shown_path("/home/me/photos/a.jpg", "/home/me"), shown_path("/mnt/a.jpg", "/home/me/photos")
    ('photos/a.jpg', '/mnt/a.jpg')
    """
    relative = os.path.relpath(path, here)
    return relative if len(relative) < len(path) else path


def format_groups(groups: Sequence[AnswerGroup]) -> str:
    """Return a line `rank<TAB>score<TAB>path<TAB>group` per hit, where rank is the group's."""
    return "".join(f"{_fields(hit)}\t{printable(group.name)}\n" for group in groups for hit in group.hits)


def format_tsv(hits: Sequence[AnswerHit]) -> str:
    """Return a line `rank<TAB>score<TAB>path` per hit; control characters in a path become backslash escapes.

    A probability is the fourth field; the reason, if requested, is the last. Without a query, the date takes the place
    of the score.
    """
    return "".join("\t".join(_columns(hit)) + "\n" for hit in hits)


def _columns(hit: AnswerHit) -> list[str]:
    probability = [] if hit.probability is None else [f"{hit.probability:.6f}"]
    return [_fields(hit), *probability, *filter(None, [why(hit)])]


def _fields(hit: AnswerHit) -> str:
    score = hit.date if hit.score is None else f"{hit.score:.6f}"
    return f"{hit.rank}\t{score}\t{printable(hit.path)}"


def _worth(hit: AnswerHit, *, dates: int, matched: bool, ranked: bool) -> str:
    columns = [f"{hit.rank if ranked else '':>4}"]
    if hit.score is not None:
        columns.append(f"{hit.score:6.3f}")
    if matched:
        columns.append("" if hit.probability is None else f"{hit.probability:4.0%} match")
    if dates:
        columns.append(hit.day.ljust(dates))
    return "  ".join(columns) + "  "


def _groups(groups: Sequence[AnswerGroup]) -> str:
    number = sum(len(group.hits) for group in groups)
    pictures = counted(number, "picture")
    return pictures if number == len(groups) > 1 else f"{counted(len(groups), 'group')} of {pictures}"
