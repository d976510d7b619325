"""Image files: their state in the file system, and their bytes."""

import os
import stat

from gallery.errors import Reason, UnreadableImage
from gallery.records import ImageFile

MAX_BYTES = 2**29


def look_at(path: str) -> ImageFile | None:
    """Return the current state of the regular file at `path`, if there is one."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return image_file(path, found) if stat.S_ISREG(found.st_mode) else None


def image_file(path: str, found: os.stat_result) -> ImageFile:
    """Return the state of the file at `path`, from the result of `os.stat`."""
    mtime_ns, changed = (min(max(number, -(2**63)), 2**63 - 1) for number in (found.st_mtime_ns, _changed(found)))
    return ImageFile(path, found.st_size, mtime_ns, changed)  # the range of databases; file systems allow more


def _changed(found: os.stat_result) -> int:
    """Return a value that changes even with an edit that keeps size and mtime: the ctime, or on Windows, the inode."""
    return found.st_ino if os.name == "nt" else found.st_ctime_ns


def read_file(path: str, most: int = MAX_BYTES) -> bytes:
    """Return the bytes of a regular file; never waits for a pipe or a device.

    Raises:
        UnreadableImage: It cannot be read, or is larger than `most` bytes.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            data = _read(descriptor, most)
        finally:
            os.close(descriptor)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UnreadableImage(Reason.VANISHED, "the file is gone") from error
    except PermissionError as error:
        raise UnreadableImage(Reason.NO_PERMISSION, "reading is not permitted") from error
    except (OSError, ValueError) as error:
        raise UnreadableImage(Reason.IO_ERROR, str(error)) from error
    return data


def _read(descriptor: int, most: int) -> bytes:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise UnreadableImage(Reason.NOT_A_FILE, "not a regular file")
    if found.st_size > most:
        raise UnreadableImage(Reason.TOO_LARGE, f"{found.st_size} bytes; the limit is {most}")
    with open(descriptor, "rb", closefd=False) as file:
        data = file.read(found.st_size + 1)
    if len(data) != found.st_size:
        raise UnreadableImage(Reason.IO_ERROR, "the file changed while it was read")
    return data
