"""Which files to read: those that are new, or differ from the journal."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from gallery.pictures import find_images, look_at
from gallery.records import ImageFile
from gallery.stores import Entry, Journal
from ingest.captions import CaptionsByPath
from ingest.removal import is_below
from ingest.report import IngestReport

Task = ImageFile | Entry
"""A file to read; or the known entry of an unchanged file that has new captions."""


class Walk:
    """Checks files, and counts in `report` those that need not be read."""

    def __init__(
        self,
        journal: Journal,
        report: IngestReport,
        captions: CaptionsByPath | None = None,
        former: Journal | None = None,
        *,
        verify: bool = False,
    ) -> None:
        """Take what to compare files with.

        Args:
            journal: What is known about files.
            report: Receives the counts.
            captions: The new captions, if any.
            former: While the encoder is being changed, the journal of the former collection.
            verify: Yield unchanged files as well.
        """
        self._journal = journal
        self._report = report
        self._captions = captions
        self._former = former
        self._verify = verify

    def changed_files(self, roots: Sequence[Path], exclude: Sequence[str] = ()) -> Iterator[Task]:
        """Yield what is new or changed: first among the former collection's files, then below `roots`.

        Raises:
            BadInput: A root does not exist, or `exclude` holds an invalid pattern.
        """
        yield from self._former_files([os.path.abspath(root) for root in roots])
        for root in _outermost(roots):
            is_empty = True
            for file in find_images(Path(root), self._not_walked, exclude, self._report.skipped):
                is_empty = False
                if not self._former or not self._former.entry(file.path):
                    yield from self._compared(file, self._captions)
            if is_empty:
                self._report.not_walked.append((root, self._why_empty()))
        self._report.walking = False

    def _former_files(self, roots: Sequence[str]) -> Iterator[Task]:
        """Yield the files of the former collection, wherever they are; missing ones are not counted."""
        for entry in self._former.all() if self._former else ():
            found = look_at(entry.file.path)
            if found:
                yield from self._compared(found, self._captions if is_below(found.path, roots) else None)

    def _compared(self, file: ImageFile, captions: CaptionsByPath | None) -> Iterator[Task]:
        entry = self._journal.entry(file.path)
        if (
            entry is None
            or self._verify
            or _has_changed(entry.file, file)
            or (entry.reason and not entry.reason.lasting)
        ):
            self._report.to_read += 1
            yield file
        elif entry.reason:
            self._report.remembered += 1
            self._report.unreadable.append((file.path, entry.reason, entry.detail))
        elif captions and entry.captions != captions.digest(file.path):
            self._report.to_read += 1
            yield entry
        else:
            self._report.unchanged += 1

    def _why_empty(self) -> str:
        if self._report.skipped:
            return "no picture there that can be indexed"
        return "no picture there; if it is on another disk, is that disk connected?"

    def _not_walked(self, path: str, error: OSError) -> None:
        self._report.not_walked.append((path, f"this cannot be read ({error.strerror})"))


def _has_changed(before: ImageFile, now: ImageFile) -> bool:
    """Return whether a file has changed; what an earlier version did not record is not compared."""
    return (before.path, before.size, before.mtime_ns) != (now.path, now.size, now.mtime_ns) or (
        before.changed not in (0, now.changed)
    )


def _outermost(roots: Sequence[Path]) -> list[str]:
    """Leave out roots below another root, so that no file is found twice."""
    paths = dict.fromkeys(os.path.abspath(root) for root in roots)
    return [path for path in paths if not is_below(path, paths.keys() - {path})]
