"""The one loader: every file that becomes a picture is opened here, for indexing, queries and thumbnails alike."""

from functools import cache

from gallery.errors import Reason, UnreadableImage
from gallery.pictures.cost import is_cheap
from gallery.pictures.decode import decode
from gallery.pictures.files import read_file
from gallery.pictures.picture import Picture
from gallery.pictures.workers import Workers


def open_image(source: str | bytes, detail: int | None = None) -> Picture:
    """Decode the file at a path, or its bytes, to an upright RGB picture: the first frame of an animation.

    A damaged file is read as far as possible, and the picture's notes say so. A file that could take much time or
    memory is decoded in a separate process with limits on both.

    Args:
        source: A path or the bytes of a file. Neither is ever treated as an address to fetch.
        detail: How many pixels of the shorter side are enough. A JPEG of at least twice that is decoded at a
            half, a quarter or an eighth of its size, which takes a fraction of the time. None decodes it in full.

    Raises:
        UnreadableImage: With the reason why not.
    """
    data = read_file(source) if isinstance(source, str) else source
    if not data:
        raise UnreadableImage(Reason.EMPTY, "the file has no bytes")
    return decode(data, detail) if is_cheap(data) else _workers().decode(data, detail)


@cache
def _workers() -> Workers:
    return Workers()


def end_workers() -> None:
    """End the processes in which costly files are decoded; the next such file starts another."""
    _workers().close()
