"""The command `search`."""

import os
import shutil
import sys
import time
from collections.abc import Sequence
from itertools import pairwise

import click


@click.command(epilog="Exits with 0 also when nothing is found, 1 on an error, 2 on wrong usage.")
@click.argument("query", nargs=-1)
@click.option("-k", "limit", metavar="N", default=10, show_default=True, type=click.IntRange(1, 10_000), help="Hits.")
@click.option("--collection", metavar="NAME", help="Without it: the only one there is, else photos.")
@click.option("--min-score", metavar="X", type=click.FloatRange(-1, 1), help="Leave out hits with a lower cosine.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--paths", is_flag=True, help="Only the paths, one a line.")
@click.option("--null", is_flag=True, help="Only the paths, a NUL byte after each, for xargs -0.")
@click.option("--serve", is_flag=True, help="Serve the page and the API instead.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where --serve listens.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="Where --serve listens.")
def main(
    query: Sequence[str],
    limit: int,
    collection: str | None,
    min_score: float | None,
    as_json: bool,
    paths: bool,
    null: bool,
    serve: bool,
    host: str,
    port: int,
) -> None:
    """Find the pictures that a text describes, best first.

    Prints rank, score and path: a table on a terminal, tab-separated lines into a pipe. The score is the cosine of
    the two vectors; compare it within one collection only.

    \b
    Examples:
      search "two dogs on a beach"
      search -k 3 --json a red car
      search --null sunset | xargs -0 cp -t chosen/
      search --serve

    QUERY is always taken as text, also when it looks like a path or an address. Put -- before one that begins
    with a dash.
    """  # noqa: D301 - \b is click's mark for a paragraph to be left as it is
    if as_json + paths + null > 1:
        raise click.UsageError("give one of --json, --paths and --null")
    if bool(query) == serve:
        raise click.UsageError("give either a QUERY or --serve")

    from gallery.errors import GalleryError

    try:
        if serve:
            _serve(collection, host, port)
            return
        _search(" ".join(query), limit, collection, min_score, as_json=as_json, end=_path_end(paths, null))
    except GalleryError as error:
        raise click.ClickException(str(error)) from error


def _serve(name: str | None, host: str, port: int) -> None:
    from gallery.settings import Settings
    from search.serve import serve

    serve(Settings.from_environ(), name, host, port, lambda sentence: click.echo(sentence, err=True))


def _path_end(paths: bool, null: bool) -> bytes | None:
    return b"\0" if null else b"\n" if paths else None


def _search(
    query: str, limit: int, name: str | None, min_score: float | None, *, as_json: bool, end: bytes | None
) -> None:
    from gallery.calibration import load_calibration
    from gallery.collection import open_collection
    from gallery.encoder import load_encoder
    from gallery.settings import Settings
    from search.engine import SearchEngine, clean_query
    from search.table import format_json, format_table, format_tsv

    query = clean_query(query)  # before seconds are spent on loading the model
    settings = Settings.from_environ()
    times = [time.monotonic()]
    collection = open_collection(settings, name)
    try:
        encoder = load_encoder(collection.spec.encoder, settings.device)
        engine = SearchEngine(encoder, collection, load_calibration(settings, encoder.spec))
        times.append(time.monotonic())
        vector = engine.vector(query)
        times.append(time.monotonic())
        hits = engine.with_probabilities(engine.nearest(vector, limit, min_score=min_score))
        times.append(time.monotonic())
    finally:
        collection.close()
    if encoder.count_tokens(query) > encoder.text_limit:
        click.echo(f"The query is longer than {encoder.text_limit} tokens; the rest of it is not used.", err=True)
    if end is not None:
        sys.stdout.buffer.write(b"".join(os.fsencode(hit.image.path) + end for hit in hits))
    elif as_json:
        seconds = dict(zip(("load", "encode", "search"), (b - a for a, b in pairwise(times)), strict=True))
        sys.stdout.write(
            format_json(hits, query=query, encoder=encoder.spec.encoder, collection=collection.name, seconds=seconds)
        )
    elif sys.stdout.isatty():
        sys.stdout.write(format_table(hits, shutil.get_terminal_size().columns))
    else:
        sys.stdout.write(format_tsv(hits))
