"""Files and folders on the disk: their size, and durable writing and removal."""

import contextlib
import os
import shutil
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import current_thread, main_thread
from types import FrameType


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
    # In parallel: a journaling file system writes its journal once for all, which takes a tenth of the time.
    with _signals_put_off(), ThreadPoolExecutor(8) as pool:
        list(pool.map(sync, folder.rglob("*")))
    sync(folder)


@contextlib.contextmanager
def _signals_put_off() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM take effect afterwards: amid a pool's locks, they would leave its threads waiting."""
    if current_thread() is not main_thread():
        yield
        return
    came: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        came.append(number)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, note)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for each in came:
            signal.raise_signal(each)


def sync(path: Path) -> None:
    """Wait until a file, or a folder's list of files, is on the disk."""
    if os.name == "posix" or path.is_file():
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
