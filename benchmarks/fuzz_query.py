"""Fuzzes the query language with a million random lines, and the page and the API with a thousand of them.

    python -m benchmarks.fuzz_query [--lines N] [--asked N] [--seed S]

Each line must parse or be refused with QueryError; a parsed query, printed, must parse to the same query. The page and
the API must answer with 200, or with 400 and a sentence. Exits with 1 if not; writes results/fuzz_query.md and
results/fuzz_query.json.
"""

import random
import sys
import time
import traceback
from collections import Counter

import click
import httpx

from benchmarks.page import page_running
from benchmarks.results import write_results
from search.parsing import parse_query
from search.query import QueryError

WORDS = r"""
a dog well-known ½ - + -cat +x 2* 0*a 0.5*red 3*4 -- -2 like: like:a.jpg " folder: -folder:alps +path:x
path:*.jpg before:2021 after:20 year: 2019..2021 year> width>= 640 height< has: captions camera: : = ' don't é
OR NOT AND ( ) (folder:photos orientation:portrait -(format:png NOT( has:duplicates has:captions format:jpeg
собака 🐕 -🐈 http://x/y?z=1 * 99999999999999999999 ٣
"""
PIECES = [*WORDS.split(), '"wet dog"', '\\"', "\\", "\t", " ", "  ", "\n", "\u2003", "\x00", "\udcff"]


@click.command()
@click.option("--lines", default=1_000_000, show_default=True)
@click.option("--asked", default=1000, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(lines: int, asked: int, seed: int) -> None:
    """Draw lines until there are enough, or one fails."""
    refused, seconds = read(lines, seed)
    with page_running() as (address, _):
        answered = ask(address, asked, seed)
    rows: dict[str, float | str] = {
        "lines that were read": lines,
        "of these refused, with a sentence": refused,
        "of the others, read differently when printed": 0,
        "seconds": round(seconds),
        "lines that were asked": asked,
        "answers": ", ".join(f"{count} of {name} with {status}" for (name, status), count in sorted(answered.items())),
    }
    write_results("fuzz_query", "Random lines of the query language", rows | {"seed": seed})


def ask(address: str, lines: int, seed: int) -> Counter[tuple[str, int]]:
    """Send random lines to the page and the API, and return how many answers had each status."""
    chance = random.Random(seed + 1)
    answered = Counter[tuple[str, int]]()
    with httpx.Client(base_url=address, timeout=60) as client:
        for number in range(lines):
            line = draw(chance).encode("utf-8", "replace").decode()
            for name, path in (("the API", "/api/search"), ("the page", "/")):
                answer = client.get(path, params={"q": line})
                answered[name, answer.status_code] += 1
                if answer.status_code not in (200, 400) or "Traceback" in answer.text:
                    sys.exit(f"line {number} of seed {seed}: {name} answers {line!r} with {answer.status_code}")
    return answered


def read(lines: int, seed: int) -> tuple[int, float]:
    """Parse random lines, and return how many were refused, and the seconds it took."""
    chance = random.Random(seed)
    started, refused = time.monotonic(), 0
    for number in range(lines):
        line = draw(chance)
        try:
            query = parse_query(line)
        except QueryError:
            refused += 1
            continue
        except Exception:  # noqa: BLE001 - what is being looked for
            traceback.print_exc()
            sys.exit(f"line {number} of seed {seed}: {line!r}")
        if parse_query(str(query)) != query:
            sys.exit(f"line {number} of seed {seed}: {line!r} is {query!r}, and what is printed of it is not: {query}")
    return refused, time.monotonic() - started


def draw(chance: random.Random) -> str:
    """Return a random line, made of pieces of the grammar or of any characters."""
    if chance.random() < 0.2:
        return "".join(chr(chance.choice((chance.randrange(128), chance.randrange(0x110000)))) for _ in range(12))
    between = chance.choice(("", " ", " "))
    return between.join(chance.choice(PIECES) for _ in range(chance.randrange(10)))


if __name__ == "__main__":
    main()
