"""Fuzzes the API with schemathesis, and the API and the page with random lines of the query language.

    python -m benchmarks.fuzz [--examples 220] [--lines 1000] [--seed 1]

Schemathesis works from the API's own description, with made-up ids and those of real pictures. Exits with 1 on any
failure: a server error, an undocumented response, a valid request that is refused, an invalid one that is accepted, or
a line that is answered with anything but 200, or 400 and a sentence. The one exception: the upload's description allows
any bytes, but not all bytes are a picture. Writes results/fuzz.md and results/fuzz.json.
"""

import random
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import click
import httpx

from benchmarks.page import page_running
from benchmarks.results import write_results

UPLOAD = "/api/search/image"
IDS = 3
WORDS = r"""
a dog well-known ½ - + -cat +x 2* 0*a 0.5*red 3*4 -- -2 like: like:a.jpg " folder: -folder:alps +path:x
path:*.jpg before:2021 after:20 year: 2019..2021 year> width>= 640 height< has: captions camera: : = ' don't é
OR NOT AND ( ) (folder:photos orientation:portrait -(format:png NOT( has:duplicates has:captions format:jpeg
собака 🐕 -🐈 http://x/y?z=1 * 99999999999999999999 ٣
"""
PIECES = [*WORDS.split(), '"wet dog"', '\\"', "\\", "\t", " ", "  ", "\n", "\u2003", "\x00", "\udcff"]


@click.command()
@click.option("--examples", default=220, show_default=True, help="Of schemathesis, for each operation and phase.")
@click.option("--lines", default=1000, show_default=True, help="Of the query language.")
@click.option("--seed", default=1, show_default=True)
def main(examples: int, lines: int, seed: int) -> None:
    """Ask, and write what was answered."""
    options = ["--max-examples", str(examples), "--seed", str(seed)]
    with page_running() as (address, _), httpx.Client(base_url=address, timeout=60) as client:
        lines_answered = ask_lines(client, lines, random.Random(seed))
        ids = [hit["id"] for hit in client.get(f"/api/search?limit={IDS}").json()["hits"]]
        ran = [schemathesis(address, id, ["--exclude-path", UPLOAD, *options]) for id in (None, *ids)]
        upload = ["--include-path", UPLOAD, "--exclude-checks", "positive_data_acceptance"]
        ran.append(schemathesis(address, None, [*upload, *options]))
        answered = answers(client)
    failed = sum(not is_good for _, is_good in ran)
    errors = sum(count for (_, status), count in answered.items() if status.startswith("5"))
    rows: dict[str, float | str] = {
        "lines of the query language": lines,
        "answers to them": ", ".join(
            f"{n} of {of} with {status}" for (of, status), n in sorted(lines_answered.items())
        ),
        "cases of schemathesis": sum(cases for cases, _ in ran),
        "runs": f"{len(ran)}: made-up ids, {IDS} real ones, the upload",
        "runs with failures": failed,
        "answers with 5xx": errors,
    }
    for operation in sorted({operation for operation, _ in answered}):
        statuses = {status: count for (known, status), count in sorted(answered.items()) if known == operation}
        said = ", ".join(f"{count} with {status}" for status, count in statuses.items())
        rows[f"answers of {operation}"] = f"{sum(statuses.values())}: {said}"
    write_results("fuzz", "Made-up requests and random lines", rows | {"seed": seed})
    sys.exit(1 if failed or errors else 0)


def ask_lines(client: httpx.Client, count: int, chance: random.Random) -> Counter[tuple[str, int]]:
    """Send random lines to the API and the page, and return how many answers had each status."""
    answered = Counter[tuple[str, int]]()
    for _ in range(count):
        line = draw(chance).encode("utf-8", "replace").decode()
        for name, path in (("the API", "/api/search"), ("the page", "/")):
            answer = client.get(path, params={"q": line})
            answered[name, answer.status_code] += 1
            if answer.status_code not in (200, 400) or "Traceback" in answer.text:
                sys.exit(f"{name} answers {line!r} with {answer.status_code}")
    return answered


def draw(chance: random.Random) -> str:
    """Return a random line, made of pieces of the grammar or of any characters."""
    if chance.random() < 0.2:
        return "".join(chr(chance.choice((chance.randrange(128), chance.randrange(0x110000)))) for _ in range(12))
    return chance.choice(("", " ", " ")).join(chance.choice(PIECES) for _ in range(chance.randrange(10)))


def schemathesis(address: str, id: str | None, options: list[str]) -> tuple[int, bool]:
    """Run it with one id for all routes that take one, or with made-up ids; return its cases and whether all passed."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "schemathesis.toml"
        config.write_text(f'[parameters]\n"path.id" = "{id}"\n' if id else "")
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run"]
        command += [f"{address}/api/openapi.json", "--checks", "all", "--workers", "2", "--no-color", *options]
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)
    generated = re.search(r"(\d+) generated", done.stdout)
    if done.returncode or not generated:
        print(done.stdout[-8000:] + done.stderr[-2000:])
    return int(generated[1]) if generated else 0, done.returncode == 0 and generated is not None


def answers(client: httpx.Client) -> dict[tuple[str, str], int]:
    """Return the page's own counts of answers by route and status, including unknown addresses.

    Some requests are not valid HTTP, and are refused before they are counted.
    """
    pattern = r'^gallery_requests_total\{route="(.*?)",status="(\d+)"\} ([\d.e+]+)$'
    found = re.findall(pattern, client.get("/metrics").text, re.M)
    return {("no route" if route == "none" else route, status): int(float(count)) for route, status, count in found}


if __name__ == "__main__":
    main()
