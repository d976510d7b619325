"""Fuzzes the API with schemathesis, from its own description and with ids of real pictures.

Exits with 1 on any failure: a server error, an undocumented response, a valid request that is refused, or an invalid
one that is accepted. The one exception: the upload's description allows any bytes, but not all bytes are a picture.
Writes results/fuzz_api.md and results/fuzz_api.json.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.request import urlopen

import click

from benchmarks.page import page_running
from benchmarks.results import write_results

UPLOAD = "/api/search/image"
IDS = 3


@click.command()
@click.option("--examples", default=100, show_default=True, help="Per operation and phase.")
@click.option("--seed", default=1, show_default=True)
def main(examples: int, seed: int) -> None:
    """Ask, and write what was answered."""
    with page_running() as (address, _):
        sys.exit(run(address, examples, seed))


def run(address: str, examples: int, seed: int) -> int:
    with urlopen(f"{address}/api/search?limit={IDS}") as answer:
        ids = [hit["id"] for hit in json.load(answer)["hits"]]
    failed = cases = 0
    runs = [(id, ["--exclude-path", UPLOAD]) for id in (None, *ids)]
    runs.append((None, ["--include-path", UPLOAD, "--exclude-checks", "positive_data_acceptance"]))
    for id, options in runs:
        code, output = schemathesis(address, id, [*options, "--max-examples", str(examples), "--seed", str(seed)])
        generated = re.search(r"(\d+) generated", output)
        cases += int(generated.group(1)) if generated else 0
        failed += code != 0 or not generated
        if code or not generated:
            print(output)
    answered = answers(address)
    errors = sum(count for (_, status), count in answered.items() if status.startswith("5"))
    rows: dict[str, float | str] = {
        "cases": cases,
        "runs": f"{len(runs)}: made-up ids, {IDS} real ones, the upload",
        "runs with failures": failed,
        "answers with 5xx": errors,
    }
    for operation in sorted({operation for operation, _ in answered}):
        statuses = {status: count for (known, status), count in sorted(answered.items()) if known == operation}
        said = ", ".join(f"{count} with {status}" for status, count in statuses.items())
        rows[f"answers of {operation}"] = f"{sum(statuses.values())}: {said}"
    title = "What schemathesis makes up from the API's description"
    write_results("fuzz_api", title, rows | {"seed": seed})
    return 1 if failed or errors else 0


def answers(address: str) -> dict[tuple[str, str], int]:
    """Return the page's own counts of answers by route and status, including unknown addresses.

    Some requests are not valid HTTP, and are refused before they are counted.
    """
    with urlopen(f"{address}/metrics") as answer:
        text = answer.read().decode()
    found = re.findall(r'^gallery_requests_total\{route="(.*?)",status="(\d+)"\} ([\d.e+]+)$', text, re.M)
    return {("no route" if route == "none" else route, status): int(float(count)) for route, status, count in found}


def schemathesis(address: str, id: str | None, options: list[str]) -> tuple[int, str]:
    """Run it once, with one id for all routes that take one, or with made-up ids. Return exit code and output."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "schemathesis.toml"
        config.write_text(f'[parameters]\n"path.id" = "{id}"\n' if id else "")
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run"]
        command += [f"{address}/api/openapi.json", "--checks", "all", "--workers", "2", "--no-color", *options]
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)
    return done.returncode, done.stdout[-8000:] + done.stderr[-2000:]


if __name__ == "__main__":
    main()
