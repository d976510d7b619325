"""A million random lines for the query language.

    python -m benchmarks.fuzz_query [--lines N] [--seed S]

Each is understood or refused with QueryError, and what is printed of it reads the same. Exits with 1 if not.
"""

import random
import sys
import time
import traceback

import click

from search.parsing import parse_query
from search.query import QueryError

WORDS = r"""
a dog well-known ½ - + -cat +x 2* 0*a 0.5*red 3*4 -- -2 like: like:a.jpg " folder: -folder:alps +path:x
path:*.jpg before:2021 after:20 year: 2019..2021 year> width>= 640 height< has: captions camera: : = ' don't é
собака 🐕 -🐈 http://x/y?z=1 * 99999999999999999999 ٣
"""
PIECES = [*WORDS.split(), '"wet dog"', '\\"', "\\", "\t", " ", "  ", "\n", "\u2003", "\x00", "\udcff"]


@click.command()
@click.option("--lines", default=1_000_000, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(lines: int, seed: int) -> None:
    """Draw lines until there are enough, or one fails."""
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
    seconds = time.monotonic() - started
    print(f"{lines} lines, seed {seed}: {refused} refused, the others read the same when printed; {seconds:.0f} s")


def draw(chance: random.Random) -> str:
    """Return a line of pieces, or of any characters."""
    if chance.random() < 0.2:
        return "".join(chr(chance.choice((chance.randrange(128), chance.randrange(0x110000)))) for _ in range(12))
    between = chance.choice(("", " ", " "))
    return between.join(chance.choice(PIECES) for _ in range(chance.randrange(10)))


if __name__ == "__main__":
    main()
