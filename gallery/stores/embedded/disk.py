"""Files and folders on the disk: their size, and durable writing and removal."""

import contextlib
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread


def free_bytes(folder: Path) -> int:
    """Return how many bytes are free on the disk of a folder."""
    return shutil.disk_usage(folder).free


def bytes_on_disk(folder: Path) -> int:
    """Return the disk space of all files below a folder, without holes. Files may be replaced while this runs."""
    total = 0
    for parent, _, names in os.walk(folder):  # unlike rglob, it skips a folder that disappears meanwhile
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                status = Path(parent, name).lstat()
                total += status.st_blocks * 512 if hasattr(status, "st_blocks") else status.st_size
    return total


def remove(path: Path) -> None:
    """Remove a file, or a folder and its contents, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def sync_all(folder: Path) -> None:
    """Wait until a folder and its contents are on the disk."""
    failed: list[OSError] = []
    # Not in the main thread: Ctrl-C there, while it holds one of the pool's locks, would leave all of them waiting.
    syncing = Thread(target=_sync_together, args=(folder, failed))
    syncing.start()
    try:
        syncing.join()
    finally:
        syncing.join()  # after Ctrl-C, too
    if failed:
        raise failed[0]


def _sync_together(folder: Path, failed: list[OSError]) -> None:
    # In parallel: a journaling file system writes its journal once for all, which takes a tenth of the time.
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(sync, folder.rglob("*")))
        sync(folder)
    except OSError as error:
        failed.append(error)


def sync(path: Path) -> None:
    """Wait until a file, or a folder's list of files, is on the disk."""
    if os.name == "posix" or path.is_file():
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
