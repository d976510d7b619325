"""A report names the commit of the code that made it, and is written without git, too."""

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from gallery.revision import commit_of, made_with

NEEDS_GIT = pytest.mark.skipif(not shutil.which("git"), reason="there is no git")


def git(tree: Path, *words: str) -> str:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    done = subprocess.run(["git", "-C", str(tree), *who, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    tree.mkdir()
    git(tree, "init", "-q")
    (tree / "code.py").write_text("1\n")
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "Begin")
    return tree


@NEEDS_GIT
def test_the_commit_is_named_and_what_was_changed_since_is_marked(tree: Path) -> None:
    commit = git(tree, "rev-parse", "--short=10", "HEAD")
    assert commit_of(tree) == commit
    (tree / "results").mkdir()
    (tree / "results" / "kill.md").write_text("0\n")
    git(tree, "add", "-A")
    assert commit_of(tree) == commit, "a result that was written changes no code"
    (tree / "code.py").write_text("2\n")
    assert commit_of(tree) == f"{commit}-dirty"


@NEEDS_GIT
def test_a_further_worktree_has_its_own_commit(tree: Path, tmp_path: Path) -> None:
    git(tree, "worktree", "add", "-q", "-b", "other", str(tmp_path / "other"))
    (tmp_path / "other" / "code.py").write_text("3\n")
    git(tmp_path / "other", "commit", "-q", "-a", "-m", "Go on")
    assert commit_of(tmp_path / "other") == git(tmp_path / "other", "rev-parse", "--short=10", "HEAD")
    assert commit_of(tmp_path / "other") != commit_of(tree)


@NEEDS_GIT
def test_a_package_that_is_installed_within_a_repository_is_not_its_commit(tree: Path) -> None:
    installed = tree / "site-packages"
    installed.mkdir()
    assert commit_of(installed) == "unknown"


def test_without_git_it_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit_of(tmp_path) == "unknown"


def test_a_figure_names_what_made_it() -> None:
    made = made_with("make eval", ["numpy", "no-such-package"])
    assert made["command"] == "make eval"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", made["date"])
    assert made["versions"] == f"Python {platform.python_version()}, numpy {np.__version__}"
    assert made["machine"].startswith(f"{os.cpu_count()} cores, ")
