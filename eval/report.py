"""The report of a comparison, for someone who never saw the project."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from eval.blocks import Block, code, heading, plot, render, table, text
from eval.compare import TESTED, Row
from eval.judging import Judging
from eval.metrics import MEASURES
from eval.plots import reliability_plot, scores_plot, success_plot
from eval.published import PUBLISHED
from eval.sections import held_out as held_out_section
from eval.sections import nothing, people, probability
from eval.trained import Held

SUCCESS = ("Success@1", "Success@5", "Success@10")
TITLE = "Which system finds the right photo?"


@dataclass(frozen=True, slots=True)
class About:
    """What was compared, on what, and how.

    Attributes:
        systems: Name -> what it is, or why it is not measured here.
        encoder: The one whose cosines were judged.
    """

    data: str
    photos: int
    queries: int
    judged_photos: int
    systems: Mapping[str, str]
    encoder: str
    commit: str
    command: str
    seconds: float


def write_report(
    rows: Sequence[Row], judging: Judging | None, about: About, folder: Path, held_out: Sequence[Held] = ()
) -> Path:
    """Write `report.md`, `report.json`, `report.html` and the plots, and return the first."""
    folder.mkdir(parents=True, exist_ok=True)
    success_plot(rows, folder / "report-success.png")
    if judging:
        reliability_plot(judging.fitted.errors.reliability, folder / "report-reliability.png")
        scores_plot(judging.own, judging.other, folder / "report-scores.png")
    blocks = [*_summary(rows, about), *_setting(rows, about), *_results(rows), *_collapse(rows)]
    if judging:
        blocks += [
            *people(judging, about.encoder),
            *held_out_section(held_out),
            *probability(judging, about.encoder),
            *nothing(judging),
        ]
    blocks += [*_published(), *_repeat(about)]
    for file in ("report.md", "report.html"):
        (folder / file).write_text(render(file, title=TITLE, blocks=blocks), encoding="utf-8")
    values = _facts(rows, judging, about) | {"held_out": [asdict(held) for held in held_out]}
    facts = json.dumps(values, indent=1, ensure_ascii=False)
    (folder / "report.json").write_text(facts + "\n", encoding="utf-8")
    return folder / "report.md"


def _summary(rows: Sequence[Row], about: About) -> list[Block]:
    best = rows[0]
    first, ten = best.measures["Success@1"], best.measures["Success@10"]
    return [
        text(
            f"{about.queries} queries, each a sentence that somebody wrote for one of {about.photos} photos, were "
            f"asked of {len(rows)} systems, which put all {about.photos} photos in order. {best.name} does best: the "
            f"right photo comes first for {first.mean:.0%} of the queries (95 % interval {first.low:.0%} to "
            f"{first.high:.0%}) and is among the first ten for {ten.mean:.0%} ({ten.low:.0%} to {ten.high:.0%}). By "
            f"chance it would be {1 / about.photos:.0%} and {10 / about.photos:.0%}."
        )
    ]


def _setting(rows: Sequence[Row], about: About) -> list[Block]:
    clip = {name: says for name, says in about.systems.items() if name not in {row.name for row in rows}}
    return [
        heading("What was compared, and on what"),
        text(
            f"Data: `{about.data}`, {about.photos} photos that no system has seen, with {about.queries} queries. Of "
            "each query exactly one photo counts as right, the one that it was written for; another that it would fit, "
            f"too, counts as wrong. Systems that learn did so on {about.judged_photos} other photos and what people "
            "said of them. All systems got the same queries and the same photos."
        ),
        table(
            ("system", "what it is"),
            [*((row.name, about.systems.get(row.name, "")) for row in rows), *clip.items()],
        ),
    ]


def _results(rows: Sequence[Row]) -> list[Block]:
    others = [name for name in MEASURES if name not in SUCCESS and name != TESTED]
    return [
        heading("Result"),
        table(
            ("system", *SUCCESS, TESTED, f"p against {rows[0].name}"),
            [(row.name, *(str(row.measures[m]) for m in (*SUCCESS, TESTED)), _p(row.p_value)) for row in rows],
        ),
        plot("report-success.png", "Success@k over k for every system, k on a logarithmic scale."),
        text(
            "Success@k is the share of queries with the right photo among the first k; papers on CLIP call it "
            "recall@k. RR is 1 / rank of the right photo. In brackets are 95 % bootstrap intervals that resample "
            f"photos, not queries, as the captions of one photo are not independent. p is that of a paired permutation "
            f"test of {TESTED} over photos, corrected by Holm for the number of comparisons ({max(len(rows) - 1, 1)}): "
            "how often chance alone would make a difference as large. A query without an answer counts 0. Equal scores "
            "are put in the order of the file names, the greater first, as trec_eval does."
        ),
        table(("system", *others), [(row.name, *(str(row.measures[m]) for m in others)) for row in rows]),
        text(
            "R@10 is the share of the right photos that are among the first ten, here the same as success@10; P@10 the "
            "share of the first ten that are right, here at most 0.1. AP and nDCG use the whole order."
        ),
    ]


def _collapse(rows: Sequence[Row]) -> list[Block]:
    return [
        heading("Does it say the same to everything?"),
        table(
            ("system", "distinct first answers", "per query", "share of the most frequent", "skewness"),
            [
                (
                    row.name,
                    f"{row.collapse.distinct} to {row.collapse.queries} queries",
                    f"{row.collapse.distinct_per_query:.3f}",
                    f"{row.collapse.most_frequent:.1%}",
                    f"{row.collapse.skewness:.2f}",
                )
                for row in rows
            ],
        ),
        text(
            "A system that gives every query the same picture has not understood any. The skewness is that of how "
            "often each photo is among the first ten answers: near 0 where all photos have their turn, large where a "
            "few are the answer to everything (hubs)."
        ),
    ]


def _published() -> list[Block]:
    return [
        heading("Published figures, not measured here"),
        text("They are of other photos or more of them, so that they give a scale and no comparison."),
        table(("system and data", "figures", "source"), PUBLISHED),
    ]


def _repeat(about: About) -> list[Block]:
    return [
        heading("How to repeat it"),
        code(about.command),
        text(
            f"Commit {about.commit}; {_machine()}; {about.seconds:.0f} s, in which vectors that were kept from an "
            "earlier run are not computed again. All draws have fixed seeds. `report.json` has every figure; on the "
            "machine where it is made, `sheets/index.html` and `sheets/worst.html` show queries with the first "
            "pictures of each system, and `runs/` has runs and qrels for trec_eval."
        ),
    ]


def _facts(rows: Sequence[Row], judging: Judging | None, about: About) -> dict[str, object]:
    facts: dict[str, object] = {
        "about": {**asdict(about), "machine": _machine()},
        "systems": {
            row.name: {
                "measures": {name: asdict(found) for name, found in row.measures.items()},
                "p_value": row.p_value,
                "collapse": asdict(row.collapse),
                "success_curve": [round(float(value), 4) for value in row.curve],
            }
            for row in rows
        },
    }
    if judging:
        facts |= {
            "expert": asdict(judging.expert),
            "crowd": asdict(judging.crowd),
            "calibration": {"brier": judging.fitted.brier, **asdict(judging.fitted.errors)},
            "first_answers": dict(zip(("said", "right"), judging.calibrated_on_unseen, strict=True)),
            "nothing": [{"chosen_on": asdict(a), "unseen": asdict(b)} for a, b in judging.nothing],
            "strict": asdict(judging.choice.stored()),
            "default": [asdict(told) for told in judging.default],
        }
    return facts


def _p(p_value: float | None) -> str:
    return "" if p_value is None else f"{p_value:.4f}" if p_value >= 0.001 else "< 0.001"


def _machine() -> str:
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
