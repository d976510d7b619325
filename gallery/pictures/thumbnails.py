"""Small versions of a collection's pictures, made once and stored by their content's digest.

    DATA_DIR/thumbs/SIDE/ab/ab34….jpg        of a frame of a video ab34…-SECOND.jpg

A digest's picture never changes, so a thumbnail never becomes outdated, and may be removed at any time.
"""

import contextlib
import tempfile
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

from PIL import Image

from gallery.errors import CollectionError
from gallery.pictures.originals import open_original
from gallery.records import ImageRecord

THUMB, VIEW = 480, 1600
"""Pixels of the longer side: in the grid, and on a picture's own page."""
_QUALITY = 82


class Thumbnails:
    """The folder of small JPEGs. Safe for several threads and processes."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "thumbs"

    def jpeg(self, record: ImageRecord, side: int = THUMB) -> bytes:
        """Return the upright picture as a JPEG whose longer side has at most `side` pixels.

        Raises:
            UnreadableImage: It is not stored, and none of the picture's files is as it was indexed.
            CollectionError: It cannot be stored.
        """
        frame = "" if record.frame is None else f"-{record.frame}"
        path = self._folder / str(side) / record.sha256[:2] / f"{record.sha256}{frame}.jpg"
        if _is_whole(path):  # a damaged one is made again
            return path.read_bytes()
        data = shrunk_jpeg(open_original(record, side).rgb, side)  # enough, as `detail` is about the shorter side
        try:
            _write(path, data)
        except OSError as error:
            raise CollectionError(f"{path} cannot be written ({error.strerror}); make room, or set DATA_DIR") from error
        return data

    def remove(self, digests: Iterable[str]) -> None:
        """Remove the thumbnails of pictures with these digests; if another collection needs one, it is made again."""
        for digest in digests:
            for side in (THUMB, VIEW):
                with contextlib.suppress(OSError):
                    for path in (self._folder / str(side) / digest[:2]).glob(f"{digest}*.jpg"):
                        path.unlink()

    def remove_damaged(self) -> int:
        """Remove files that are not complete JPEGs, and return how many."""
        damaged = [path for path in self._folder.glob("*/*/*.jpg") if not _is_whole(path)]
        for path in damaged:
            path.unlink(missing_ok=True)
        return len(damaged)


def _is_whole(path: Path) -> bool:
    try:
        data = path.read_bytes()
    except OSError:
        return False
    return data.startswith(b"\xff\xd8") and data.endswith(b"\xff\xd9")


def shrunk_jpeg(rgb: Image.Image, side: int) -> bytes:
    """Return a picture as a JPEG whose longer side has at most `side` pixels; never enlarges."""
    rgb.thumbnail((side, side), Image.Resampling.LANCZOS)
    target = BytesIO()
    rgb.save(target, "JPEG", quality=_QUALITY, optimize=True, progressive=True, comment=b"")
    return target.getvalue()


def _write(path: Path, data: bytes) -> None:
    """Write a file atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, suffix=".draft")
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
        Path(draft).replace(path)
    except OSError:
        Path(draft).unlink(missing_ok=True)
        raise
