"""The command `evaluate`."""

from pathlib import Path

import click

from gallery import __version__, completion
from gallery.command_line import errors_in_a_sentence

EXISTING = click.Path(exists=True, path_type=Path)
COLLECTION = click.option(
    "--collection",
    "name",
    metavar="NAME",
    shell_complete=completion.collections,
    help="Default: the only one there is, otherwise photos.",
)


@click.group(
    epilog="""Exit codes: 0 done, 1 error, 2 wrong usage. See docs/evaluate.md.

    \b
    Examples:
      evaluate collection --queries queries.tsv
      evaluate calibrate judged.csv
      evaluate compare flickr8k --encoder clip-ViT-B-32
    """
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def main() -> None:
    """Measure how well pictures are found, in your own collection or on judged data."""


@main.command(
    epilog="""\b
    Examples:
      evaluate compare flickr8k
      evaluate compare flickr8k --encoder siglip2-base-patch16-224 --out siglip
      evaluate compare flickr8k --systems baseline
    """
)
@click.argument("data", type=EXISTING)
@click.option(
    "--encoder",
    metavar="NAME",
    shell_complete=completion.encoders,
    help="Encoder to compare; default: ENCODER, or ingest's choice.",
)
@click.option(
    "--systems",
    type=click.Choice(["all", "baseline"]),
    default="all",
    show_default=True,
    help="baseline: trained systems only.",
)
@click.option(
    "--out",
    metavar="FOLDER",
    default="results",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Where to write.",
)
def compare(data: Path, encoder: str | None, systems: str, out: Path) -> None:
    """Compare systems on judged data, with the same queries and photos.

    DATA is a folder in the form of Flickr8k or of the Practicum task. Writes report.md, report.html, report.json and
    plots (with --systems baseline, baseline.*), and TREC files to the folder runs.
    """
    from eval.commands import run_compare
    from gallery.settings import Settings

    with errors_in_a_sentence():
        run_compare(data, encoder, systems, out, Settings.from_environ(), _tell)


@main.command(
    epilog="""\b
    Examples:
      evaluate calibrate judged.csv
      evaluate calibrate judged.csv --collection holidays
      evaluate calibrate flickr8k --encoder clip-ViT-B-32
    """
)
@click.argument("data", type=EXISTING)
@click.option(
    "--collection",
    metavar="NAME",
    shell_complete=completion.collections,
    help="Its encoder is calibrated; default: the only one, or photos.",
)
@click.option(
    "--encoder",
    metavar="NAME",
    shell_complete=completion.encoders,
    help="Calibrate this encoder instead of a collection's.",
)
def calibrate(data: Path, collection: str | None, encoder: str | None) -> None:
    """Fit the probability of a match at each score, which search then shows.

    DATA is a folder in the form of Flickr8k or of the Practicum task, or a CSV file with the columns image (path from
    the file's folder), text, probability (0 to 1) and, if known, photo (the image that the text was written for).
    """
    from eval.commands import run_calibrate
    from gallery.settings import Settings

    with errors_in_a_sentence():
        run_calibrate(data, collection, encoder, Settings.from_environ(), _tell)


@main.command(
    epilog="""\b
    Examples:
      evaluate collection --queries queries.tsv
      evaluate collection --captions --collection holidays
      evaluate collection --queries queries.tsv --per-query values.tsv
    """
)
@click.option("--queries", "path", metavar="FILE.tsv", type=EXISTING, help="Lines of a query, a tab and a path.")
@click.option("--captions", is_flag=True, help="Use the pictures' captions as queries.")
@COLLECTION
@click.option("--run", "run_path", metavar="FILE", type=click.Path(path_type=Path), help="Write the run for trec_eval.")
@click.option("--qrels", "qrels_path", metavar="FILE", type=click.Path(path_type=Path), help="Also write the qrels.")
@click.option(
    "--per-query",
    "per_query_path",
    metavar="FILE.tsv",
    type=click.Path(path_type=Path),
    help="Write each query's rank, first answer and measures.",
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
    """Measure how well your collection answers queries whose right pictures you know.

    Prints the figures, the queries that failed with what was found instead, and some that succeeded.
    """
    if (path is None) != captions:
        raise click.UsageError("give one of --queries and --captions")
    from eval.commands import run_collection
    from gallery.settings import Settings

    with errors_in_a_sentence():
        run_collection(
            path,
            name,
            Settings.from_environ(),
            run_path=run_path,
            qrels_path=qrels_path,
            per_query_path=per_query_path,
            as_json=as_json,
        )


@main.command(
    epilog="""\b
    Examples:
      evaluate compare-encoders clip-b-32 siglip2-base
      evaluate compare-encoders conse clip-b-32 --collection holidays
      evaluate compare-encoders conse clip-b-32 --queries queries.tsv
    """
)
@click.argument("first", metavar="ENCODER", shell_complete=completion.encoders)
@click.argument("second", metavar="ENCODER", shell_complete=completion.encoders)
@click.option("--queries", "path", metavar="FILE.tsv", type=EXISTING, help="As for collection; default: captions.")
@COLLECTION
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def compare_encoders(first: str, second: str, path: Path | None, name: str | None, as_json: bool) -> None:
    """Measure which of two encoders finds your pictures better, before you index them again.

    At most 1000 pictures of the collection are encoded with both, those with a query first. It is not changed.
    """
    from eval.commands import run_compare_encoders
    from gallery.settings import Settings

    with errors_in_a_sentence():
        run_compare_encoders((first, second), path, name, Settings.from_environ(), as_json=as_json, tell=_tell)


@main.command(
    epilog="""\b
    Examples:
      evaluate run mine.run qrels.txt
      evaluate run mine.run other.run qrels.txt
      evaluate run mine.run qrels.txt --json
    """
)
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=EXISTING)
@click.argument("qrels", metavar="QRELS", type=EXISTING)
@click.option("--json", "as_json", is_flag=True, help="A list with one object for each run.")
def run(runs: tuple[Path, ...], qrels: Path, as_json: bool) -> None:
    """Measure the answers of any system, from TREC files.

    RUN has lines of topic, Q0, document, rank, score, name; QRELS of topic, 0, document, relevance. Of several runs,
    each is tested against the best. Topics with the same relevant documents count as queries for one photo, and are
    resampled together.
    """
    from eval.commands import run_files

    with errors_in_a_sentence():
        run_files(runs, qrels, as_json=as_json, tell=_tell)


def _tell(message: str) -> None:
    click.echo(message, err=True)
