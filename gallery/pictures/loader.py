"""The one loader: every file that becomes a picture is opened here, for indexing, queries and thumbnails alike."""

from functools import cache

from gallery.errors import Reason, UnreadableImage
from gallery.pictures.cost import is_cheap
from gallery.pictures.decode import decode
from gallery.pictures.files import read_file
from gallery.pictures.picture import Picture
from gallery.pictures.videos import is_video
from gallery.pictures.workers import Workers

_DETAIL = 512
"""The detail of a video's frame if nothing else is asked for."""


def open_image(source: str | bytes, detail: int | None = None) -> Picture:
    """Decode the file at a path, or its bytes, to an upright RGB picture: the first frame of an animation.

    For the path of a video, it is the first of the frames that stand for it. A damaged file is read as far as possible,
    and the picture says so in its notes. A file that could take much time or memory is decoded in a process of its own,
    which has limits on both.

    Args:
        source: A path or the bytes of a file. Neither is ever treated as an address to fetch.
        detail: How many pixels of the shorter side are enough. A JPEG of at least twice that is decoded at a
            half, a quarter or an eighth of its size, which takes a fraction of the time. None decodes it in full.

    Raises:
        UnreadableImage: With the reason why not.
    """
    if isinstance(source, str) and is_video(source):
        return open_frames(source, detail or _DETAIL)[0]
    data = read_file(source) if isinstance(source, str) else source
    if not data:
        raise UnreadableImage(Reason.EMPTY, "the file has no bytes")
    return decode(data, detail) if is_cheap(data) else _workers().decode(data, detail)


def open_frames(path: str, detail: int) -> list[Picture]:
    """Decode the frames of a video that stand for it, upright, in the order of their seconds; at least one.

    Args:
        path: The video's path.
        detail: Pixels of the shorter side that are enough.

    Raises:
        UnreadableImage: With the reason why not.
    """
    return _workers().frames(path, detail)


def open_frame(path: str, second: float, detail: int) -> Picture:
    """Decode the frame that a video shows at a second, as `open_frames` does."""
    return _workers().frames(path, detail, second)[0]


@cache
def _workers() -> Workers:
    return Workers()


def end_workers() -> None:
    """End the processes in which costly files are decoded; the next such file starts another."""
    _workers().close()
