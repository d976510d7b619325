"""Where a picture can be found now, among the places where it was indexed."""

import os
from dataclasses import replace

from gallery.records import ImageRecord


def present_first(record: ImageRecord) -> ImageRecord:
    """Return the record with its existing files first; checks only if it has several places."""
    if len(record.files) < 2:
        return record
    files = sorted(record.files, key=lambda file: not os.path.exists(file.path))  # noqa: PTH110 - called for every hit
    return replace(record, files=tuple(files))
