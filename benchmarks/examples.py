"""How well the example pictures are found, by queries for one thing and by their captions.

    python -m benchmarks.examples [--encoder NAME] [--judged DATA]

The queries of examples/queries.tsv were chosen before the first search. Also counts for how many of 40 ordinary queries
with an answer (the one-thing queries, then captions) "Nothing matches well" appears. With judged DATA, this happens
after `evaluate calibrate DATA`, and again for its photos to be found, with one caption each. Writes
results/examples.md and results/examples.json.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from benchmarks.results import machine, write_results
from eval.collection import judge_collection, topics_from_captions, topics_from_file
from gallery.judged.dataset import read_judged
from gallery.settings import Settings
from search.engine import SearchEngine
from search.query import quoted
from search.request import Request

PHOTOS = Path("examples/photos")
ORDINARY = 40


@click.command()
@click.option("--encoder", default="conse", show_default=True)
@click.option("--judged", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Judged photos.")
def main(encoder: str, judged: Path | None) -> None:
    """Measure, print a table, and write results/examples.md and results/examples.json."""
    rows: dict[str, float | str] = {}
    with tempfile.TemporaryDirectory() as data:
        ingest = ["ingest", str(PHOTOS), "--encoder", encoder, "--collection", "examples"]
        _run([*ingest, "--captions", str(PHOTOS / "captions.csv")], data)
        if judged:
            _run(["eval", "calibrate", str(judged), "--encoder", encoder], data)
        with SearchEngine.open(Settings(Path(data)), "examples") as engine:
            asked = {
                "one-thing queries": topics_from_file(Path("examples/queries.tsv"), engine.collection),
                "captions": topics_from_captions(engine.collection),
            }
            for name, (topics, qrels) in asked.items():
                report = judge_collection(engine, topics, qrels)
                rows[name] = len(topics)
                rows[f"{name}: a right picture first"] = int((report.queries["rank"] == 1).sum())
                rows[f"{name}: success@1 with 95 % interval"] = str(report.measures["Success@1"])
            rows["pictures"] = report.pictures
            rows |= weak(engine, "examples", [topic.text for topics, _ in asked.values() for topic in topics])
        if judged:
            photos = read_judged(judged)
            _run(["ingest", str(photos.query_images), "--encoder", encoder, "--collection", "judged"], data)
            one_each = {caption.image: caption.text for caption in photos.queries}
            with SearchEngine.open(Settings(Path(data)), "judged") as engine:
                rows |= weak(engine, "judged photos", list(one_each.values()))
    write_results("examples", "The example pictures", rows | {"encoder": encoder} | machine("examples"))


def weak(engine: SearchEngine, of: str, lines: Sequence[str]) -> dict[str, float | str]:
    """Count for how many of the first lines, which all have an answer, "Nothing matches well" appears."""
    answers = [engine.answer(Request(q=quoted(line))) for line in lines[:ORDINARY]]
    return {
        f"{of}: ordinary queries that have an answer": len(answers),
        f"{of}: of these, above which 'nothing matches well' is said": sum(answer.weak for answer in answers),
    }


def _run(command: list[str], data: str) -> None:
    subprocess.run([sys.executable, "-m", *command], env=os.environ | {"DATA_DIR": data}, check=True)


if __name__ == "__main__":
    main()
