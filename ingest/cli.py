"""The command `ingest`."""

import sys
import time
import warnings
from pathlib import Path

import click

from gallery.collection import DEFAULT_COLLECTION, Editor, edit_collection
from gallery.dataset import read_captions
from gallery.encoder import Encoder, choose_encoder, load_encoder
from gallery.errors import GalleryError
from gallery.printable import printable
from gallery.settings import Settings
from ingest.captions import CaptionsByPath
from ingest.pipeline import changed_files, ingest
from ingest.progress import ProgressDisplay, print_summary
from ingest.report import IngestReport

SOME_UNREADABLE = 3
STOPPED = 130


@click.command(
    epilog="Exits with 0 when all is indexed, 1 on an error, 2 on wrong usage, 3 when some files are unreadable."
)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
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
@click.option("--dry-run", is_flag=True, help="Count what would be read, and change nothing.")
def main(
    paths: tuple[Path, ...],
    collection: str,
    encoder: str | None,
    captions: Path | None,
    batch_size: int,
    dry_run: bool,
) -> None:
    """Index the image files below each PATH, to be found with `search`.

    Files that look as they did at the last run are not opened again. JPEG, PNG, WebP, GIF, TIFF, BMP and AVIF are
    read, and HEIC with the extra heic. Hidden files and folders are left out.
    """
    warnings.filterwarnings("ignore", module="PIL")  # what Pillow thinks of odd files; the report names the bad ones
    try:
        settings = Settings.from_environ()
        by_path = CaptionsByPath(read_captions(captions), captions.parent) if captions else None
        started = time.monotonic()
        editor = edit_collection(settings, collection)
        try:
            if dry_run:
                report = _count(paths, editor, by_path)
            else:
                report = _run(paths, editor, settings, encoder, by_path, batch_size)
        finally:
            editor.close()
    except GalleryError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        click.echo("Stopped. What was written is kept; the same command goes on from there.", err=True)
        sys.exit(STOPPED)
    print_summary(report, time.monotonic() - started)
    for path, reason in report.not_walked:
        click.echo(f"Not walked: {path}: {reason}", err=True)
    if not dry_run:
        click.echo(_next_command(collection), err=True)
    if report.unreadable:
        sys.exit(SOME_UNREADABLE)


def _run(
    paths: tuple[Path, ...],
    editor: Editor,
    settings: Settings,
    encoder: str | None,
    captions: CaptionsByPath | None,
    batch_size: int,
) -> IngestReport:
    def load() -> Encoder:
        if editor.spec:
            return load_encoder(encoder or editor.spec.encoder, settings.device)
        name, why = choose_encoder(encoder or settings.encoder)
        click.echo(why, err=True)
        return load_encoder(name, settings.device)

    with ProgressDisplay() as display:
        return ingest(paths, editor, load, captions=captions, batch_size=batch_size, on_progress=display.show)


def _count(paths: tuple[Path, ...], editor: Editor, captions: CaptionsByPath | None) -> IngestReport:
    report = IngestReport()
    for file in changed_files(paths, editor.journal, captions, report):
        click.echo(f"would read {printable(file.path)}")
    return report


def _next_command(collection: str) -> str:
    command = Path(sys.argv[0]).with_name("search")
    option = "" if collection == DEFAULT_COLLECTION else f" --collection {collection}"
    return f'Next: {command}{option} "a cat"'
