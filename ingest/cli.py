"""The command `ingest`."""

import sys
import warnings
from pathlib import Path
from typing import Any

import click

from gallery.errors import GalleryError
from gallery.settings import DEFAULT_COLLECTION, Settings

STOPPED = 130


@click.command(
    epilog="Exits with 0 when all is indexed, 1 on an error, 2 on wrong usage, 3 when some files are unreadable."
)
@click.argument("paths", metavar="PATH...", nargs=-1, type=click.Path(exists=True, path_type=Path))
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
@click.option("--prune", is_flag=True, help="Remove pictures whose files are gone from below PATH.")
@click.option("--part", metavar="I/N", help="Take in only this part of the contents; others take the other parts.")
@click.option("--dry-run", is_flag=True, help="List what would be done, and change nothing.")
@click.option("--yes", is_flag=True, help="Do also what --prune, --forget, --drop or --encoder would ask about.")
@click.option("--forget", metavar="PATH", multiple=True, type=click.Path(path_type=Path), help="Remove what is there.")
@click.option("--drop", metavar="NAME", help="Remove a collection.")
@click.option("--failures", is_flag=True, help="List the unreadable files of the collection.")
@click.option("--list", "list_all", is_flag=True, help="List the collections.")
@click.option("--encoders", is_flag=True, help="List the encoders that can be used, and what is on this machine.")
@click.option("--copy-to", metavar="URL|DIR", help="Copy the collection to a server or a folder, and compare.")
@click.option("--as", "new_name", metavar="NAME", help="Name of the copy, if not that of the original.")
@click.option("--set-public-url", metavar="URL", help="Rewrite the addresses of thumbnails; '' takes them out.")
def main(
    paths: tuple[Path, ...],
    collection: str,
    forget: tuple[Path, ...],
    drop: str | None,
    failures: bool,
    list_all: bool,
    encoders: bool,
    copy_to: str | None,
    new_name: str | None,
    set_public_url: str | None,
    yes: bool,
    **options: Any,  # noqa: ANN401 - of a run, handed on as they are
) -> None:
    """Index the image files below each PATH, to be found with `search`.

    Files that look as they did at the last run are not opened again. JPEG, PNG, WebP, GIF, TIFF, BMP and AVIF are
    read, and HEIC where the package pi-heif is installed. Hidden files and folders are left out, and what the
    .galleryignore files in the folders exclude.

    \b
    Examples:
      ingest ~/Pictures
      ingest ~/Pictures --prune --exclude 'screenshots/'
      ingest --forget ~/Pictures/private
    """  # noqa: D301 - \b is click's mark for a paragraph to be left as it is
    yes = yes and not options["dry_run"]
    asked = [bool(paths), bool(forget), drop is not None, failures, list_all, encoders]
    asked += [copy_to is not None, set_public_url is not None]
    if sum(asked) != 1:
        raise click.UsageError(
            "give PATH..., or one of --forget, --drop, --failures, --list, --encoders, --copy-to and --set-public-url"
        )
    if new_name and not copy_to:
        raise click.UsageError("--as names a copy; give --copy-to, too")
    warnings.filterwarnings("ignore", module="PIL")  # what Pillow thinks of odd files; the report names the bad ones
    settings = Settings.from_environ()
    from ingest import commands, places
    from ingest.encoders import list_encoders  # which imports what takes time, and --help needs none of it

    try:
        if list_all:
            commands.list_all(settings)
        elif encoders:
            list_encoders(settings)
        elif failures:
            commands.list_failures(settings, collection)
        elif drop is not None:
            commands.drop(settings, drop, yes=yes)
        elif copy_to is not None:
            places.copy(settings, collection, copy_to, new_name)
        elif set_public_url is not None:
            places.point_thumbnails(settings, collection, set_public_url)
        elif forget:
            commands.forget(settings, collection, forget, yes=yes)
        else:
            sys.exit(commands.index(settings, paths, collection, yes=yes, **options))
    except GalleryError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        click.echo("Stopped. What was written is kept; the same command goes on from there.", err=True)
        sys.exit(STOPPED)
