"""Which of a picture's places stands for it, among those where it was indexed."""

import os
from dataclasses import replace

from gallery.records import ImageFile, ImageRecord


def original_first(record: ImageRecord) -> ImageRecord:
    """Return the record with existing files first, and of these the oldest; of one age, that with the shortest path.

    So a copy does not take the place of what it was made from: it is younger, or has a longer name such as `a (1).jpg`.
    Checks files only if there are several.
    """
    return record if len(record.files) < 2 else replace(record, files=tuple(sorted(record.files, key=_worth)))


def _worth(file: ImageFile) -> tuple[bool, int, int, str]:
    gone = not os.path.exists(file.path)  # noqa: PTH110 - called for every hit
    return gone, file.mtime_ns, len(file.path), file.path
