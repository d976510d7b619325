"""The command `search`."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gallery import __version__, completion
from gallery.command_line import SectionedCommand, errors_in_a_sentence, run_alone, together
from gallery.extras import install

if TYPE_CHECKING:
    from gallery.settings import Settings


class _Command(SectionedCommand):
    """Explains what to do with a query that begins with a dash."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        given = list(args)  # of which click takes what it has read
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if error.option_name.startswith("--"):
                raise
            query = next((arg for arg in given if arg.startswith(error.option_name)), error.option_name)
            hint = f"put -- before a query that begins with a dash: search -- {shlex.quote(query)}"
            raise click.UsageError(f"{error.format_message()} Or {hint}", ctx) from error


@click.command(
    cls=_Command,
    sections={
        "Find": "-k --collection --min-score --strict --hybrid --word-weight --exact --text-encoder",
        "Order and output": "--sort --group --why --explain --json --paths --null --sheet --preview",
        "Serve, instead of QUERY": "--serve --host --port --allow-no-token --allow-changes --hide-places --mcp",
    },
)
@click.argument("query", nargs=-1)
@click.option(
    "-k", "limit", metavar="N", default=10, show_default=True, type=click.IntRange(1, 10_000), help="How many hits."
)
@click.option(
    "--collection",
    metavar="NAME",
    shell_complete=completion.collections,
    help="Default: the only one, or else photos.",
)
@click.option("--min-score", metavar="X", type=click.FloatRange(-1, 1), help="Leave out hits with a lower cosine.")
@click.option("--strict", is_flag=True, help="Leave out non-matches: see evaluate calibrate.")
@click.option(
    "--sort", type=click.Choice(["score", "date"]), default="score", metavar="BY", help="score, or date: newest first."
)
@click.option(
    "--group",
    type=click.Choice(["near-duplicates", "folder", "day", "none"]),
    default="near-duplicates",
    metavar="BY",
    help="near-duplicates, folder, day or none.",
)
@click.option("--hybrid", is_flag=True, help="Also rank by words of captions and file names.")
@click.option(
    "--word-weight",
    default=0.7,
    show_default=True,
    type=click.FloatRange(0, 1),
    metavar="X",
    help="Weight of these words.",
)
@click.option("--why", is_flag=True, help="Say why each picture was found.")
@click.option("--exact", is_flag=True, help="Compare with every vector; use no index.")
@click.option(
    "--text-encoder",
    metavar="NAME",
    shell_complete=completion.text_encoders,
    help="Another text model, for another language.",
)
@click.option("--explain", is_flag=True, help="Say on stderr how the query was understood.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--paths", is_flag=True, help="Only the paths, one a line.")
@click.option("--null", is_flag=True, help="Only the paths, each ended by a NUL byte.")
@click.option("--sheet", metavar="FILE", type=click.Path(), help="Draw the hits into FILE.png or FILE.html.")
@click.option("--preview", is_flag=True, help="Show the pictures in the terminal.")
@click.option("--serve", is_flag=True, help="Serve the page and the API until Ctrl-C.")
@click.option("--host", metavar="H", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option(
    "--port", metavar="N", default=8000, show_default=True, type=click.IntRange(0, 65535), help="Where to listen."
)
@click.option("--allow-no-token", is_flag=True, help="Let other machines look without SEARCH_TOKEN.")
@click.option(
    "--allow-changes",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Let the API add and remove pictures.",
)
@click.option("--hide-places", is_flag=True, help="Hide where pictures were taken.")
@click.option("--mcp", is_flag=True, help="Serve an agent (Model Context Protocol).")
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
    mcp: bool,
    host: str,
    port: int,
    allow_no_token: bool,
    allow_changes: Path | None,
    hide_places: bool,
    **options: Any,  # noqa: ANN401 - the fields of Request
) -> None:
    """Find the pictures that QUERY describes, best first.

    Put QUERY in quotes, and -- before one that begins with a dash; - reads queries from stdin. See docs/commands.md.

    \b
    QUERY is text, and may hold:
      + snow  -cat  2*dog    more of this, less of this, with a weight
      like:PATH  like:ID     like this picture, which is left out itself
      folder:NAME            in this folder, or below it
      path:GLOB              where the path ends in this, e.g. path:beach/*.jpg
      before:2021 after:2021-06 year:2019..2021
      width>2000 height<=800 format:png camera:canon orientation:portrait
      has:captions           also has:camera, has:duplicates, has:place, has:text
      place:Portugal  near:Lisbon  near:"38.72,-9.14 within 5 km"
      text:invoice           with these words in the picture, once ingest --read-text has read them
      OR  NOT  ( )           between filters: folder:alps OR folder:andes
      -folder:raw  "a - b"   a filter turned around; quotes make text of anything

    Exit codes: 0 done, also if nothing was found; 1 error; 2 wrong usage.

    Examples:
      search "dog + snow -cat after:2021 folder:alps"
      search 'like:IMG_2041.jpg + "at night" width>=2000'
      search --null sunset | xargs -0 cp -t chosen/
    """  # noqa: D301 - \b is click's mark for a paragraph to be left as it is
    outputs = {"--json": as_json, "--paths": paths, "--null": null, "--sheet": bool(sheet), "--preview": preview}
    if wrong := together(outputs) or together({"QUERY": bool(query), "--serve": serve, "--mcp": mcp}):
        raise click.UsageError(wrong)
    if not (query or serve or mcp):
        raise click.UsageError("give one of QUERY, --serve and --mcp")
    if allow_changes and not serve:
        raise click.UsageError("--allow-changes goes with --serve")
    if allow_no_token and not serve:
        raise click.UsageError("--allow-no-token goes with --serve")
    if hide_places and not (serve or mcp):
        raise click.UsageError("--hide-places goes with --serve or --mcp")
    lines = list(query) == ["-"]
    if lines and (paths or null or preview):
        raise click.UsageError("- answers in JSON lines or a --sheet; leave --paths, --null and --preview out")

    from gallery.settings import Settings

    settings = Settings.from_environ()
    with errors_in_a_sentence():
        if serve:
            from search.web.serve import serve as serve_page

            shown = {"hide_places": hide_places, "allow_no_token": allow_no_token}
            serve_page(settings, collection, host, port, _say, allow_changes, **shown)
            return
        if mcp:
            _serve_agent(settings, collection, hide_places=hide_places)
            return
        from search.command import Asker, Output

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
            failed = asker.answer_line(" ".join(query), options, output)
    if failed:
        raise SystemExit(1)


def run() -> None:
    """Run the command in a process of its own."""
    run_alone(main)


def _serve_agent(settings: "Settings", collection: str | None, *, hide_places: bool) -> None:
    try:
        from search.mcp import serve
    except ImportError as error:
        raise click.ClickException(f"--mcp needs a package: {install('mcp')}") from error
    serve(settings, collection, _say, hide_places=hide_places)


def _say(message: str) -> None:
    from gallery.printable import printable

    click.echo("\n".join(map(printable, message.split("\n"))), err=True)
