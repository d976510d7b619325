"""Asks the API what schemathesis makes up from its own description, with ids of real pictures.

Ends with 1 if anything is a failure: an error of the server, an answer that the description does not have, a request
that fits the description and is refused, or one that does not and is taken. The one exception: the upload takes any
bytes by its description, but not all bytes are a picture.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.request import urlopen

from benchmarks.page import served
from gallery.settings import Settings

UPLOAD = "/api/search/image"
IDS = 3


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
    print(f"runs\t{len(runs)}\ncases\t{cases}\nruns with failures\t{failed}")
    return 1 if failed else 0


def schemathesis(address: str, id: str | None, options: list[str]) -> tuple[int, str]:
    """Run it once, with one id for all routes that take one; without, with made-up ids. Return exit code and output."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "schemathesis.toml"
        config.write_text(f'[parameters]\n"path.id" = "{id}"\n' if id else "")
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run"]
        command += [f"{address}/api/openapi.json", "--checks", "all", "--workers", "2", "--no-color", *options]
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)
    return done.returncode, done.stdout[-8000:] + done.stderr[-2000:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--collection", default="examples")
    parser.add_argument("--examples", type=int, default=300, help="per operation and phase")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with served(Settings.from_environ(), options.collection) as address:
        raise SystemExit(run(address, options.examples, options.seed))


if __name__ == "__main__":
    main()
