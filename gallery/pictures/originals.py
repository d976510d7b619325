"""The files of a collection's pictures, read again for viewing.

Only the bytes that were indexed are returned, as checked by their digest. So a file may be a link, as in a git-annex
library, and one that was edited or replaced since is never returned.
"""

import os
from functools import lru_cache
from hashlib import sha256

from gallery.errors import Reason, UnreadableImage
from gallery.pictures.files import digest_of, read_file
from gallery.pictures.loader import open_frame, open_image
from gallery.pictures.picture import Picture
from gallery.records import ImageFile, ImageRecord


def read_original(record: ImageRecord) -> tuple[ImageFile, bytes]:
    """Return the first of a picture's files that still has the indexed content, and its bytes.

    Raises:
        UnreadableImage: All of them are gone, changed or unreadable.
    """
    for file in record.files:
        try:
            if os.stat(file.path).st_size != file.size:
                continue
            data = read_file(file.path)
        except (OSError, ValueError, UnreadableImage):
            continue
        if sha256(data).hexdigest() == record.sha256:
            return file, data
    raise UnreadableImage(Reason.VANISHED, "no file holds this picture any more; run ingest again")


def find_video(record: ImageRecord) -> ImageFile:
    """Return the first of a video's files that still holds what was indexed.

    Raises:
        UnreadableImage: All of them are gone, changed or unreadable.
    """
    for file in record.files:
        try:
            found = os.stat(file.path)
            if found.st_size == file.size and _digest(file.path, _identity(found)) == record.sha256:
                return file
        except (OSError, ValueError, UnreadableImage):
            continue
    raise UnreadableImage(Reason.VANISHED, "no file holds this video any more; run ingest again")


def open_original(record: ImageRecord, detail: int) -> Picture:
    """Decode a picture, or a frame of a video, from the first of its files that still holds what was indexed.

    Args:
        record: The record of the picture or frame.
        detail: As for `open_image`.

    Raises:
        UnreadableImage: None of them does.
    """
    if record.frame is None:
        return open_image(read_original(record)[1], detail)
    return open_frame(find_video(record).path, record.frame, detail)


def _identity(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


@lru_cache(4096)
def _digest(path: str, _: tuple[int, ...]) -> str:
    """Return a video's digest, remembered until the file changes: browsers request a large file in many parts."""
    return digest_of(path)
