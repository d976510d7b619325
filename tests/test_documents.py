"""The documents say what the code does."""

import re
import shutil
import subprocess
import tomllib
from dataclasses import fields
from pathlib import Path

import click
import pytest

import baseline.cli
import eval.cli
import gallery
import ingest.cli
import search.cli
from gallery.errors import Reason
from gallery.settings import Settings
from gallery.stores.payload import INDEXED_KEYS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
REFERENCE = (ROOT / "docs" / "commands.md").read_text()
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()
COMMANDS: dict[str, click.Command] = {
    "ingest": ingest.cli.main,
    "search": search.cli.main,
    **{f"baseline {name}": command for name, command in baseline.cli.main.commands.items()},
    **{f"evaluate {name}": command for name, command in eval.cli.main.commands.items()},
}


def section(name: str) -> str:
    """Return the reference's section on a command."""
    return REFERENCE.split(f"\n## {name.split(maxsplit=1)[0]}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_in_the_reference(name: str) -> None:
    for option in COMMANDS[name].params:
        if isinstance(option, click.Option):
            assert any(f"`{spelling}" in section(name) for spelling in option.opts), f"{name} {option.opts[0]}"


@pytest.mark.parametrize("name", sorted({name.split()[0] for name in COMMANDS}))
def test_every_option_of_the_reference_exists(name: str) -> None:
    commands = [command for other, command in COMMANDS.items() if other.split()[0] == name]
    known = {spelling for command in commands for option in command.params for spelling in option.opts}
    for cell in re.findall(r"^\| (`-[^|]*)\|", section(name), re.MULTILINE):
        assert set(re.findall(r"`(--?[a-z-]+)", cell)) <= known, cell


def test_every_variable_is_in_the_reference_and_none_else() -> None:
    variables = {field.name.upper() for field in fields(Settings)}
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", REFERENCE, re.MULTILINE)) == variables


def test_every_make_target_has_its_line_and_its_word() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    described = set(re.findall(r"^([a-z-]+):.*## \S", makefile, re.MULTILINE))
    assert targets == described
    documents = "".join(path.read_text() for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
    for target in targets - {"help"}:
        assert f"make {target}" in documents, target


@pytest.mark.parametrize(
    ("given", "said"),
    [([], "give DATA=FOLDER"), (["DATA=no/such"], "there is no folder no/such; give DATA=FOLDER")],
)
@pytest.mark.parametrize("target", ["eval", "baseline"])
def test_make_asks_for_the_data_before_it_installs_anything(
    target: str, given: list[str], said: str, tmp_path: Path
) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)  # where nothing can be installed, which fails with another message
    done = subprocess.run(["make", target, *given], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode
    assert said in done.stderr


def test_the_changelog_tells_of_this_version() -> None:
    newest = re.search(r"^## \[?(\d+\.\d+\.\d+|Unreleased)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest
    assert newest.group(1) in (gallery.__version__, "Unreleased")


def test_scripts_and_packages_are_the_folders() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert set(project["project"]["scripts"]) == {name.split()[0] for name in COMMANDS}
    assert all(
        (ROOT / package).is_dir() for package in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    )


def test_the_lock_pins_every_dependency() -> None:
    def name(requirement: str) -> str:
        return re.split(r"[<>=\[; ]", requirement)[0].lower().replace("_", "-")

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lock = (ROOT / "requirements.lock").read_text()
    pinned = {name(line) for line in lock.splitlines() if "==" in line}
    wanted = {name(r) for r in [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]}
    assert wanted <= pinned
    assert not re.search(r"^(nvidia|triton|cuda)|://", lock, re.MULTILINE), "torch brings its platform's own packages"


def test_the_payload_and_the_reasons_are_written_down() -> None:
    for key in INDEXED_KEYS:
        assert f"`{key}`" in ARCHITECTURE, key
    for reason in Reason:
        assert f"`{reason}`" in REFERENCE, reason


def test_every_example_picture_has_its_source_and_its_caption() -> None:
    photos = ROOT / "examples" / "photos"
    pictures = {str(path.relative_to(photos)) for path in photos.rglob("*.*") if path.suffix not in (".md", ".csv")}
    assert 40 <= len(pictures) <= 60
    assert sum((photos / picture).stat().st_size for picture in pictures) <= 6_000_000
    assert set(re.findall(r"^\| `([^`]+)` \|", (photos / "SOURCES.md").read_text(), re.MULTILINE)) == pictures
    captions = (photos / "captions.csv").read_text().splitlines()[1:]
    assert {line.split(",")[0] for line in captions} == pictures
