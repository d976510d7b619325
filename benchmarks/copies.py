"""How long copies of one picture take, each of which is another place of one point. Exits with 1 if too long.

python -m benchmarks.copies [--files 20000]
"""

import sys
import time
from contextlib import closing

import click
from PIL import Image

from benchmarks.results import write_results
from benchmarks.small import LetterEncoder, working_folder
from gallery.settings import Settings
from gallery.stores import open_store
from ingest.pipeline import ingest

MOST_SECONDS = 20.0


@click.command()
@click.option("--files", default=20_000, show_default=True)
def main(files: int) -> None:
    """Index copies of one picture; write results/copies.md and results/copies.json."""
    with working_folder() as work:
        for number in range(files):
            path = work / "photos" / f"{number // 500}" / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (9, 9), "red").save(path)
        started, worked = time.perf_counter(), time.process_time()
        with closing(open_store(Settings(data_dir=work / "data")).edit("photos")) as editor:
            report = ingest([work / "photos"], editor, LetterEncoder)
        seconds = time.perf_counter() - started
    if (report.indexed, report.updated) != (1, files - 1):
        sys.exit(f"{report.indexed} indexed and {report.updated} updated of {files}")
    rows: dict[str, float | str] = {
        "copies of one picture": files,
        "seconds": round(seconds, 1),
        "seconds of the processors": round(time.process_time() - worked, 1),
    }
    write_results("copies", "Copies of one picture", rows)
    if seconds > MOST_SECONDS:
        sys.exit(f"more than {MOST_SECONDS:.0f} s")


if __name__ == "__main__":
    main()
