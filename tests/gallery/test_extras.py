"""Where an optional package is missing, a command says in a sentence how to install it."""

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from gallery.command_line import errors_in_a_sentence
from gallery.extras import pip

COMMANDS = (
    "collection --captions",
    "compare-encoders conse clip-b-32",
    "calibrate judged",
    "compare judged",
    "run judged/a judged/a",
)
WITHOUT = """
import sys
sys.modules.update(dict.fromkeys(["ir_measures", "pandas", "scipy", "sklearn"]))
from click.testing import CliRunner
from eval.cli import main
for line in sys.argv[1:]:
    print(CliRunner().invoke(main, line.split()).output, end="")
"""


def test_evaluate_says_what_it_needs_where_only_the_light_packages_are(tmp_path: Path) -> None:
    (tmp_path / "judged").mkdir()
    (tmp_path / "judged" / "a").touch()
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, *COMMANDS], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    sentence = (
        r"Error: this needs (pandas|ir_measures), which is not installed: .*pip install 'gallery-search\[evaluate\]'"
    )
    assert [bool(re.fullmatch(sentence, line)) for line in done.stdout.splitlines()] == [True] * len(COMMANDS)


@pytest.mark.parametrize(("module", "extra"), [("torch.nn", "judge"), ("scipy", "evaluate")])
def test_a_missing_module_is_a_sentence_with_its_extra(module: str, extra: str) -> None:
    sentence = rf"this needs {module}, .*'gallery-search\[{extra}\]'"
    with pytest.raises(click.ClickException, match=sentence), errors_in_a_sentence():
        raise ModuleNotFoundError(name=module)


def test_a_missing_module_of_ours_is_a_fault_of_ours() -> None:
    with pytest.raises(ModuleNotFoundError), errors_in_a_sentence():
        raise ModuleNotFoundError(name="gallery.no_such_module")


def test_the_pip_is_that_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "my environment"))
    assert pip() == "pip"
    (tmp_path / "my environment" / "bin").mkdir(parents=True)
    (tmp_path / "my environment" / "bin" / "pip").touch()
    assert pip() == f"'{tmp_path}/my environment/bin/pip'"
    monkeypatch.chdir(tmp_path)
    assert pip() == "'my environment/bin/pip'"
