"""The commands in the documents work, and the things they link to and name exist."""

import ast
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from documents import ROOT, Block, Document, documents, split_command, steps
from fastapi.routing import APIRoute
from letters_folder import make_letters

import baseline.cli
import eval.cli
import ingest.cli
import search.cli
from gallery.settings import Settings
from search.answer import Answer
from search.web.endpoints import ApiRequest, api, of_the_server
from search.web.images import images

COMMANDS: dict[str, click.Command] = {
    "ingest": ingest.cli.main,
    "search": search.cli.main,
    "baseline": baseline.cli.main,
    "evaluate": eval.cli.main,
}
DOCUMENTS = {document.name: document for document in documents()}
GUIDES = {name: document for name, document in DOCUMENTS.items() if name == "README.md" or name.startswith("docs/")}
FOLDERS = (
    "baseline",
    "benchmarks",
    "docker",
    "docs",
    "eval",
    "examples",
    "gallery",
    "ingest",
    "results",
    "search",
    "tests",
)
MADE = ("results/runs", "results/baseline.md")
"""What commands write, and git ignores."""


def ours(line: str) -> Iterator[list[str]]:
    """Yield the commands of ours in a shell's line: the name, and the words after it."""
    for name, *words in split_command(line):
        if name.removeprefix(".venv/bin/") in COMMANDS:
            yield [name.removeprefix(".venv/bin/"), *words]


def examples() -> Iterator[tuple[str, list[str]]]:
    for name, document in GUIDES.items():
        for line in document.commands():
            yield from ((name, words) for words in ours(line))


def understand(command: click.Command, name: str, words: list[str], parent: click.Context | None = None) -> None:
    """Have click read a command line, with the files that it names in the current folder.

    Raises:
        click.UsageError: The command line is invalid.
    """
    if isinstance(command, click.Group):
        context = command.make_context(name, list(words), parent=parent)
        sub, chosen, rest = command.resolve_command(context, words)
        assert chosen
        understand(chosen, str(sub), rest, context)
        return
    options, _, _ = command.make_parser(click.Context(command, info_name=name)).parse_args(list(words))
    for parameter in command.params:
        if isinstance(parameter.type, click.Path) and parameter.type.exists and parameter.name:
            given = options.get(parameter.name)
            for path in given if isinstance(given, list | tuple) else [given] if isinstance(given, str) else []:
                _make(Path(path), folder=not parameter.type.file_okay)
    command.make_context(name, list(words), parent=parent)


def _make(path: Path, *, folder: bool) -> None:
    if folder:
        path.mkdir(parents=True, exist_ok=True)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.mark.parametrize(("document", "words"), list(examples()))
def test_commands_in_the_documents_are_understood(
    document: str, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name, *rest = words
    try:
        understand(COMMANDS[name], name, rest)
    except click.UsageError as error:
        pytest.fail(f"{document}: {' '.join(words)}: {error.format_message()}")


def test_a_wrong_command_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for line in (
        "ingest --colection x",
        "search cat -k many",
        "evaluate collection --systems all",
        "baseline train mlp",
    ):
        name, *rest = next(ours(line))
        with pytest.raises(click.UsageError):
            understand(COMMANDS[name], name, rest)


def helps(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        for sub, one in command.commands.items():
            yield from helps(one, f"{name} {sub}")


HELPS = dict(pair for name, command in COMMANDS.items() for pair in helps(command, name))


@pytest.mark.parametrize("name", HELPS)
def test_help_fits_a_screen_and_ends_with_three_examples(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = HELPS[name]
    lines = command.get_help(click.Context(command, info_name=name)).splitlines()
    assert len(lines) <= 60
    assert lines[-4] == "  Examples:"
    for line in lines[-3:]:
        first, *words = next(ours(line.strip()))
        understand(COMMANDS[first], first, words)


@pytest.mark.parametrize("name", HELPS)
def test_help_shows_every_option_once(name: str) -> None:
    command = HELPS[name]
    shown = re.findall(r"^  (-[\w-]+)", command.get_help(click.Context(command, info_name=name)), re.MULTILINE)
    options = [option.opts[-1] for option in command.params if isinstance(option, click.Option)]
    assert sorted(shown) == sorted([*options, "--help"])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the pictures that the documents name, indexed by a small encoder."""
    folder = tmp_path_factory.mktemp("home")
    make_letters(Settings(data_dir=folder / "data"))
    photos = iter(sorted((ROOT / "examples" / "photos").rglob("*.jpg")))
    for name in (
        "2019/IMG_0042.jpg",
        "2019/IMG_0043.jpg",
        "2021/IMG_2041.jpg",
        "cake.jpg",
        "cake-2.jpg",
        "private/a.jpg",
    ):
        path = folder / "Pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(next(photos), path)
    done = invoke(["ingest", str(folder / "Pictures")], folder)
    assert done.exit_code == 0, done.output
    return folder


def environment(home: Path) -> dict[str, str | None]:
    encoder = next((home / "data" / "encoders").glob("letters-*"))
    unset: dict[str, str | None] = {
        name: None for name in os.environ if name.startswith(("QDRANT", "DEVICE", "PUBLIC"))
    }
    return unset | {"HOME": str(home), "DATA_DIR": str(home / "data"), "ENCODER": str(encoder), "HF_HUB_OFFLINE": "1"}


def invoke(words: list[str], home: Path) -> Result:
    name, *rest = words
    rest = [str(home) + word[1:] if word.startswith("~") else word for word in rest]
    return CliRunner().invoke(COMMANDS[name], rest, prog_name=name, env=environment(home))


@pytest.fixture
def at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home, with its pictures as the current folder, and its variables set."""
    monkeypatch.chdir(home / "Pictures")
    for variable, value in environment(home).items():
        monkeypatch.setenv(variable, value) if value else monkeypatch.delenv(variable)
    return home


def run(block: Block, home: Path) -> None:
    for step in steps(block.text):
        words = next(split_command(step.command))
        if words[0] == "cat":  # shows what the file should hold
            Path(words[1].replace("~", str(home))).write_text("\n".join(step.output) + "\n")
            continue
        done = invoke([words[0].removeprefix(".venv/bin/"), *words[1:]], home)
        shown = "\n".join(step.output).strip()
        assert done.exit_code == shown.startswith("Error:"), f"line {block.line}: {step.command}\n{done.output}"
        assert shown in done.output, step.command
        assert "match no picture" not in done.output, step.command


@pytest.mark.parametrize("name", [name for name, guide in GUIDES.items() if any(block.run for block in guide.blocks)])
def test_marked_blocks_run(name: str, at_home: Path) -> None:
    for block in GUIDES[name].blocks:
        if block.run:
            run(block, at_home)


@pytest.mark.parametrize(
    ("name", "text"),
    [(name, block.text) for name, guide in GUIDES.items() for block in guide.blocks if block.kind == "python"],
)
def test_python_blocks_run(name: str, text: str, at_home: Path) -> None:
    assert at_home.exists()
    exec(compile(text, name, "exec"), {})


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    document = DOCUMENTS[name]
    for link in document.links:
        if not re.match(r"[a-z]+:", link):
            target, _, anchor = link.partition("#")
            path = (document.path.parent / target).resolve() if target else document.path
            assert path.exists(), link
            if anchor:
                assert anchor in Document(path).anchors, link


@pytest.mark.parametrize("name", GUIDES)
def test_paths_targets_and_modules_that_are_named_exist(name: str) -> None:
    guide = GUIDES[name]
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = "\n".join([*guide.code, *(block.text for block in guide.blocks)])
    assert set(re.findall(r"^(?:\$ )?make ([a-z-]+)", text, re.MULTILINE)) <= targets
    for module in re.findall(r"python -m (benchmarks\.\w+)", text):
        assert (ROOT / f"{module.replace('.', '/')}.py").exists(), module
    for path in re.findall(rf"(?<![\w./-])(?:{'|'.join(FOLDERS)})/[\w./*-]*\w", " ".join(guide.code)):
        assert path in MADE or list(ROOT.glob(path)), path


def test_every_address_of_the_api_is_described() -> None:
    guide = GUIDES["docs/page-and-api.md"]
    described = {
        re.sub(r"\bID\b", "{id}", address.split("?")[0])
        for code in guide.code
        for address in re.findall(r"(?<!\S)(/[\w/.]+)", code)
    }
    routes = [
        route for router in (api, images, of_the_server) for route in router.routes if isinstance(route, APIRoute)
    ]
    there = {route.path for route in routes if route.include_in_schema}
    assert there <= described
    assert {path for path in described if path.startswith(("/api", "/images", "/thumbs"))} - {
        "/api/openapi.json"
    } <= there


def test_addresses_in_examples_are_those_of_the_api() -> None:
    routes = [
        route for router in (api, images, of_the_server) for route in router.routes if isinstance(route, APIRoute)
    ]
    text = "".join(block.text for block in GUIDES["docs/page-and-api.md"].blocks if block.kind == "console")
    paths = re.findall(r"http://127\.0\.0\.1:8000(?:/c/\w+)?(/(?!c/)\w[^?\s']*)", text)
    assert paths
    for path in paths:
        assert any(re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", route.path), path) for route in routes), path


def test_every_parameter_and_every_key_of_an_answer_is_described() -> None:
    code = set(GUIDES["docs/page-and-api.md"].code)
    assert set(ApiRequest.model_fields) <= code
    assert set(Answer.__dataclass_fields__) <= code


def said_by_the_code() -> str:
    """Return every text of the product that a user may see, with … for what is filled in."""
    texts = []
    for package in ("gallery", "ingest", "search", "eval"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.JoinedStr):
                    texts.append("".join(str(p.value) if isinstance(p, ast.Constant) else "…" for p in node.values))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    texts.append(node.value)
    return "\n".join(texts)


def test_messages_in_troubleshooting_are_those_of_the_code() -> None:
    said = said_by_the_code() + "\nInvalid host header\nNo such option\nError:"  # of the libraries
    text = (ROOT / "docs" / "troubleshooting.md").read_text()
    for message in re.findall(r"^\| `([^|]*)` ?(?:\(\d+\) )?\|", text, re.MULTILINE):
        for part in re.split(r"…|`, `", message):
            words = part.strip(" :;,()")
            assert len(words) < 4 or words in said, f"{message}: {words!r}"
