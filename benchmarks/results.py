"""Writes figures to results/NAME.md and results/NAME.json, with their origin."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from gallery.revision import made_with

RESULTS = Path("results")
_MADE = made_with("")
"""The commit at the start of the measurement, before written results make the tree dirty."""


def machine(name: str) -> dict[str, str]:
    """Return command, commit, day, machine and libraries of the benchmark `name`."""
    words = ["IMAGES" if Path(argument).exists() else argument for argument in sys.argv[1:]]
    return _MADE | {"command": " ".join([f"python -m benchmarks.{name}", *words])}


def write_results(name: str, title: str, rows: Mapping[str, float | str]) -> None:
    """Print the figures as a table, and write them as a table and as JSON."""
    lines = [f"# {title}", "", "| | |", "|---|---|", *(f"| {key} | {value} |" for key, value in rows.items())]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text("\n".join(lines) + "\n")
    (RESULTS / f"{name}.json").write_text(json.dumps(rows, indent=1) + "\n")
    print("\n".join(lines))
