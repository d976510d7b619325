"""The report of a comparison, for readers new to the project. Its prose and its tables are in `templates/report.md`."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt

from baseline.emit import NAMES
from eval.compare import Comparison
from eval.pairs import ERRORS
from eval.plots import reliability_plot, scores_plot, success_plot
from eval.systems import TESTED
from gallery.judged.splits import split

TITLE = "Which system finds the right photo?"
SUMS = (NAMES["linear"], NAMES["ridge"])
"""Systems whose score is a number for the sentence plus a number for the photo."""


def write_report(comparison: Comparison, folder: Path, name: str, made: Mapping[str, str]) -> Path:
    """Write NAME.md, NAME.html, NAME.json and plots to a folder, and return the first.

    Args:
        comparison: The results.
        folder: Created if missing.
        name: The name of the files.
        made: Its origin; see `gallery.revision.made_with`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    judging, systems, learned = comparison.judging, comparison.systems, _learned(comparison)
    success_plot(systems, folder / f"{name}-success.png")
    if judging:
        reliability_plot(judging.fitted.reliability, folder / f"{name}-reliability.png")
        scores_plot(judging.own, judging.other, folder / f"{name}-scores.png")
    text = render(
        "report.md",
        title=TITLE,
        name=name,
        made=made,
        found=comparison,
        learned=learned,
        flat=[s.name for s in systems if s.collapse.distinct == 1 and s.name.startswith(SUMS)],
        tested=TESTED,
        errors=ERRORS,
    )
    html = MarkdownIt().enable("table").render(text)
    (folder / f"{name}.md").write_text(text, encoding="utf-8")
    (folder / f"{name}.html").write_text(render("report.html", title=TITLE, body=html), encoding="utf-8")
    facts = json.dumps(_facts(comparison, made, learned), indent=1, ensure_ascii=False)
    (folder / f"{name}.json").write_text(facts + "\n", encoding="utf-8")
    return folder / f"{name}.md"


def render(template: str, **values: object) -> str:
    """Fill one of the package's templates; HTML is escaped, the filter `cell` escapes text in a table of Markdown."""
    environment = Environment(
        loader=PackageLoader("eval"),
        autoescape=template.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["cell"] = lambda value: str(value).replace("|", "\\|")
    return environment.get_template(template).render(**values)


def _learned(comparison: Comparison) -> dict[str, int]:
    """Count what two towers and early fusion learned from before they answered the queries."""
    parts = split(comparison.data.judged, comparison.data.matches)
    own = [pair for pair in parts.pairs if pair.image == pair.caption.image]
    return {"captions": len(parts.captions), "pairs": len(parts.pairs), "own captions among the pairs": len(own)}


def _facts(comparison: Comparison, made: Mapping[str, str], learned: Mapping[str, int]) -> dict[str, object]:
    judged, judging = comparison.data.judged, comparison.judging
    facts: dict[str, object] = {
        "made": dict(made) | {"seconds": round(comparison.seconds)},
        "data": {"photos to be found": len(judged.gallery), "queries": len(judged.queries), **learned},
        "systems": {system.name: system.facts() for system in comparison.systems},
        "judged pairs": [asdict(figures) for figures in comparison.pairs],
    }
    if judging:
        both = {"chosen on": judging.there, "photos to be found": judging.unseen}
        facts["encoder"] = {
            "name": comparison.encoder,
            "τ-c with experts": judging.expert and asdict(judging.expert),
            "τ-b with the crowd": judging.crowd and asdict(judging.crowd),
            "calibration": {"kind": judging.fitted.calibration.kind, "pairs": judging.fitted.pairs}
            | {name: asdict(found) for name, found in judging.fitted.errors.items()},
            "first answers": {"probability said": judging.said, "right": judging.right},
            "nothing matches": {where: {rule: asdict(of) for rule, of in told.items()} for where, told in both.items()},
            "separates": judging.separates,
        }
    return facts
