"""Which code made a report."""

import subprocess
from pathlib import Path

UNKNOWN = "unknown"


def commit_of(tree: Path = Path(__file__).parents[1]) -> str:
    """Return the commit of a tree, with `-dirty` if files were changed since; `unknown` without git.

    An installed package lies in no repository of its own, and not in that which its environment may lie in.
    """
    if not (tree / ".git").exists():  # a folder, or in a further worktree a file
        return UNKNOWN
    asked = ["git", "-C", str(tree), "describe", "--always", "--dirty", "--abbrev=10"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words
    except OSError:  # there is no git here, and the measurement is made
        return UNKNOWN
    return done.stdout.strip() if done.returncode == 0 else UNKNOWN
