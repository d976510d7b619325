"""The files of a collection's pictures, read back for those who look at them.

What is given out are the bytes that were indexed, or nothing: a file that was edited, or replaced by a link to
another one since, does not leave this module.
"""

import os
from collections.abc import Iterator
from hashlib import sha256

from gallery.errors import Reason, UnreadableImage
from gallery.pictures.files import read_file
from gallery.records import ImageFile, ImageRecord


def read_original(record: ImageRecord) -> tuple[ImageFile, bytes]:
    """Return the first of a picture's files that still holds what was indexed, and its bytes.

    Raises:
        UnreadableImage: None of them does: gone, changed, unreadable, or a link.
    """
    for file in _candidates(record):
        data = read_file(file.path)
        if sha256(data).hexdigest() == record.sha256:
            return file, data
    raise UnreadableImage(Reason.VANISHED, "no file holds this picture any more; run ingest again")


def _candidates(record: ImageRecord) -> Iterator[ImageFile]:
    """Yield the files that have the size that was indexed, and are no links to somewhere else."""
    for file in record.files:
        folder, name = os.path.split(file.path)
        try:
            # The folders above may be links, as those of many people's picture folders are; the file may not.
            real = os.path.realpath(file.path, strict=True)
            if real == os.path.join(os.path.realpath(folder, strict=True), name) and _size(real) == file.size:
                yield file
        except (OSError, ValueError):
            continue


def _size(path: str) -> int:
    return os.stat(path).st_size
