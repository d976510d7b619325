"""The files of a collection's pictures, read back for those who look at them.

What is given out are the bytes that were indexed, or nothing: they are compared by their digest. So a file may be a
link, as in a library that git-annex keeps, and one that was edited or replaced since does not leave this module.
"""

import os
from hashlib import sha256

from gallery.errors import Reason, UnreadableImage
from gallery.pictures.files import read_file
from gallery.records import ImageFile, ImageRecord


def read_original(record: ImageRecord) -> tuple[ImageFile, bytes]:
    """Return the first of a picture's files that still holds what was indexed, and its bytes.

    Raises:
        UnreadableImage: None of them does: gone, changed or unreadable.
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
