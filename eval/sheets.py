"""Picture sheets: queries with the first pictures of each system side by side.

They hold pictures of the data, which may often not be passed on: they are written to a folder of their own, with a
`.gitignore` that keeps all of it out of a repository.
"""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np

from eval.blocks import render
from eval.compare import Row, worst_topics
from eval.qrels import Qrels
from eval.runs import Topic
from gallery.pictures.images import open_image

SIDE = 320
SHOWN = 5
SAYS = (
    "The first pictures of each system, the best first; above each picture the query and its score. "
    "Right ones have a green frame."
)


def write_sheets(
    rows: Sequence[Row], topics: Sequence[Topic], qrels: Qrels, images: Path, folder: Path, *, queries: int = 10
) -> None:
    """Write `index.html`, of queries drawn at random, and `worst.html`, of the best system's worst queries."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".gitignore").write_text("*\n")
    drawn = np.random.default_rng(0).choice(len(topics), min(queries, len(topics)), replace=False)
    pages = {
        "index.html": ("Ten queries drawn at random", [topics[n] for n in sorted(drawn)]),
        "worst.html": (f"The worst queries of {rows[0].name}", worst_topics(rows[0], topics, queries)),
    }
    for file, (title, chosen) in pages.items():
        shown = [_query(topic, rows, qrels, images, folder) for topic in chosen]
        (folder / file).write_text(render("sheet.html", title=title, says=SAYS, queries=shown), encoding="utf-8")


def _query(topic: Topic, rows: Sequence[Row], qrels: Qrels, images: Path, folder: Path) -> dict[str, object]:
    right = {document for document, grade in qrels[topic.id].items() if grade > 0}
    systems = []
    for row in rows:
        answers = row.run.answers.get(topic.id, ())
        ranks = (rank for rank, answer in enumerate(answers, 1) if answer.document in right)
        hits = [
            {
                "document": answer.document,
                "score": f"{answer.score:.3f}",
                "right": answer.document in right,
                "file": _thumbnail(images / answer.document, folder),
            }
            for answer in answers[:SHOWN]
        ]
        systems.append({"name": row.name, "rank": next(ranks, "no rank"), "hits": hits})
    short = topic.text if len(topic.text) <= 42 else f"{topic.text[:40]}…"
    return {"text": topic.text, "short": short, "systems": systems}


def _thumbnail(picture: Path, folder: Path) -> str:
    name = f"{sha256(str(picture).encode()).hexdigest()[:16]}.jpg"
    if not (folder / name).exists():
        small = open_image(str(picture), SIDE).rgb
        small.thumbnail((SIDE, SIDE))
        small.save(folder / name, quality=85)
    return name
