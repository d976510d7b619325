"""Removing pictures from a collection: only on request, and never because a disk is missing."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from gallery.errors import BadInput
from gallery.pictures import LeftOut
from gallery.printable import counted
from gallery.stores import Editor, Entry, Journal
from ingest.report import IngestReport
from ingest.writer import Writer

MOST_PRUNED = 0.2
"""Share of a collection's pictures that may be pruned without confirmation."""


def is_below(path: str, folders: Iterable[str]) -> bool:
    """Return whether `path` is one of the absolute paths `folders`, or below one."""
    return any(path == folder or path.startswith(folder.rstrip(os.sep) + os.sep) for folder in folders)


def is_gone(path: str) -> bool:
    """Return whether `path` is certainly gone.

    It is not certain if the nearest existing folder is empty or a broken link: its disk may be unmounted.
    """
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return not _lacks_a_disk(Path(path).parent)
    except OSError:
        return False
    return False


def _lacks_a_disk(folder: Path) -> bool:
    while not os.path.lexists(folder):
        folder = folder.parent
    if not folder.is_dir():
        return folder.is_symlink()
    try:
        return next(folder.iterdir(), None) is None
    except OSError:
        return True


def moved_folders(gone: str, path: str) -> tuple[str, str]:
    """Return the folders that differ between two paths of a file: the parts before their common end."""
    before, after = Path(gone), Path(path)
    while before.name and before.name == after.name:
        before, after = before.parent, after.parent
    return str(before), str(after)


def gone_files(journal: Journal, roots: Iterable[Path], not_walked: Iterable[tuple[str, str]]) -> list[Entry]:
    """Return the journal's entries below `roots` that are now gone or excluded, except in folders not walked.

    Excluded means excluded by ignore files, or skipped in every walk, such as the trash of a NAS.
    """
    unseen = [path for path, _ in not_walked]
    entries = {}
    for root in {os.path.abspath(root) for root in roots}:
        is_excluded = LeftOut(root) if Path(root).is_dir() else None
        for entry in journal.under(root):
            path = entry.file.path
            if not is_below(path, unseen) and (is_gone(path) or (is_excluded and is_excluded(path))):
                entries[path] = entry
    return list(entries.values())


def count_gone(journal: Journal, roots: Sequence[str], report: IngestReport) -> int:
    """Return how many pictures below `roots` have no file any more; looks only if the walk missed some."""
    if sum(journal.count_below(root) for root in set(roots)) <= report.known:
        return 0
    unseen = [path for path, _ in report.not_walked]
    known = (entry for root in roots for entry in journal.under(root) if not is_below(entry.file.path, unseen))
    return emptied(journal, {entry.file.path: entry for entry in known if is_gone(entry.file.path)}.values())


def emptied(journal: Journal, entries: Iterable[Entry]) -> int:
    """Return how many pictures would have no file left without these."""
    losses = Counter(entry.sha256 for entry in entries if entry.sha256)
    return sum(journal.places(sha256) == lost for sha256, lost in losses.items())


def remove_gone(
    collection: Editor, roots: Sequence[Path], not_walked: Sequence[tuple[str, str]], *, everything: bool
) -> tuple[int, list[str]]:
    """Remove the files that are gone or excluded below the roots that were walked.

    Returns the number of files, and the digests of the pictures removed with them.

    Raises:
        BadInput: More than a fifth of the pictures would be removed, and `everything` is false; nothing was removed.
    """
    journal = collection.journal
    entries = gone_files(journal, roots, not_walked)
    pictures, total = emptied(journal, entries), journal.pictures()
    if pictures > MOST_PRUNED * total and not everything:
        raise BadInput(
            f"{pictures} of {counted(total, 'picture')} would be pruned, more than {MOST_PRUNED:.0%}; check "
            "that all disks are mounted, look with --dry-run, and add --yes if this is right; nothing was pruned"
        )
    return len(entries), remove(collection, entries)


def remove(collection: Editor, entries: Iterable[Entry]) -> list[str]:
    """Remove files from a collection, and pictures that no other file holds; return those pictures' digests.

    The caller calls `finish`.
    """
    entries = list(entries)
    if not entries or not collection.spec:
        return []
    collection.begin(collection.spec)
    writer = Writer(collection)
    for entry in entries:
        writer.forget(entry)
        writer.flush_if_full()
    writer.flush()
    return writer.removed
