"""Picture sheets: queries with the first pictures of each system side by side.

They contain pictures from the data, which often must not be shared, so they go to a separate folder with a `.gitignore`
that keeps them out of a repository.
"""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np

from eval.measures import first_rank
from eval.report import render
from eval.systems import TESTED, System
from gallery.judged.trec import Topic
from gallery.pictures import open_image

SIDE = 320
SHOWN = 5
SAYS = (
    "The first pictures of each system, best first; above each are the query and the score. "
    "Right ones have a green frame."
)


def write_sheets(
    systems: Sequence[System], topics: Sequence[Topic], images: Path, folder: Path, *, queries: int = 10
) -> None:
    """Write `index.html`, of queries drawn at random, and `worst.html`, of the best system's worst queries."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".gitignore").write_text("*\n")
    drawn = np.random.default_rng(0).choice(len(topics), min(queries, len(topics)), replace=False)
    of_best = systems[0].values[TESTED]
    worst = sorted(topics, key=lambda topic: (of_best[topic.id], topic.id))[:queries]
    pages = {
        "index.html": ("Queries drawn at random", [topics[n] for n in sorted(drawn)]),
        "worst.html": (f"The worst queries of {systems[0].name}", worst),
    }
    for file, (title, chosen) in pages.items():
        shown = [_query(topic, systems, images, folder) for topic in chosen]
        (folder / file).write_text(render("sheet.html", title=title, says=SAYS, queries=shown), encoding="utf-8")


def _query(topic: Topic, systems: Sequence[System], images: Path, folder: Path) -> dict[str, object]:
    shown = []
    for system in systems:
        run = system.runs[0]
        hits = [
            {
                "document": answer.document,
                "score": f"{answer.score:.3f}",
                "right": answer.document == topic.photo,
                "file": _thumbnail(images / answer.document, folder),
            }
            for answer in run.answers.get(topic.id, ())[:SHOWN]
        ]
        shown.append({"name": system.name, "rank": first_rank(run, topic.id, {topic.photo: 1}), "hits": hits})
    short = topic.text if len(topic.text) <= 42 else f"{topic.text[:40]}…"
    return {"text": topic.text, "short": short, "systems": shown}


def _thumbnail(picture: Path, folder: Path) -> str:
    name = f"{sha256(str(picture).encode()).hexdigest()[:16]}.jpg"
    if not (folder / name).exists():
        small = open_image(str(picture), SIDE).rgb
        small.thumbnail((SIDE, SIDE))
        small.save(folder / name, quality=85)
    return name
