"""Writes figures to results/NAME.md and results/NAME.json, with their origin."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from gallery.revision import made_with

RESULTS = Path("results")
_MADE = made_with("")
"""Commit, day, machine and libraries when the measurement starts."""


def made_by(name: str, words: str | None = None) -> dict[str, str]:
    """Return command, commit, day, machine and libraries of the benchmark `name`, run with `words`.

    Without words they are those that it was given, but for folders, which are this machine's affair.
    """
    given = " ".join("IMAGES" if Path(word).exists() else word for word in sys.argv[1:]) if words is None else words
    return _MADE | {"command": f"python -m benchmarks.{name} {given}".strip()}


def write_results(name: str, title: str, rows: Mapping[str, float | str], words: str | None = None) -> None:
    """Print the figures and what made them as a table, and write them as a table and as JSON; see `made_by`."""
    rows = {**rows, **made_by(name, words)}
    lines = [f"# {title}", "", "| | |", "|---|---|", *(f"| {key} | {value} |" for key, value in rows.items())]
    _write(name, lines, rows)


def add_row(name: str, head: str, row: str, figures: Mapping[str, float | str]) -> None:
    """Write the figures as the row `row` of a table, in the place of an earlier one, beside all other rows."""
    path = RESULTS / f"{name}.json"
    rows = (json.loads(path.read_text()) if path.exists() else {}) | {row: {**figures, **made_by(name)}}
    columns = list(dict.fromkeys(column for of_row in rows.values() for column in of_row))
    cells = [["", *columns], ["---"] * (1 + len(columns))]
    cells += [[key, *(str(of_row.get(column, "")) for column in columns)] for key, of_row in rows.items()]
    _write(name, [head, "", *(f"| {' | '.join(line)} |" for line in cells)], rows)


def _write(name: str, lines: list[str], facts: object) -> None:
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text("\n".join(lines) + "\n")
    (RESULTS / f"{name}.json").write_text(json.dumps(facts, indent=1) + "\n")
    print("\n".join(lines))
