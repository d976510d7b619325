"""The command `ingest`."""

import sys
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from gallery import __version__
from gallery.errors import GalleryError
from gallery.settings import DEFAULT_COLLECTION, Settings
from ingest.stopping import STOPPED, stoppable


def _is_given(option: str) -> bool:
    return click.get_current_context().get_parameter_source(option) is ParameterSource.COMMANDLINE


@click.command(
    epilog="Exits with 0 when all is indexed, 1 on an error, 2 on wrong usage, 3 when some files are unreadable."
)
@click.argument("paths", metavar="PATH...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--collection", metavar="NAME", default=DEFAULT_COLLECTION, show_default=True, help="Where to write.")
@click.option(
    "--encoder",
    metavar="NAME",
    help="A CLIP model, a folder, or conse; another than the collection has indexes all anew.",
)
@click.option(
    "--precision",
    metavar="FORM",
    type=click.Choice(["auto", "float32", "int8", "int8-mlp"]),
    help="Numbers to compute with; chosen for a new collection by measuring, as auto does again.",
)
@click.option(
    "--captions",
    metavar="FILE.csv",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Sentences to keep with the pictures, from the columns image and text.",
)
@click.option(
    "--batch-size",
    metavar="N",
    type=click.IntRange(1, 4096),
    help="Pictures that are encoded at once; by default 8 on a processor, 64 on a GPU.",
)
@click.option("--exclude", metavar="GLOB", multiple=True, help="Leave out what matches, as .gitignore does.")
@click.option("--prune", is_flag=True, help="Remove pictures below PATH whose files are gone or excluded by now.")
@click.option("--verify", is_flag=True, help="Read unchanged files again, too, and see whether they still are.")
@click.option("--refresh", is_flag=True, help="Read dates, cameras, places and keywords of all pictures again.")
@click.option(
    "--moved",
    metavar="OLD NEW",
    nargs=2,
    type=click.Path(path_type=Path),
    help="Say that files below OLD are below NEW now.",
)
@click.option("--part", metavar="I/N", help="Take in only this part of the contents; others take the other parts.")
@click.option("--dry-run", is_flag=True, help="List what would be done, and change nothing.")
@click.option("--yes", is_flag=True, help="Do also what --prune, --forget, --drop or --encoder would ask about.")
@click.option("--forget", metavar="PATH", multiple=True, help="Remove what is there.")
@click.option("--drop", metavar="NAME", help="Remove a collection.")
@click.option("--failures", is_flag=True, help="List the unreadable files of the collection.")
@click.option("--check", is_flag=True, help="Say whether the collection (--collection; else all) is whole.")
@click.option("--repair", is_flag=True, help="Mend the collection from what is whole.")
@click.option("--list", "list_all", is_flag=True, help="List the collections.")
@click.option("--encoders", is_flag=True, help="List the encoders that can be used, and what is on this machine.")
@click.option("--export-encoder", metavar="NAME", help="Write an encoder's folder, to carry to another machine.")
@click.option("--to", "to", metavar="FOLDER", type=click.Path(path_type=Path), help="Where --export-encoder writes.")
@click.option("--copy-to", metavar="URL|DIR", help="Copy the collection to a server or a folder, and compare.")
@click.option("--as", "new_name", metavar="NAME", help="Name of the copy, if not that of the original.")
@click.option("--set-public-url", metavar="URL", help="Rewrite the addresses of thumbnails; '' takes them out.")
@click.version_option(__version__, message="%(prog)s %(version)s")
def main(
    paths: tuple[Path, ...],
    collection: str,
    forget: tuple[str, ...],
    refresh: bool,
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
    **options: Any,  # noqa: ANN401 - of a run, handed on as they are
) -> None:
    """Index the image files below each PATH, to be found with `search`.

    Unchanged files are skipped. JPEG, PNG, WebP, GIF, TIFF, BMP and AVIF are read, HEIC where the package pi-heif is
    installed, and the raw files of cameras where rawpy is. Left out are hidden files and folders, trash and
    thumbnails of other programs, and what the .galleryignore files in the folders exclude.

    \b
    Examples:
      ingest ~/Pictures
      ingest ~/Pictures --prune --exclude 'screenshots/'
      ingest --forget ~/Pictures/private
    """  # noqa: D301 - \b is click's mark for a paragraph to be left as it is
    yes = yes and not options["dry_run"]
    asked = [bool(paths), bool(forget), drop is not None, failures, list_all, encoders, export_encoder is not None]
    asked += [check, repair, refresh, bool(moved), copy_to is not None, set_public_url is not None]
    if sum(asked) != 1:
        raise click.UsageError(
            "give PATH..., or one of --refresh, --moved, --forget, --drop, --failures, --list, --encoders, "
            "--export-encoder, --copy-to, --set-public-url, --check and --repair"
        )
    if bool(export_encoder) != bool(to):
        raise click.UsageError("give --export-encoder NAME and --to FOLDER together")
    if new_name and not copy_to:
        raise click.UsageError("--as names a copy; give --copy-to, too")
    warnings.filterwarnings("ignore", module="PIL")  # what Pillow thinks of odd files; the report names the bad ones
    settings = Settings.from_environ()
    from ingest import commands, health, places  # --help needs none of it

    try:
        with stoppable() as stop:
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
                commands.drop(settings, drop, yes=yes)
            elif copy_to is not None:
                places.copy(settings, collection, copy_to, new_name)
            elif set_public_url is not None:
                places.point_thumbnails(settings, collection, set_public_url)
            elif refresh:
                places.refresh(settings, collection)
            elif moved:
                places.moved(settings, collection, *moved)
            elif forget:
                commands.forget(settings, collection, forget, yes=yes)
            else:
                sys.exit(commands.index(settings, paths, collection, yes=yes, stop=stop, **options))
    except GalleryError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        click.echo("Stopped. What was done is kept; run the same command again to go on from there.", err=True)
        sys.exit(STOPPED)
