"""The files of a collection's pictures, read again for viewing.

Only the bytes that were indexed are returned, as checked by their digest. So a file may be a link, as in a git-annex
library, and one that was edited or replaced since is never returned.
"""

import os
from hashlib import sha256

from gallery.errors import Reason, UnreadableImage
from gallery.pictures.files import read_file
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
