"""Where a picture lies now, of the places where it was indexed."""

import os
from dataclasses import replace

from gallery.records import ImageRecord


def present_first(record: ImageRecord) -> ImageRecord:
    """Return the record with those of its places first at which there is a file; looks only if there are several."""
    if len(record.files) < 2:
        return record
    files = sorted(record.files, key=lambda file: not os.path.exists(file.path))  # noqa: PTH110 - called for every hit
    return replace(record, files=tuple(files))
