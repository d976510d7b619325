"""The command `evaluate`. Results go to stdout, messages to stderr."""

import json
import sys
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import click

from gallery import __version__, completion
from gallery.command_line import ExplainedGroup, errors_in_a_sentence
from gallery.settings import Settings

EXISTING = click.Path(exists=True, path_type=Path)
TO_WRITE = click.Path(path_type=Path)
_tell = partial(click.echo, err=True)
COLLECTION = click.option(
    "--collection",
    metavar="NAME",
    shell_complete=completion.collections,
    help="Default: the only one there is, otherwise photos.",
)
ENCODER = partial(click.option, "--encoder", metavar="NAME", shell_complete=completion.encoders)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(cls=ExplainedGroup)
@click.version_option(__version__, message="%(prog)s %(version)s")
def main() -> None:
    """Measure how well pictures are found, in your own collection or on judged data.

    Exit codes: 0 done, 1 error, 2 wrong usage. See docs/evaluate.md.

    Examples:
      evaluate collection --queries queries.tsv
      evaluate calibrate judged.csv
      evaluate compare flickr8k --encoder clip-ViT-B-32
    """


@main.command()
@click.argument("data", type=EXISTING)
@ENCODER(help="Encoder to compare; default: ENCODER, or ingest's choice.")
@click.option(
    "--systems",
    type=click.Choice(["all", "baseline"]),
    default="all",
    show_default=True,
    help="baseline: trained systems only.",
)
@click.option("--out", metavar="FOLDER", default="results", show_default=True, type=TO_WRITE, help="Where to write.")
@errors_in_a_sentence()
def compare(data: Path, encoder: str | None, systems: str, out: Path) -> None:
    """Compare systems on judged data, with the same queries and photos.

    DATA is a folder in the form of Flickr8k or of the Practicum task. Writes report.md, report.html, report.json and
    plots (with --systems baseline, baseline.*), and TREC files to the folder runs.

    Examples:
      evaluate compare flickr8k
      evaluate compare flickr8k --encoder siglip2-base-patch16-224 --out siglip
      evaluate compare flickr8k --systems baseline
    """
    from eval.compare import TEXTS, compare, per_query_table
    from eval.encoders import Towers
    from eval.report import write_report
    from eval.systems import SHOWN
    from gallery.encoders import choose_encoder, load_encoder
    from gallery.judged.networks import ImageNetwork
    from gallery.revision import made_with

    settings, towers, name = Settings.from_environ(), None, "baseline"
    command = f"make baseline DATA={data.resolve().name}"
    if systems == "all":
        chosen, why = choose_encoder(settings, encoder or settings.encoder)
        _tell(why)
        towers, name = Towers.of(load_encoder(settings, chosen, say=_tell), settings), "report"
        command = f"make eval DATA={data.resolve().name} ENCODER={chosen}"
    _tell("With the 1000 photos of the Practicum task this takes 5 minutes on two cores, 10 with --systems baseline.")
    made, runs = made_with(command), out / "runs" / name
    runs.mkdir(parents=True, exist_ok=True)
    (runs.parent / ".gitignore").write_text("*\n")  # they hold names and sentences from the data
    network = ImageNetwork("efficientnet-lite2", "", settings.device)
    found = compare(data, settings, network, towers, runs, _tell, texts=["bert"] if towers else TEXTS)
    report = write_report(found, out, name, made)
    per_query_table(found).to_csv(runs / "per-query.tsv", sep="\t", float_format="%.6g")
    _print([("system", *SHOWN), *((s.name, *(str(s.measures[m]) for m in SHOWN)) for s in found.systems)])
    _tell(f"{report}; every query in {runs / 'per-query.tsv'}")


@main.command()
@click.argument("data", type=EXISTING)
@COLLECTION
@ENCODER(help="Calibrate this encoder instead of a collection's.")
@errors_in_a_sentence()
def calibrate(data: Path, collection: str | None, encoder: str | None) -> None:
    """Fit the probability of a match at each score, which search then shows.

    DATA is a folder in the form of Flickr8k or of the Practicum task, or a CSV file with the columns image (path from
    the file's folder), text, probability (0 to 1) and, if known, photo (the image that the text was written for).

    Examples:
      evaluate calibrate judged.csv
      evaluate calibrate judged.csv --collection holidays
      evaluate calibrate flickr8k --encoder clip-ViT-B-32
    """
    from eval.encoders import Towers
    from eval.fitting import calibrate_encoder
    from gallery.calibration import save_calibration
    from gallery.encoders import load_encoder
    from gallery.opening import encoder_of_collection
    from gallery.stores import open_store

    settings = Settings.from_environ()
    if encoder:
        loaded = load_encoder(settings, encoder, say=_tell)
    else:
        with closing(open_store(settings).open(collection)) as opened:
            loaded = encoder_of_collection(settings, opened, _tell)
    towers = Towers.of(loaded, settings)
    found = calibrate_encoder(towers, data, settings, _tell)
    path = save_calibration(settings, towers.texts.spec, found.fitted.calibration)
    _print([*found.rows(), ("file", str(path))])


@main.command()
@click.option("--queries", metavar="FILE.tsv", type=EXISTING, help="Lines of a query, a tab and a path.")
@click.option("--captions", is_flag=True, help="Use the pictures' captions as queries.")
@COLLECTION
@click.option("--run", metavar="FILE", type=TO_WRITE, help="Write the run for trec_eval.")
@click.option("--qrels", metavar="FILE", type=TO_WRITE, help="Also write the qrels.")
@click.option(
    "--per-query", metavar="FILE.tsv", type=TO_WRITE, help="Write each query's rank, first answer and measures."
)
@JSON
@errors_in_a_sentence()
def collection(
    queries: Path | None,
    captions: bool,
    collection: str | None,
    run: Path | None,
    qrels: Path | None,
    per_query: Path | None,
    as_json: bool,
) -> None:
    """Measure how well your collection answers queries whose right pictures you know.

    Prints the figures, the queries that failed with what was found instead, and some that succeeded.

    Examples:
      evaluate collection --queries queries.tsv
      evaluate collection --captions --collection holidays
      evaluate collection --queries queries.tsv --per-query values.tsv
    """
    if (queries is None) != captions:
        raise click.UsageError("give one of --queries and --captions")
    from eval.collection import judge_collection, topics_of_collection
    from gallery.judged.trec import write_qrels, write_run
    from search.engine import SearchEngine

    with SearchEngine.open(Settings.from_environ(), collection) as engine:
        topics, relevant = topics_of_collection(engine.collection, queries)
        report = judge_collection(engine, topics, relevant)
    if run:
        write_run(report.run, run)
    if qrels:
        write_qrels(relevant, qrels)
    if per_query:
        report.queries.to_csv(per_query, sep="\t", float_format="%.6g")
    _print(report.rows(), report.facts() if as_json else None)


@main.command()
@click.argument("names", metavar="ENCODER ENCODER", nargs=2, shell_complete=completion.encoders)
@click.option("--queries", metavar="FILE.tsv", type=EXISTING, help="As for collection; default: captions.")
@COLLECTION
@JSON
@errors_in_a_sentence()
def compare_encoders(names: tuple[str, str], queries: Path | None, collection: str | None, as_json: bool) -> None:
    """Measure which of two encoders finds your pictures better, before you index them again.

    At most 1000 pictures of the collection are encoded with both, those with a query first. It is not changed.

    Examples:
      evaluate compare-encoders clip-b-32 siglip2-base
      evaluate compare-encoders conse clip-b-32 --collection holidays
      evaluate compare-encoders conse clip-b-32 --queries queries.tsv
    """
    from eval.collection import topics_of_collection
    from eval.encoders import Towers
    from eval.two_encoders import compare_encoders, sample_of
    from gallery.encoders import load_encoder
    from gallery.errors import BadInput
    from gallery.stores import open_store

    settings = Settings.from_environ()
    with closing(open_store(settings).open(collection)) as opened:
        sample = sample_of(opened, *topics_of_collection(opened, queries))
        encoders = [load_encoder(settings, name, say=_tell) for name in names]
        if len({encoder.spec for encoder in encoders}) == 1:
            raise BadInput(f"{' and '.join(names)} are one encoder; give two")
        towers = ((name, Towers.of(encoder, settings)) for name, encoder in zip(names, encoders, strict=True))
        contest = compare_encoders(opened, sample, towers, _tell)
    _print(contest.rows(), contest.facts() if as_json else None)


@main.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=EXISTING)
@click.argument("qrels", metavar="QRELS", type=EXISTING)
@JSON
@errors_in_a_sentence()
def run(runs: tuple[Path, ...], qrels: Path, as_json: bool) -> None:
    """Measure the answers of any system, from TREC files.

    RUN has lines of topic, Q0, document, rank, score, name; QRELS of topic, 0, document, relevance. Of several runs,
    each is tested against the best. Topics with the same relevant documents count as queries for one photo, and are
    resampled together.

    Examples:
      evaluate run mine.run qrels.txt
      evaluate run mine.run other.run qrels.txt
      evaluate run mine.run qrels.txt --json
    """
    from eval.files import judge_files, rows_of

    systems = judge_files(runs, qrels, _tell)
    _print(rows_of(systems), [{"run": system.name, **system.facts()} for system in systems] if as_json else None)


def _print(rows: Sequence[tuple[str, ...]], facts: object = None) -> None:
    """Print facts as JSON; without them rows, side by side on a terminal, tab-separated into a pipe."""
    if facts is not None:
        click.echo(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    width = max(len(row[0]) for row in rows)
    for name, *values in rows:
        click.echo("  ".join([f"{name:{width}}", *values]) if sys.stdout.isatty() else "\t".join([name, *values]))
