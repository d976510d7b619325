"""The command `search`."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from gallery import __version__


class _Command(click.Command):
    """Says what to do with a line that begins with a dash."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            hint = f'put -- before a line that begins with a dash: search -- "{error.option_name} ..."'
            raise click.UsageError(f"{error.format_message()} Or {hint}", ctx) from error


@click.command(cls=_Command, epilog="Exits with 0 also when nothing is found, 1 on an error, 2 on wrong usage.")
@click.argument("query", nargs=-1)
@click.option("-k", "limit", metavar="N", default=10, show_default=True, type=click.IntRange(1, 10_000), help="Hits.")
@click.option("--collection", metavar="NAME", help="Without it: the only one there is, else photos.")
@click.option("--min-score", metavar="X", type=click.FloatRange(-1, 1), help="Leave out hits with a lower cosine.")
@click.option("--strict", is_flag=True, help="For a single text: only hits that a calibration tells from the rest.")
@click.option("--sort", type=click.Choice(["score", "date"]), default="score", help="date: newest first.")
@click.option(
    "--group",
    type=click.Choice(["near-duplicates", "folder", "day", "none"]),
    default="near-duplicates",
    show_default=True,
    help="Put hits together; -k counts groups. Of near-duplicates the best file is shown.",
)
@click.option("--hybrid", is_flag=True, help="Rank by the words of captions and file names as well.")
@click.option(
    "--word-weight",
    default=0.7,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Of --hybrid: what words count for.",
)
@click.option("--why", is_flag=True, help="Say why each picture was found: its cosine, and the words it shares.")
@click.option("--exact", is_flag=True, help="Compare with every vector, also where an index is faster.")
@click.option("--text-encoder", metavar="NAME", help="Another text tower of the same space, e.g. a multilingual one.")
@click.option("--explain", is_flag=True, help="Say on stderr how the line was understood.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--paths", is_flag=True, help="Only the paths, one a line.")
@click.option("--null", is_flag=True, help="Only the paths, a NUL byte after each, for xargs -0.")
@click.option("--sheet", metavar="FILE", type=click.Path(), help="Draw the hits into FILE.png or FILE.html instead.")
@click.option("--preview", is_flag=True, help="Show the pictures in the terminal instead.")
@click.option("--serve", is_flag=True, help="Serve the page and the API of all collections instead.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where --serve listens.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="Where --serve listens.")
@click.option(
    "--allow-changes",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Let whoever knows SEARCH_TOKEN add pictures, which are kept in FOLDER, and remove some over the API.",
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def main(
    query: Sequence[str],
    collection: str | None,
    text_encoder: str | None,
    explain: bool,
    as_json: bool,
    paths: bool,
    null: bool,
    sheet: str | None,
    preview: bool,
    serve: bool,
    host: str,
    port: int,
    allow_changes: Path | None,
    **options: Any,  # noqa: ANN401 - the fields of Request
) -> None:
    """Find the pictures that a line describes, best first.

    \b
    Examples:
      search "two dogs on a beach"
      search "dog + snow -cat after:2021 folder:alps"
      search 'like:IMG_2041.jpg + "at night" width>=2000'
      search "year:2019..2021 -has:captions"            the newest of them
      search "sunset (folder:alps OR folder:andes) orientation:landscape"
      search --null sunset | xargs -0 cp -t chosen/
      search --serve                                    the page and the API
      search - < queries.txt > answers.jsonl            one query a line, one JSON object each

    Put the line in quotes, and -- before one that begins with a dash.

    \b
    What a line holds:
      a dog on grass         text; sentences need no quoting
      + snow                 more of this, as far as the next +
      -cat  -"wet dog"       less of this word, or of this phrase
      2*dog  -0.5*cat        with a weight
      like:PATH  like:ID     like this picture, which is left out itself
      folder:NAME            in this folder, or below it
      path:GLOB              where the path ends in this, e.g. path:beach/*.jpg
      before:DATE after:DATE year:2021 year:2019..2021
      width>2000 height<=800 format:png camera:canon orientation:portrait
      has:captions           also has:camera, has:duplicates
      OR  NOT  ( )           between filters: folder:alps OR folder:andes
    A - before a filter turns it around; quotes make text of anything.

    \b
    It prints rank, score and path: a table on a terminal, tab-separated lines into a pipe. The score is the cosine
    of the two vectors; compare it within one collection only. With --hybrid it is the sum of reciprocal ranks.
    """  # noqa: D301 - \b is click's mark for a paragraph to be left as it is
    if as_json + paths + null + bool(sheet) + preview > 1:
        raise click.UsageError("give one of --json, --paths, --null, --sheet and --preview")
    if bool(query) == serve:
        raise click.UsageError("give either a QUERY or --serve")
    if allow_changes and not serve:
        raise click.UsageError("--allow-changes goes with --serve")
    lines = list(query) == ["-"]
    if lines and (paths or null or preview):
        raise click.UsageError("- answers in JSON lines or a --sheet; leave --paths, --null and --preview out")

    from gallery.errors import GalleryError
    from gallery.settings import Settings

    settings = Settings.from_environ()
    try:
        if serve:
            from search.web.serve import serve as serve_page

            serve_page(settings, collection, host, port, _say, allow_changes)
            return
        from search.command import Asker, Output
        from search.request import request_of

        options["group"] = None if options["group"] == "none" else options["group"]
        asker = Asker(settings, collection, text_encoder, _say)
        if lines:
            failed = asker.sheet_of_lines(options, Path(sheet)) if sheet else asker.answer_stdin(options)
        else:
            output = Output(
                as_json=as_json,
                end=b"\0" if null else b"\n" if paths else None,
                explain=explain,
                sheet=Path(sheet) if sheet else None,
                preview=preview,
            )
            failed = asker.answer_line(request_of(q=" ".join(query), **options), output)
    except GalleryError as error:
        raise click.ClickException(str(error)) from error
    if failed:
        raise SystemExit(1)


def run() -> None:
    """Run the command in a process of its own, which ends without tidying up its memory: that takes 0.1 s."""
    try:
        main()
    except SystemExit as end:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code if isinstance(end.code, int) else bool(end.code))


def _say(message: str) -> None:
    from gallery.printable import printable

    click.echo("\n".join(map(printable, message.split("\n"))), err=True)
