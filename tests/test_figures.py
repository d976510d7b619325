"""Every figure in the README, and every measured one in the guides, is in a committed result."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
NUMBER = re.compile(r"(?<![\w@./^-])\d[\d ]*(?:\.\d+)?(?![\w/.-]|\*\*)")
SCALES = (1, 100, 1000, 0.001)
"""A figure may be a percentage of a share, or milliseconds of seconds, or gigabytes of megabytes."""


def section(title: str) -> str:
    found = re.search(rf"^## {title}$(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def numbers_in(text: str) -> Iterator[str]:
    """Yield the figures of a text, without addresses, commands and spaces between thousands."""
    plain = re.sub(r"\]\([^)]*\)|`[^`]*`", "] ", text)
    plain = re.sub(r"(?<=\d) (?=\d{3}\b)", "", plain)
    yield from re.findall(r"(?<![\w@.])\d+(?:\.\d+)?(?!\w)", plain)


def values_of(name: str) -> set[float]:
    """Return all numbers of a result, those in its texts too."""
    text = json.dumps(json.loads((ROOT / "results" / f"{name}.json").read_text()), ensure_ascii=False)
    plain = re.sub(r"(?<=\d) (?=\d{3}\b)", "", text)
    return {float(number) for number in re.findall(r"(?<!\w)\d+(?:\.\d+)?(?:e-?\d+)?", plain)}


def stands(figure: str, values: set[float]) -> bool:
    decimals = len(figure.partition(".")[2])
    return any(abs(value * scale - float(figure)) <= 0.5001 * 10**-decimals for value in values for scale in SCALES)


def claims() -> Iterator[tuple[str, str, list[str]]]:
    """Yield what claims figures, the figures' text, and the results that they must stand in."""
    for line in section("Measured").splitlines():
        cells = line.strip("| ").split(" | ")
        if line.startswith("|") and len(cells) == 4 and cells[0] != "what":
            yield cells[0], cells[2], re.findall(r"results/([\w]+)\.md", line)
    for line in section("Why the naive model fails").splitlines():
        if line.startswith("|") and "%" in line and "interval" not in line:
            yield line, line, ["report"]
    for paragraph in README.split("\n\n"):
        linked = re.findall(r"\]\(results/([\w]+)\.md\)", paragraph)
        if linked and not paragraph.startswith("|"):
            yield paragraph, paragraph, linked


@pytest.mark.parametrize(("what", "text", "results"), list(claims()))
def test_every_figure_of_the_readme_stands_in_a_committed_result(what: str, text: str, results: list[str]) -> None:
    assert results, f"{what}: no result is linked"
    values = set().union(*map(values_of, results))
    missing = [figure for figure in numbers_in(text) if not stands(figure, values)]
    assert not missing, f"{what}: {missing} not in {results}"


def measured_in_guides() -> Iterator[tuple[str, str, list[str]]]:
    """Yield the name, the text and the results of each row or paragraph of a guide that links to results."""
    for path in sorted((ROOT / "docs").glob("*.md")):
        for paragraph in path.read_text().split("\n\n"):
            for text in paragraph.splitlines() if paragraph.startswith("|") else [paragraph]:
                linked = re.findall(r"\]\(\.\./results/([\w]+)\.md\)", text)
                if linked:
                    yield path.name, text, linked


@pytest.mark.parametrize(("guide", "text", "results"), list(measured_in_guides()))
def test_measured_figures_of_the_guides_stand_in_the_result_that_they_link_to(
    guide: str, text: str, results: list[str]
) -> None:
    plain = re.sub(r"\]\([^)]*\)|`[^`]*`", "] ", text)
    figures = re.findall(r"(?<![\d.])\d+\.\d+|(?<![\d.])\d+(?= (?:s|ms|GB|MB|%)(?!\w))", plain)
    values = set().union(*map(values_of, results))
    missing = [figure for figure in figures if not stands(figure, values)]
    assert not missing, f"{guide}: {missing} not in {results}"


@pytest.mark.parametrize("path", sorted((ROOT / "results").glob("*.json")), ids=lambda path: path.stem)
def test_every_result_names_what_made_it(path: Path) -> None:
    facts = json.loads(path.read_text())
    rows = [facts.get("made", facts)] if path.stem != "scale" else facts.values()
    for row in rows:
        assert all(row[key] for key in ("command", "commit", "date", "machine", "versions"))
        assert not row["commit"].endswith("-dirty")
        assert row["commit"] in path.with_suffix(".md").read_text()
