"""`ingest PATH --dry-run`: what a run would do."""

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path

from gallery.printable import printable
from gallery.records import ImageFile
from gallery.settings import Settings
from gallery.stores import Journal, open_store
from ingest.captions import CaptionsByPath
from ingest.encoding import EncoderChoice
from ingest.removal import gone_files
from ingest.report import IngestReport
from ingest.walk import Walk


def foresee(
    settings: Settings,
    paths: Sequence[Path],
    collection: str,
    choice: EncoderChoice,
    captions: CaptionsByPath | None,
    exclude: Sequence[str],
    *,
    prune: bool,
) -> IngestReport:
    """List what a run would do, without a lock and without writing anything."""
    report = IngestReport()
    with contextlib.closing(open_store(settings).journal(collection)) as journal:
        former = journal if _would_change(settings, collection, choice) else None
        walk = Walk(Journal(None) if former else journal, report, captions, former)
        for task in walk.changed_files(paths, exclude):
            _put("read", task.path if isinstance(task, ImageFile) else task.file.path)
        for entry in gone_files(journal, paths, report.not_walked) if prune else ():
            _put("remove", entry.file.path)
    return report


def _would_change(settings: Settings, collection: str, choice: EncoderChoice) -> bool:
    if not choice.has_wish or collection not in open_store(settings).names():
        return False
    with contextlib.closing(open_store(settings).open(collection)) as there:
        return not there.spec.fits(choice.for_collection(there.spec).spec)


def _put(what: str, path: str) -> None:
    sys.stdout.write(f"would {what} {printable(path)}\n")
