"""Patterns of ignore files: they match as in git, and fast."""

import random
import time

import pytest
from pathspec import GitIgnoreSpec

from gallery.pictures.ignoring import rules_of


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("*a" * 14 + "b", "a" * 60),
        ("*a" * 100 + "b", "a" * 255),
        ("*[ab]" * 60 + "c", "a" * 255),
        ("*a*/" * 9 + "b", ("a" * 200 + "/") * 20),
        ("**/a" * 9 + "/**/b", "a/" * 2000),
        ("**/*a*/**/*a*/**/b", "aa/" * 1300),
    ],
)
def test_no_pattern_takes_long(pattern: str, name: str) -> None:
    rules = rules_of([pattern])
    started = time.perf_counter()
    assert rules.check_file(name).include is None
    assert time.perf_counter() - started < 1


def test_patterns_exclude_what_pathspec_says() -> None:
    chance = random.Random(0)
    excluded = 0
    for _ in range(3000):
        pattern = "".join(chance.choice(["a", "b", "*", "?", ".", "/", "[ab]", "*a", "**/"]) for _ in range(6))
        if "***" in pattern:
            continue
        name = "/".join("".join(chance.choice("ab.") for _ in range(chance.randrange(1, 4))) for _ in range(3))
        try:
            wanted = GitIgnoreSpec.from_lines([pattern]).check_file(name).include
        except ValueError:
            continue
        assert rules_of([pattern]).check_file(name).include == wanted, (pattern, name)
        excluded += bool(wanted)
    assert excluded > 30
