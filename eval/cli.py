"""The command `evaluate`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from gallery import __version__

EXISTING = click.Path(exists=True, path_type=Path)


@click.group(epilog="Exits with 0 when done, 1 on an error, 2 on wrong usage.")
@click.version_option(__version__, message="%(prog)s %(version)s")
def main() -> None:
    """Measure how well pictures are found: on data that people judged, and on a collection of your own."""


@main.command()
@click.argument("data", type=EXISTING)
@click.option("--encoder", metavar="NAME", help="The encoder to compare; without it: ENCODER, else as ingest chooses.")
@click.option(
    "--systems",
    type=click.Choice(["all", "baseline"]),
    default="all",
    show_default=True,
    help="baseline: without an encoder, with more text vectors, and beside published figures.",
)
@click.option(
    "--out", metavar="FOLDER", default="results", show_default=True, type=click.Path(path_type=Path), help="Where to."
)
def compare(data: Path, encoder: str | None, systems: str, out: Path) -> None:
    """Compare systems on judged data: the same queries, the same photos.

    DATA is a folder in the form of Flickr8k or of the Practicum task. Writes report.md, report.html, report.json and
    plots, or with --systems baseline the same as baseline.*; runs, qrels and every value by query to the folder runs;
    pictures to the folder sheets, which are for this machine only where the data may not be passed on.

    \b
    Example:
      evaluate compare flickr8k --out results
    """  # noqa: D301 - \b is click's mark for a paragraph to be left as it is
    from eval.commands import run_compare
    from gallery.settings import Settings

    with _errors_in_a_sentence():
        run_compare(data, encoder, systems, out, Settings.from_environ(), _tell)


@main.command()
@click.argument("data", type=EXISTING)
@click.option("--collection", metavar="NAME", help="Whose encoder to calibrate; without it: the only one, else photos.")
@click.option("--encoder", metavar="NAME", help="Calibrate this encoder instead of a collection's.")
def calibrate(data: Path, collection: str | None, encoder: str | None) -> None:
    """Fit how probable a match is for a score, so that search shows it.

    DATA is a folder in the form of Flickr8k or of the Practicum task, or a CSV file with the columns image (path from
    the file's folder), text, probability (0 to 1) and, if known, photo (the image that the text was written for).

    \b
    Example:
      evaluate calibrate judged.csv --collection photos
    """  # noqa: D301 - as above
    from eval.commands import run_calibrate
    from gallery.settings import Settings

    with _errors_in_a_sentence():
        run_calibrate(data, collection, encoder, Settings.from_environ(), _tell)


@main.command()
@click.option("--queries", "path", metavar="FILE.tsv", type=EXISTING, help="Lines: query, tab, path of a picture, …")
@click.option("--captions", is_flag=True, help="Use the captions that the pictures were ingested with as queries.")
@click.option("--collection", "name", metavar="NAME", help="Without it: the only one there is, else photos.")
@click.option("--run", "run_path", metavar="FILE", type=click.Path(path_type=Path), help="Write the run for trec_eval.")
@click.option("--qrels", "qrels_path", metavar="FILE", type=click.Path(path_type=Path), help="Write the qrels, too.")
@click.option(
    "--per-query",
    "per_query_path",
    metavar="FILE.tsv",
    type=click.Path(path_type=Path),
    help="Write every query with its rank, its first answer and its measures.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def collection(
    path: Path | None,
    captions: bool,
    name: str | None,
    run_path: Path | None,
    qrels_path: Path | None,
    per_query_path: Path | None,
    as_json: bool,
) -> None:
    """Measure how well your own collection answers queries whose pictures you know.

    Lists the figures, then the queries that failed with what was found instead, then some that did best.

    \b
    Example:
      printf 'two dogs on a beach\\tIMG_0042.jpg\\n' > queries.tsv
      evaluate collection --queries queries.tsv
    """  # noqa: D301 - as above
    if (path is None) != captions:
        raise click.UsageError("give one of --queries and --captions")
    from eval.commands import run_collection
    from gallery.settings import Settings

    with _errors_in_a_sentence():
        run_collection(
            path,
            name,
            Settings.from_environ(),
            run_path=run_path,
            qrels_path=qrels_path,
            per_query_path=per_query_path,
            as_json=as_json,
        )


@main.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=EXISTING)
@click.argument("qrels", metavar="QRELS", type=EXISTING)
@click.option("--json", "as_json", is_flag=True, help="A list with one object for each run.")
def run(runs: tuple[Path, ...], qrels: Path, as_json: bool) -> None:
    """Measure what any system answered, out of its TREC files.

    RUN has lines of topic, Q0, document, rank, score, name; QRELS of topic, 0, document, relevance. Of several runs,
    the others are tested against the best. Topics with the same relevant documents are taken for queries of one photo,
    and resampled together.

    \b
    Example:
      evaluate run mine.run other.run qrels.txt
    """  # noqa: D301 - as above
    from eval.commands import run_files

    with _errors_in_a_sentence():
        run_files(runs, qrels, as_json=as_json, tell=_tell)


def _tell(message: str) -> None:
    click.echo(message, err=True)


@contextmanager
def _errors_in_a_sentence() -> Iterator[None]:
    from gallery.errors import GalleryError

    try:
        yield
    except GalleryError as error:
        raise click.ClickException(str(error)) from error
