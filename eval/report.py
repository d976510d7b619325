"""The report of a comparison, for readers new to the project. Its prose is in `templates/report.md`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt

from baseline.emit import NAMES
from eval.compare import Comparison
from eval.encoders import Judging
from eval.measures import MEASURES
from eval.nothing import Told
from eval.pairs import ERRORS, PairFigures
from eval.plots import reliability_plot, scores_plot, success_plot
from eval.systems import TESTED, System

SUCCESS = ("Success@1", "Success@5", "Success@10")
OTHERS = [measure for measure in MEASURES if measure not in (*SUCCESS, TESTED)]
TITLE = "Which system finds the right photo?"
WHAT = {
    NAMES["two-tower"]: (
        "two projection heads on frozen vectors, trained to bring a caption and its own photo together, as CLIP is",
        "layers, passes and dropout of the heads: by cross-validation over the captions of the judged photos",
    ),
    NAMES["mlp"]: (
        "text vector and image vector side by side, from which a network predicts the match probability",
        "layers, dropout, decay and passes: on photos held out of the training pairs, separately for each split",
    ),
    NAMES["ridge"]: (
        "early fusion with ridge regression in the place of the network",
        "the penalty: on photos held out of the training pairs, separately for each split",
    ),
    NAMES["linear"]: ("early fusion with linear regression", "nothing"),
    "ConSE": (
        "class names' sentence vectors, weighted by an ImageNet classifier (Norouzi et al., ICLR 2014)",
        "the wording of the class names: on the 1000 judged photos of Flickr8k, which flatters it on judged pairs",
    ),
    "random order": ("a new random order for every query: chance", "nothing"),
}
RULES = {
    "standing": "standing of the best cosine among those of unrelated texts",
    "cosine": "cosine of the best photo",
    "default": "without a calibration: a standing of 2",
}
SUMS = (NAMES["linear"], NAMES["ridge"])
"""Systems whose score is a number for the sentence plus a number for the photo."""
Rows = Sequence[Sequence[object]]


def write_report(comparison: Comparison, folder: Path, name: str, made: Mapping[str, str]) -> Path:
    """Write NAME.md, NAME.html, NAME.json and plots to a folder, and return the first.

    Args:
        comparison: The results.
        folder: Created if missing.
        name: The name of the files.
        made: Its origin; see `gallery.revision.made_with`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    judging, systems = comparison.judging, comparison.systems
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
        judged=comparison.data.judged,
        learned=len({match.image for match in comparison.data.matches}),
        best=systems[0],
        second=systems[1] if len(systems) > 1 else None,
        flat=[s.name for s in systems if s.collapse.distinct == 1 and s.name.startswith(SUMS)],
        judging=judging,
        tested=TESTED,
        what=table(("system", "what it is", "what was chosen for it, and on which data"), _what(comparison)),
        result=table(("system", "trainings", *SUCCESS, TESTED, f"p against {systems[0].name}"), map(_result, systems)),
        others=table(("system", *OTHERS), [(s.name, *(s.measures[m] for m in OTHERS)) for s in systems]),
        collapse=table(
            ("system", "distinct first answers", "share of the most frequent", "skewness"), map(_collapse, systems)
        ),
        pairs=table(("system", *ERRORS, "τ-c with experts"), map(_pairs, comparison.pairs)),
        rules=_rules(judging) if judging else "",
        calibration=table(("", "out of fold"), _calibration(judging)) if judging else "",
    )
    html = MarkdownIt().enable("table").render(text)
    (folder / f"{name}.md").write_text(text, encoding="utf-8")
    (folder / f"{name}.html").write_text(render("report.html", title=TITLE, body=html), encoding="utf-8")
    facts = json.dumps(_facts(comparison, made), indent=1, ensure_ascii=False)
    (folder / f"{name}.json").write_text(facts + "\n", encoding="utf-8")
    return folder / f"{name}.md"


def table(head: Sequence[str], rows: "Rows | map[Sequence[object]]") -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def render(template: str, **values: object) -> str:
    """Fill one of the package's templates; HTML is escaped."""
    environment = Environment(
        loader=PackageLoader("eval"),
        autoescape=template.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(**values)


def _what(comparison: Comparison) -> Rows:
    own = ("through the search engine; not trained on this data", "nothing")
    rows = []
    for system in comparison.systems:
        name, _, text = system.name.partition(" (")
        says, chosen = WHAT.get(name, own)
        rows.append((system.name, f"{says}; text vectors: {text.removesuffix(')')}" if text else says, chosen))
    return rows


def _result(system: System) -> Sequence[object]:
    trainings = len(system.runs)
    cells: list[object] = [system.measures[measure] for measure in (*SUCCESS, TESTED)]
    if trainings > 1:
        cells[0] = f"{cells[0]} ± {system.spread[SUCCESS[0]]:.3f}"
    return (system.name, trainings, *cells, "" if system.p_value is None else system.p_value)


def _collapse(system: System) -> Sequence[object]:
    found = system.collapse
    return system.name, f"{found.distinct:.0f}", f"{found.most_frequent:.1%}", f"{found.skewness:.2f}"


def _pairs(figures: PairFigures) -> Sequence[object]:
    errors = [figures.errors.get(name, "-") for name in ERRORS]
    return (figures.name, *errors, figures.tau or "-")


def _calibration(judging: Judging) -> Rows:
    fitted = judging.fitted
    return [
        *((f"Brier score, {kind}", estimate) for kind, estimate in fitted.brier.items()),
        *((f"{name}, {fitted.calibration.kind}", fitted.errors[name]) for name in ("RMSE", "R²")),
        ("pairs", fitted.pairs),
    ]


def _rules(judging: Judging) -> str:
    def cells(told: Told) -> tuple[object, ...]:
        return told.auroc, told.kept, told.false_answers

    where = [f"{figure}, {place}" for place in ("there", "here") for figure in ("AUROC", "kept", "false answers")]
    rows = [
        (RULES[rule] + " (chosen)" * (told is judging.chosen), f"{told.threshold:.3f}", *cells(told), *cells(here))
        for (rule, told), here in zip(judging.there.items(), judging.unseen.values(), strict=True)
    ]
    return table(("rule", "threshold", *where), rows)


def _facts(comparison: Comparison, made: Mapping[str, str]) -> dict[str, object]:
    judged, judging = comparison.data.judged, comparison.judging
    facts: dict[str, object] = {
        "made": dict(made) | {"seconds": round(comparison.seconds)},
        "data": {"photos to be found": len(judged.gallery), "queries": len(judged.queries)},
        "systems": {system.name: system.facts() for system in comparison.systems},
        "judged pairs": [asdict(figures) for figures in comparison.pairs],
    }
    if judging:
        told = {"chosen on": judging.there, "photos to be found": judging.unseen}
        facts["encoder"] = {
            "name": comparison.encoder,
            "τ-c with experts": judging.expert and asdict(judging.expert),
            "τ-b with the crowd": judging.crowd and asdict(judging.crowd),
            "calibration": {"kind": judging.fitted.calibration.kind, "pairs": judging.fitted.pairs}
            | {name: asdict(found) for name, found in judging.fitted.errors.items()},
            "first answers": {"probability said": judging.said, "right": judging.right},
            "nothing matches": {
                where: {name: asdict(of) for name, of in rules.items()} for where, rules in told.items()
            },
            "separates": judging.chosen.separates and judging.unseen[judging.chosen.rule].separates,
        }
    return facts
