"""The origin of a report: code, command, date, machine and libraries."""

import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

UNKNOWN = "unknown"
LIBRARIES = ("numpy", "onnxruntime", "qdrant-edge-py", "qdrant-client", "scikit-learn", "ir-measures", "torch")


def commit_of(tree: Path = Path(__file__).parents[1]) -> str:
    """Return the commit of a tree, with `-dirty` if files were changed since; `unknown` without git.

    Changes in `results` do not count: one measurement after the other writes there, and none reads it. An installed
    package has no repository, even if its environment lies inside one.
    """
    if not (tree / ".git").exists():  # a folder, or a file in an additional worktree
        return UNKNOWN
    commit = _git(tree, "describe", "--always", "--abbrev=10")
    changes = _git(tree, "status", "--porcelain", "--untracked-files=no", "--", ".", ":(exclude)results")
    if commit is None or changes is None:
        return UNKNOWN
    return f"{commit}-dirty" if changes else commit


def _git(tree: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(tree), *arguments], capture_output=True, text=True, check=False)  # noqa: S603, S607 - fixed words
    except OSError:  # without git, the measurement still counts
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def made_with(command: str, libraries: Sequence[str] = LIBRARIES) -> dict[str, str]:
    """Return what a figure depends on besides the data; call it when the measurement starts."""
    return {
        "command": command,
        "commit": commit_of(),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {_processor()}, {platform.system()} {platform.machine()}",
        "versions": ", ".join([f"Python {platform.python_version()}", *filter(None, map(_version, libraries))]),
    }


def _version(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return ""


def _processor() -> str:
    """Return the processor's name: Linux keeps it in a file, which `platform` does not read."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or UNKNOWN
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or UNKNOWN
