"""Shell completion with the Tab key."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import doctest_gallery
import pytest
from click.testing import CliRunner

import baseline.cli
import eval.cli
import ingest.cli
import search.cli
from gallery.encoders.catalogue import entries

ROOT = Path(__file__).parents[1]
COMMANDS: dict[str, click.Command] = {
    "ingest": ingest.cli.main,
    "search": search.cli.main,
    "baseline": baseline.cli.main,
    "evaluate": eval.cli.main,
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings, _, _ = doctest_gallery.make(tmp_path_factory.mktemp("completion"))
    return settings.data_dir


def offered(data: Path, line: str, **environment: str) -> list[str]:
    """Return what is offered for the last word of a line, as click tells bash."""
    name, *words = line.split(" ")
    told = {
        f"_{name.upper()}_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words)),
        "DATA_DIR": str(data),
        "QDRANT_URL": None,
        **environment,
    }
    done = CliRunner().invoke(COMMANDS[name], [], prog_name=name, env=told)
    assert (done.exit_code, done.stderr) == (0, ""), done.output
    return done.stdout.split()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_every_command_is_completed(data: Path, name: str) -> None:
    command = COMMANDS[name]
    parts = command.commands if isinstance(command, click.Group) else {"": command}
    if isinstance(command, click.Group):
        assert offered(data, f"{name} ") == [f"plain,{part}" for part in sorted(parts)]
    for part, of_part in parts.items():
        options = {f"plain,{option.opts[-1]}" for option in of_part.params if isinstance(option, click.Option)}
        long = {option for option in options if option.startswith("plain,--")}
        assert long <= set(offered(data, f"{name} {part} --".replace("  ", " "))), part


@pytest.mark.parametrize(
    "line",
    [
        "search --collection ",
        "search red --collection col",
        "ingest --collection c",
        "ingest --drop c",
        "evaluate collection --collection c",
        "evaluate calibrate --collection ",
        "evaluate compare-encoders --collection ",
    ],
)
def test_collections_are_completed(data: Path, line: str) -> None:
    assert offered(data, line) == ["plain,colours"]
    assert offered(data, line.rpartition(" ")[0] + " xyz") == []


@pytest.mark.parametrize("line", ["ingest --encoder", "ingest --export-encoder", "evaluate compare-encoders conse"])
def test_encoders_are_completed(data: Path, line: str) -> None:
    words = {f"plain,{entry.short or entry.name}" for entry in entries() if entry.type != "text"}
    assert set(offered(data, f"{line} ")) == words
    assert offered(data, f"{line} siglip2-b") == [
        "plain,siglip2-base-32",
        "plain,siglip2-base",
        "plain,siglip2-base-256",
    ]
    assert offered(data, f"{line} siglip2-base-patch16-2")[0] == "plain,siglip2-base-patch16-224"
    assert offered(data, f"{line} clip-b-32+") == ["plain,clip-b-32+clip-multilingual"]
    assert offered(data, f"{line} ./my") == ["file,./my"]


def test_text_encoders_are_completed(data: Path) -> None:
    assert offered(data, "search --text-encoder ") == ["plain,clip-multilingual"]


def test_a_store_that_cannot_be_reached_offers_nothing(data: Path) -> None:
    assert offered(data, "search --collection ", QDRANT_URL="no address") == []


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash")
def test_bash_completes_after_the_lines_of_the_documents(data: Path, tmp_path: Path) -> None:
    script = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom eval.cli import main\nmain()\n"
    (tmp_path / "evaluate").write_text(f"#!{sys.executable}\n{script}")
    (tmp_path / "evaluate").chmod(0o755)
    text = (ROOT / "docs" / "getting-started.md").read_text()
    (line,) = re.findall(r"^\| bash \|.*`(eval .*)` \|$", text, re.MULTILINE)
    setup = line.replace("SEARCH", "EVALUATE").replace("search", "evaluate")
    script = f"""{setup}
        COMP_WORDS=(evaluate collection --collection co) COMP_CWORD=3
        _evaluate_completion evaluate
        echo "${{COMPREPLY[@]}}"
    """
    environment = {**os.environ, "DATA_DIR": str(data), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, env=environment)
    assert (done.stdout.split(), done.stderr) == (["colours"], "")
