"""Where figures stand: results/NAME.md and results/NAME.json."""

import json
import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path

RESULTS = Path("results")


def machine(name: str) -> dict[str, float | str]:
    """Return the machine and the command that measured."""
    arguments = ["IMAGES" if Path(argument).exists() else argument for argument in sys.argv[1:]]
    return {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "command": " ".join([f"python -m benchmarks.{name}", *arguments]),
    }


def write_results(name: str, title: str, rows: Mapping[str, float | str]) -> None:
    """Print the figures as a table, and write them as a table and as JSON."""
    lines = [f"# {title}", "", "| | |", "|---|---|", *(f"| {key} | {value} |" for key, value in rows.items())]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text("\n".join(lines) + "\n")
    (RESULTS / f"{name}.json").write_text(json.dumps(rows, indent=1) + "\n")
    print("\n".join(lines))
