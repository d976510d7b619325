"""Image files: their state in the file system, and their bytes."""

import hashlib
import os
import stat
from collections.abc import Callable
from typing import TypeVar

from gallery.errors import Reason, UnreadableImage
from gallery.records import ImageFile

T = TypeVar("T")

MAX_BYTES = 2**29
MAX_VIDEO_BYTES = 2**36


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
    return _of_file(path, lambda descriptor: _read(descriptor, most))


def digest_of(path: str) -> str:
    """Return the SHA-256 of a video's file, in hexadecimal digits, without holding it in memory.

    Raises:
        UnreadableImage: It cannot be read, or is larger than `MAX_VIDEO_BYTES`.
    """
    return _of_file(path, _digested)


def _of_file(path: str, read: Callable[[int], T]) -> T:
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            return read(descriptor)
        finally:
            os.close(descriptor)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UnreadableImage(Reason.VANISHED, "the file is gone") from error
    except PermissionError as error:
        raise UnreadableImage(Reason.NO_PERMISSION, "reading is not permitted") from error
    except (OSError, ValueError) as error:
        raise UnreadableImage(Reason.IO_ERROR, str(error)) from error


def _read(descriptor: int, most: int) -> bytes:
    size = _checked_size(descriptor, most)
    with open(descriptor, "rb", closefd=False) as file:
        data = file.read(size + 1)
    if len(data) != size:
        raise _changed_meanwhile()
    return data


def _digested(descriptor: int) -> str:
    size = _checked_size(descriptor, MAX_VIDEO_BYTES)
    with open(descriptor, "rb", closefd=False) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        if file.tell() != size:
            raise _changed_meanwhile()
    return digest


def _checked_size(descriptor: int, most: int) -> int:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise UnreadableImage(Reason.NOT_A_FILE, "not a regular file")
    if found.st_size > most:
        raise UnreadableImage(Reason.TOO_LARGE, f"{found.st_size} bytes; the limit is {most}")
    return found.st_size


def _changed_meanwhile() -> UnreadableImage:
    return UnreadableImage(Reason.IO_ERROR, "the file changed while it was read")
