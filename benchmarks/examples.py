"""How well the example pictures are found, by one-thing queries and by their captions.

    python -m benchmarks.examples [--encoder NAME]

The queries of examples/queries.tsv were chosen before the first search. Writes results/examples.md and
results/examples.json.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from benchmarks.results import machine, write_results
from eval.collection import judge_collection, topics_from_captions, topics_from_file
from gallery.settings import Settings
from search.engine import SearchEngine

PHOTOS = Path("examples/photos")


@click.command()
@click.option("--encoder", default="conse", show_default=True)
def main(encoder: str) -> None:
    """Measure, print a table, and write results/examples.md and results/examples.json."""
    rows: dict[str, float | str] = {}
    with tempfile.TemporaryDirectory() as data:
        ingest = [sys.executable, "-m", "ingest", str(PHOTOS), "--encoder", encoder]
        ingest += ["--captions", str(PHOTOS / "captions.csv")]
        subprocess.run(ingest, env=os.environ | {"DATA_DIR": data}, check=True)
        with SearchEngine.open(Settings(Path(data))) as engine:
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
    write_results("examples", "The example pictures", rows | {"encoder": encoder} | machine("examples"))


if __name__ == "__main__":
    main()
