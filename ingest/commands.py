"""What the command `ingest` can be asked to do, each as one function; errors are raised as `GalleryError`."""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from gallery.collection import Editor, drop_collection, edit_collection, list_collections, open_collection
from gallery.dataset import read_captions
from gallery.encoder import Encoder, choose_encoder, load_encoder
from gallery.printable import printable
from gallery.settings import DEFAULT_COLLECTION, Settings
from gallery.tuning import outgrown
from ingest.captions import CaptionsByPath
from ingest.part import Part
from ingest.pipeline import changed_files, ingest
from ingest.progress import ProgressDisplay, print_rows, print_summary
from ingest.removal import emptied, gone_files, remove
from ingest.report import IngestReport

SOME_UNREADABLE = 3
"""Exit code of a run that is done, but for files or folders that could not be read."""


def index(
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
    part: str | None,
    yes: bool,
) -> int:
    """Bring a collection up to date with the files below `paths`, and return the exit code."""
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
                    part=Part.parse(part) if part else None,
                    on_progress=display.show,
                )
    finally:
        editor.close()
    print_summary(report, time.monotonic() - started)
    if report.elsewhere:
        _say(f"{report.elsewhere} files are left to the other parts.")
    for path, reason in report.not_walked:
        _say(f"Not walked: {printable(path)}: {printable(reason)}")
    if report.indexed + report.updated + report.unchanged and not dry_run:
        _say(_next_command(collection))
    return SOME_UNREADABLE if report.unreadable or report.not_walked else 0


def _encoder(editor: Editor, settings: Settings, wanted: str | None) -> Encoder:
    if editor.spec:
        return load_encoder(wanted or editor.spec.encoder, settings.device)
    name, why = choose_encoder(wanted or settings.encoder)
    _say(why)
    return load_encoder(name, settings.device)


def _foresee(
    paths: Sequence[Path], editor: Editor, captions: CaptionsByPath | None, exclude: Sequence[str], *, prune: bool
) -> IngestReport:
    report = IngestReport()
    for file in changed_files(paths, editor.journal, captions, exclude, report):
        _put(f"would read {printable(file.path)}")
    for entry in gone_files(editor.journal, paths, report.not_walked) if prune else ():
        _put(f"would remove {printable(entry.file.path)}")
    return report


def forget(settings: Settings, collection: str, paths: Sequence[Path], *, yes: bool) -> None:
    """List what a collection knows below `paths`, and with `yes` take it out."""
    editor = edit_collection(settings, collection, new=False)
    try:
        entries = [entry for path in paths for entry in editor.journal.under(os.path.abspath(path))]
        for entry in entries:
            _put(printable(entry.file.path))
        pictures = emptied(editor.journal, entries)
        if yes:
            remove(editor, entries)
            editor.finish()
            _say(f"Removed {len(entries)} files and {pictures} pictures from {collection}.")
        else:
            _say(f"{len(entries)} files, {pictures} pictures would be removed; add --yes to do it.")
    finally:
        editor.close()


def drop(settings: Settings, name: str, *, yes: bool) -> None:
    """Remove a collection with `yes`; without, say how large it is."""
    if yes:
        drop_collection(settings, name)
        _say(f"Removed {name}.")
        return
    collection = open_collection(settings, name)
    _say(f"{name} has {collection.count()} pictures; add --yes to remove it.")
    collection.close()


def list_failures(settings: Settings, collection: str) -> None:
    """Print the unreadable files of a collection."""
    editor = edit_collection(settings, collection, new=False)
    rows = [
        [printable(entry.file.path), str(entry.reason), str(entry.file.size), printable(entry.detail)]
        for entry in editor.journal.failures()
    ]
    editor.close()
    print_rows(["path", "reason", "bytes", "detail"], rows)


def list_all(settings: Settings) -> None:
    """Print what there is to know of all collections, and say which have outgrown the embedded store."""
    collections = list_collections(settings)
    rows = [
        [
            info.name,
            info.encoder,
            str(info.pictures),
            "" if info.megabytes is None else f"{info.megabytes:.1f}",
            info.changed_at or "",
        ]
        for info in collections
    ]
    print_rows(["collection", "encoder", "pictures", "MB", "changed"], rows)
    for info in collections:
        if not settings.qdrant_url and (advice := outgrown(info.pictures)):
            _say(f"{info.name}: {advice} --collection {info.name}")


def _next_command(collection: str) -> str:
    command = Path(sys.argv[0]).with_name("search")
    option = "" if collection == DEFAULT_COLLECTION else f" --collection {collection}"
    return f'Next: {command}{option} "a cat"'


def _put(line: str) -> None:
    sys.stdout.write(line + "\n")


def _say(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")
