"""The command `ingest`."""

import sys
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from gallery import __version__, completion
from gallery.command_line import SectionedCommand, errors_in_a_sentence, run_alone, together
from gallery.settings import DEFAULT_COLLECTION, Settings
from ingest.stopping import STOPPED, stoppable


def _is_given(option: str) -> bool:
    return click.get_current_context().get_parameter_source(option) is ParameterSource.COMMANDLINE


def _refuse(*wrongs: tuple[bool, str]) -> None:
    for is_so, why in wrongs:
        if is_so:
            raise click.UsageError(why)


@click.command(
    cls=SectionedCommand,
    sections={
        "Index": "--collection --encoder --precision --captions --batch-size --exclude --prune --watch --no-places "
        "--verify --part --dry-run --yes",
        "Instead of PATH": "--list --failures --check --refresh --moved --forget --drop --repair --copy-to --as "
        "--set-public-url --encoders --export-encoder --to",
    },
)
@click.argument("paths", metavar="PATH...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--collection",
    metavar="NAME",
    default=DEFAULT_COLLECTION,
    show_default=True,
    shell_complete=completion.collections,
    help="Collection; but for PATH, the only one.",
)
@click.option(
    "--encoder",
    metavar="NAME",
    shell_complete=completion.encoders,
    help="One of --encoders, or a folder.",
)
@click.option(
    "--precision",
    metavar="FORM",
    type=click.Choice(["auto", "float32", "int8", "int8-mlp"]),
    help="float32, int8, int8-mlp, or auto: measure again.",
)
@click.option(
    "--captions",
    metavar="FILE.csv",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Sentences to store: columns image and text.",
)
@click.option(
    "--batch-size",
    metavar="N",
    type=click.IntRange(1, 4096),
    help="Pictures per batch; CPU 8, GPU 64.",
)
@click.option("--exclude", metavar="GLOB", multiple=True, help="Skip what matches, as .gitignore does.")
@click.option("--prune", is_flag=True, help="Remove pictures whose files are gone or excluded.")
@click.option("--watch", is_flag=True, help="Keep running, and repeat on every change.")
@click.option("--no-places", is_flag=True, help="Do not store where pictures were taken.")
@click.option("--verify", is_flag=True, help="Also read unchanged files, and check them.")
@click.option("--refresh", is_flag=True, help="Read dates, places and keywords again.")
@click.option("--read-text", is_flag=True, help="Read the text in pictures, for text: and words.")
@click.option(
    "--text-model",
    metavar="FOLDER",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Networks for --read-text.",
)
@click.option(
    "--moved",
    metavar="OLD NEW",
    nargs=2,
    type=click.Path(path_type=Path),
    help="Rewrite paths: files below OLD are now below NEW.",
)
@click.option("--part", metavar="I/N", help="Index only this part, such as 1/4.")
@click.option("--dry-run", is_flag=True, help="List what would be done; change nothing.")
@click.option("--yes", is_flag=True, help="Confirm what would otherwise be refused.")
@click.option("--forget", metavar="PATH", multiple=True, help="Remove the pictures of a file or folder.")
@click.option("--drop", metavar="NAME", shell_complete=completion.collections, help="Delete a collection.")
@click.option("--failures", is_flag=True, help="List unreadable files and the reasons.")
@click.option("--check", is_flag=True, help="Check collections for damage.")
@click.option("--repair", is_flag=True, help="Repair a damaged collection.")
@click.option("--list", "list_all", is_flag=True, help="List the collections.")
@click.option("--encoders", is_flag=True, help="List the encoders.")
@click.option(
    "--export-encoder",
    metavar="NAME",
    shell_complete=completion.encoders,
    help="Write an encoder's folder, to copy elsewhere.",
)
@click.option("--to", "to", metavar="FOLDER", type=click.Path(path_type=Path), help="Folder to write the encoder to.")
@click.option("--copy-to", metavar="URL|DIR", help="Copy the collection to a server or a folder.")
@click.option("--as", "new_name", metavar="NAME", help="Name of the copy.")
@click.option("--set-public-url", metavar="URL", help="Change thumbnails' addresses; '' removes them.")
@click.version_option(__version__, message="%(prog)s %(version)s")
def main(
    paths: tuple[Path, ...],
    collection: str,
    forget: tuple[str, ...],
    refresh: bool,
    read_text: bool,
    text_model: Path | None,
    moved: tuple[Path, Path] | None,
    drop: str | None,
    failures: bool,
    check: bool,
    repair: bool,
    list_all: bool,
    encoders: bool,
    export_encoder: str | None,
    to: Path | None,
    copy_to: str | None,
    new_name: str | None,
    set_public_url: str | None,
    yes: bool,
    watch: bool,
    **options: Any,  # noqa: ANN401 - of a run, handed on as they are
) -> None:
    """Index the image files below each PATH, to be found with `search`.

    Unchanged files are skipped, and so is what .galleryignore files exclude. If you stop a run, the next one continues.
    Every option is explained in docs/commands.md.

    Exit codes: 0 done, 1 error, 2 wrong usage, 3 done, but some files could not be read.

    Examples:
      ingest ~/Pictures
      ingest ~/Pictures --prune --exclude 'screenshots/'
      ingest --forget ~/Pictures/private
    """
    yes = yes and not options["dry_run"]
    asked = {"PATH": bool(paths), "--read-text": read_text, "--refresh": refresh, "--moved": bool(moved)}
    asked |= {"--forget": bool(forget), "--drop": drop is not None, "--failures": failures, "--list": list_all}
    asked |= {"--encoders": encoders, "--export-encoder": export_encoder is not None, "--copy-to": copy_to is not None}
    asked |= {"--set-public-url": set_public_url is not None, "--check": check, "--repair": repair}
    _refuse(
        (not any(asked.values()), f"give PATH..., or one of {', '.join(list(asked)[1:])}"),
        (bool(wrong := together(asked)), str(wrong)),
        (bool(export_encoder) != bool(to), "give --export-encoder NAME and --to FOLDER together"),
        (bool(new_name) and not copy_to, "--as names a copy; give --copy-to, too"),
        (bool(text_model) and not read_text, "--text-model is for --read-text; give that, too"),
        (watch and (not paths or options["dry_run"]), "--watch goes with PATH..., and without --dry-run"),
    )
    warnings.filterwarnings("ignore", module="PIL")  # Pillow's warnings on odd files; the report names the bad ones
    settings = Settings.from_environ()
    from ingest import commands, health, places  # imported here, as --help does not need it

    try:
        with errors_in_a_sentence(), stoppable() as stop:
            if not (paths or list_all or encoders or export_encoder or drop or _is_given("collection")):
                collection = commands.default_collection(settings)
            if check:
                sys.exit(health.check(settings, collection if _is_given("collection") else None))
            elif repair:
                health.repair(settings, collection, dry_run=options["dry_run"])
            elif list_all:
                commands.list_all(settings)
            elif encoders:
                from ingest.encoders import list_encoders

                list_encoders(settings)
            elif export_encoder is not None and to is not None:
                from ingest import encoders as making

                making.export_encoder(settings, export_encoder, to, insist=yes, say=partial(click.echo, err=True))
            elif failures:
                commands.list_failures(settings, collection)
            elif drop is not None:
                commands.drop(settings, drop, yes=yes, dry_run=options["dry_run"])
            elif copy_to is not None:
                places.copy(settings, collection, copy_to, new_name)
            elif set_public_url is not None:
                places.point_thumbnails(settings, collection, set_public_url)
            elif read_text:
                places.read_text(settings, collection, text_model, stop)
            elif refresh:
                places.refresh(settings, collection, stop, no_places=options["no_places"])
            elif moved:
                places.moved(settings, collection, *moved)
            elif forget:
                commands.forget(settings, collection, forget, yes=yes, dry_run=options["dry_run"])
            elif watch:
                commands.watch(settings, paths, collection, yes=yes, stop=stop, **options)
            else:
                sys.exit(commands.index(settings, paths, collection, yes=yes, stop=stop, **options))
    except KeyboardInterrupt:
        then = "" if watch else "; run the same command again to continue"
        click.echo(f"Stopped. Finished work is kept{then}.", err=True)
        sys.exit(STOPPED)


def run() -> None:
    """Run the command in a process of its own."""
    run_alone(main)
