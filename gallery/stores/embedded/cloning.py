"""Copies files as cheaply as the file system allows.

If possible (Btrfs, XFS, bcachefs, ZFS from 2.2, overlays of these), a copy shares its blocks with the original until
one of them changes: nothing is read or written, and each is safe from changes to the other. Otherwise the bytes are
copied, except the holes that engines leave in preallocated files.
"""

import errno
import os
import shutil
import sys
from pathlib import Path

_FICLONE = 0x40049409
"""Linux's request to share the blocks of another file."""
_PIECE = 64 * 2**20


def copy_file(source: str | Path, target: str | Path) -> None:
    """Copy a file's bytes, mode and times, by sharing blocks if the file system can, else without its holes."""
    with open(source, "rb", buffering=0) as read, open(target, "wb", buffering=0) as written:
        if not (_share(read.fileno(), written.fileno()) or _copy_data(read.fileno(), written.fileno())):
            shutil.copyfileobj(read, written, _PIECE)
    shutil.copystat(source, target)


def _share(source: int, target: int) -> bool:
    """Make the file `target`, which is empty, share the blocks of `source`; return whether that was possible."""
    if sys.platform != "linux":
        return False
    import fcntl

    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:  # another file system, or one without sharing: each has its own error code
        return False
    return True


def _copy_data(source: int, target: int) -> bool:
    """Copy everything except holes; return False, with nothing done, if the system cannot find holes."""
    if not hasattr(os, "SEEK_DATA"):
        return False
    size, end = os.fstat(source).st_size, 0
    while end < size:
        try:
            start = os.lseek(source, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # only a hole is left
                break
            if end == 0:
                return False
            raise
        end = os.lseek(source, start, os.SEEK_HOLE)
        for place in range(start, end, _PIECE):
            _write(target, os.pread(source, min(_PIECE, end - place), place), place)
    os.truncate(target, size)
    return True


def _write(target: int, data: bytes, place: int) -> None:
    while data:
        written = os.pwrite(target, data, place)
        data, place = data[written:], place + written
