"""The command `ingest`."""

import os
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from gallery.collection import (
    DEFAULT_COLLECTION,
    Editor,
    drop_collection,
    edit_collection,
    list_collections,
    open_collection,
)
from gallery.dataset import read_captions
from gallery.encoder import Encoder, choose_encoder, load_encoder
from gallery.errors import GalleryError
from gallery.printable import printable
from gallery.settings import Settings
from ingest.captions import CaptionsByPath
from ingest.pipeline import changed_files, ingest
from ingest.progress import ProgressDisplay, print_rows, print_summary
from ingest.removal import emptied, gone_files, remove
from ingest.report import IngestReport

SOME_UNREADABLE = 3
STOPPED = 130


@click.command(
    epilog="Exits with 0 when all is indexed, 1 on an error, 2 on wrong usage, 3 when some files are unreadable."
)
@click.argument("paths", metavar="PATH...", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--collection", metavar="NAME", default=DEFAULT_COLLECTION, show_default=True, help="Where to write.")
@click.option("--encoder", metavar="NAME", help="Encoder of a new collection: a CLIP model, a folder, or conse.")
@click.option(
    "--captions",
    metavar="FILE.csv",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Sentences to keep with the pictures, from the columns image and text.",
)
@click.option(
    "--batch-size",
    metavar="N",
    default=32,
    show_default=True,
    type=click.IntRange(1, 4096),
    help="Pictures that go through the model at once.",
)
@click.option("--exclude", metavar="GLOB", multiple=True, help="Leave out what matches, as .gitignore does.")
@click.option("--prune", is_flag=True, help="Remove pictures whose files are gone from below PATH.")
@click.option("--dry-run", is_flag=True, help="List what would be done, and change nothing.")
@click.option("--yes", is_flag=True, help="Remove also what --prune, --forget or --drop would ask about.")
@click.option("--forget", metavar="PATH", multiple=True, type=click.Path(path_type=Path), help="Remove what is there.")
@click.option("--drop", metavar="NAME", help="Remove a collection.")
@click.option("--failures", is_flag=True, help="List the unreadable files of the collection.")
@click.option("--list", "list_all", is_flag=True, help="List the collections.")
def main(
    paths: tuple[Path, ...],
    collection: str,
    forget: tuple[Path, ...],
    drop: str | None,
    failures: bool,
    list_all: bool,
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
    asked = [bool(paths), bool(forget), drop is not None, failures, list_all]
    if sum(asked) != 1:
        raise click.UsageError("give PATH..., or one of --forget, --drop, --failures and --list")
    warnings.filterwarnings("ignore", module="PIL")  # what Pillow thinks of odd files; the report names the bad ones
    settings = Settings.from_environ()
    try:
        if list_all:
            _list(settings)
        elif failures:
            _failures(settings, collection)
        elif drop is not None:
            _drop(settings, drop, yes=yes)
        elif forget:
            _forget(settings, collection, forget, yes=yes)
        else:
            sys.exit(_index(settings, paths, collection, yes=yes, **options))
    except GalleryError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        click.echo("Stopped. What was written is kept; the same command goes on from there.", err=True)
        sys.exit(STOPPED)


def _index(
    settings: Settings,
    paths: Sequence[Path],
    collection: str,
    *,
    encoder: str | None,
    captions: Path | None,
    batch_size: int,
    exclude: Sequence[str],
    prune: bool,
    dry_run: bool,
    yes: bool,
) -> int:
    by_path = CaptionsByPath(read_captions(captions), captions.parent) if captions else None
    started = time.monotonic()
    editor = edit_collection(settings, collection)
    try:
        if dry_run:
            report = _foresee(paths, editor, by_path, exclude, prune=prune)
        else:
            with ProgressDisplay() as display:
                report = ingest(
                    paths,
                    editor,
                    lambda: _encoder(editor, settings, encoder),
                    captions=by_path,
                    exclude=exclude,
                    batch_size=batch_size,
                    prune=prune,
                    prune_all=yes,
                    on_progress=display.show,
                )
    finally:
        editor.close()
    print_summary(report, time.monotonic() - started)
    for path, reason in report.not_walked:
        click.echo(f"Not walked: {printable(path)}: {printable(reason)}", err=True)
    if report.indexed + report.updated + report.unchanged and not dry_run:
        click.echo(_next_command(collection), err=True)
    return SOME_UNREADABLE if report.unreadable or report.not_walked else 0


def _encoder(editor: Editor, settings: Settings, wanted: str | None) -> Encoder:
    if editor.spec:
        return load_encoder(wanted or editor.spec.encoder, settings.device)
    name, why = choose_encoder(wanted or settings.encoder)
    click.echo(why, err=True)
    return load_encoder(name, settings.device)


def _foresee(
    paths: Sequence[Path], editor: Editor, captions: CaptionsByPath | None, exclude: Sequence[str], *, prune: bool
) -> IngestReport:
    report = IngestReport()
    for file in changed_files(paths, editor.journal, captions, exclude, report):
        click.echo(f"would read {printable(file.path)}")
    for entry in gone_files(editor.journal, paths, report.not_walked) if prune else ():
        click.echo(f"would remove {printable(entry.file.path)}")
    return report


def _forget(settings: Settings, collection: str, paths: Sequence[Path], *, yes: bool) -> None:
    editor = edit_collection(settings, collection, new=False)
    try:
        entries = [entry for path in paths for entry in editor.journal.under(os.path.abspath(path))]
        for entry in entries:
            click.echo(printable(entry.file.path))
        pictures = emptied(editor.journal, entries)
        if yes:
            remove(editor, entries)
            editor.finish()
            click.echo(f"Removed {len(entries)} files and {pictures} pictures from {collection}.", err=True)
        else:
            click.echo(f"{len(entries)} files, {pictures} pictures would be removed; add --yes to do it.", err=True)
    finally:
        editor.close()


def _drop(settings: Settings, name: str, *, yes: bool) -> None:
    if yes:
        drop_collection(settings, name)
        click.echo(f"Removed {name}.", err=True)
        return
    collection = open_collection(settings, name)
    click.echo(f"{name} has {collection.count()} pictures; add --yes to remove it.", err=True)
    collection.close()


def _failures(settings: Settings, collection: str) -> None:
    editor = edit_collection(settings, collection, new=False)
    rows = [
        [printable(entry.file.path), str(entry.reason), str(entry.file.size), printable(entry.detail)]
        for entry in editor.journal.failures()
    ]
    editor.close()
    print_rows(["path", "reason", "bytes", "detail"], rows)


def _list(settings: Settings) -> None:
    rows = [
        [
            info.name,
            info.encoder,
            str(info.pictures),
            "" if info.megabytes is None else f"{info.megabytes:.1f}",
            info.changed_at or "",
        ]
        for info in list_collections(settings)
    ]
    print_rows(["collection", "encoder", "pictures", "MB", "changed"], rows)


def _next_command(collection: str) -> str:
    command = Path(sys.argv[0]).with_name("search")
    option = "" if collection == DEFAULT_COLLECTION else f" --collection {collection}"
    return f'Next: {command}{option} "a cat"'
