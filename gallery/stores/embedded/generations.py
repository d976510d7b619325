"""Generations of an embedded collection: folders of which one is published, and one may be in the making.

    COLLECTION/
        CURRENT          the name of the published generation
        lock             held by the process that writes; holder: its process id
        gen-000001/      published: never written to again, opened by any number of readers
        gen-000002/      in the making: a copy of the published one, or a new one

The switch is the replacement of CURRENT, which is atomic. A crash leaves CURRENT as it was, and what was flushed into
the generation in the making is gone on with by the next run. Knows nothing of what is in a generation.
"""

import contextlib
import os
import shutil
from pathlib import Path

from gallery.errors import CollectionError
from gallery.stores.embedded.cloning import copy_file

RESERVE = 256 * 2**20
"""Bytes that are left free on the disk."""


def published(folder: Path) -> Path | None:
    """Return the folder of the published generation of the collection at `folder`, if there is one."""
    try:
        return folder / (folder / "CURRENT").read_text().strip()
    except FileNotFoundError:
        return None


def published_state(folder: Path) -> str | None:
    """Return what no two published generations of the collection at `folder` share, also if it was dropped between."""
    pointer = folder / "CURRENT"
    try:
        return f"{pointer.read_text().strip()} {pointer.stat().st_mtime_ns}"
    except FileNotFoundError:
        return None


def published_collections(data_dir: Path) -> list[str]:
    """Return the names of the embedded collections that have been published, sorted."""
    return sorted(path.parent.name for path in (data_dir / "collections").glob("[!.]*/CURRENT"))


def next_generation(folder: Path) -> Path:
    """Return the folder that the generation after the published one has, or would have."""
    current = published(folder)
    number = int(current.name.removeprefix("gen-")) if current else 0
    return folder / f"gen-{number + 1:06d}"


def bytes_below(folder: Path) -> int:
    """Return the bytes of all files below a folder, in which others may be replacing some."""
    total = 0
    for parent, _, names in os.walk(folder):  # unlike rglob it passes over a folder that is gone in the meantime
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += Path(parent, name).stat().st_size
    return total


class Workshop:
    """The making of generations, by one process at a time."""

    def __init__(self, folder: Path) -> None:
        """Take the collection's lock.

        Raises:
            CollectionError: Another process holds it, or the folder cannot be written to.
        """
        from filelock import FileLock, Timeout  # for those who only read, its time is not worth it

        self._folder = folder
        holder = folder / "holder"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(folder / "lock", timeout=0)
            self._lock.acquire()
            holder.write_text(str(os.getpid()))
        except Timeout as error:
            by = holder.read_text() if holder.exists() else "unknown"
            raise CollectionError(
                f"collection {folder.name} is being written to by process {by}; wait for it or stop it"
            ) from error
        except OSError as error:
            raise CollectionError(
                f"{folder} cannot be written to ({error}); set DATA_DIR to a folder of yours"
            ) from error

    def unfinished(self) -> Path | None:
        """Return the generation that an interrupted run left in the making."""
        path = next_generation(self._folder)
        return path if path.is_dir() else None

    def draft(self, base: Path | None) -> Path:
        """Return the folder of a new draft: a copy of the generation `base`, or empty."""
        draft = next_generation(self._folder).with_suffix(".draft")
        shutil.rmtree(draft, ignore_errors=True)
        self.check_room(bytes_below(base) if base else 0)
        try:
            if base:
                _copy(base, draft)
            else:
                draft.mkdir()
        except OSError as error:
            raise CollectionError(
                f"{draft} cannot be written ({error}); make room, or set DATA_DIR elsewhere"
            ) from error
        return draft

    def check_room(self, wanted: int = 0) -> None:
        """Refuse to go on where the disk is about to be full: the engine maps files, and would be killed there.

        Raises:
            CollectionError: Less than `wanted` bytes and a reserve are free.
        """
        free = shutil.disk_usage(self._folder).free
        if free < wanted + RESERVE:
            raise CollectionError(
                f"{free / 1e6:.0f} MB are free at {self._folder}, and {(wanted + RESERVE) / 1e6:.0f} MB are needed; "
                "make room and run again: what was written is kept"
            )

    def settle(self, draft: Path) -> Path:
        """Make a draft the generation in the making, which the next run goes on with, and return its folder."""
        _sync_all(draft)
        generation = draft.rename(next_generation(self._folder))
        _sync(self._folder)
        return generation

    def publish(self, generation: Path) -> None:
        """Make `generation` the one that readers open, and remove all others.

        Readers that have an older one open go on answering from it.
        """
        _sync_all(generation)
        pointer = self._folder / "CURRENT"
        draft = self._folder / "CURRENT.draft"
        with draft.open("w") as file:
            file.write(generation.name)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(pointer)
        _sync(self._folder)
        for other in self._folder.glob("gen-*"):
            if other != generation:
                shutil.rmtree(other, ignore_errors=True)

    def remove_all(self) -> None:
        """Remove the collection, all at once for whoever looks at it."""
        gone = self._folder.with_name(f".{self._folder.name}.dropped")
        shutil.rmtree(gone, ignore_errors=True)
        self._folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def close(self) -> None:
        """Give the lock back."""
        self._lock.release()


def _copy(source: Path, target: Path) -> None:
    """Copy a generation that readers may be opening: they replace small files, through temporary ones."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(".atomicwrite*"), copy_function=_copy_if_there)


def _copy_if_there(source: str, target: str) -> None:
    with contextlib.suppress(FileNotFoundError):  # nothing but a temporary file goes from a published generation
        copy_file(source, target)


def _sync_all(folder: Path) -> None:
    for path in folder.rglob("*"):
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    """Wait until a file or a folder's list of files is on the disk."""
    if os.name == "posix" or path.is_file():
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
