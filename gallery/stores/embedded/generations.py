"""Generations of an embedded collection: one folder is published, and another may be unfinished.

    COLLECTION/
        CURRENT          the name of the published generation
        lock             held by the process that writes; holder: its process id
        gen-000001/      published: never written to again, opened by any number of readers
        gen-000002/      unfinished: a copy of the published one, or a new one
        damaged-…/       unusable remains, kept until `repair` or `drop`

Publishing replaces CURRENT, atomically. After a crash, CURRENT is unchanged, and the next run continues with what was
flushed into the unfinished generation. A generation is sealed just before it is published. This module knows nothing
else about a generation's contents.
"""

import contextlib
import os
import re
import shutil
from collections.abc import Callable
from math import ceil
from pathlib import Path

from gallery.errors import CollectionError
from gallery.stores.embedded.cloning import copy_file
from gallery.stores.embedded.disk import bytes_on_disk, free_bytes, remove, sync, sync_all
from gallery.stores.embedded.seal import is_sealed, seal, unseal

RESERVE = 256 * 2**20
"""How many bytes are left free on the disk."""
CURRENT, PROGRESS = "CURRENT", "progress.json"
_GENERATION = re.compile(r"gen-\d{6,}")
_MARKS = (CURRENT, "gen-*", "damaged-*")
"""Files that mark a collection; a run that fails before it writes leaves only its lock."""


def published(folder: Path) -> Path | None:
    """Return the folder of the published generation of the collection at `folder`, if there is one.

    If CURRENT is damaged, this is the newest complete one.
    """
    named, before = pointed(folder), None
    while named and named != before:  # meanwhile, another process may publish, and remove the named generation
        if is_sealed(named):
            return named
        named, before = pointed(folder), named
    return _newest_complete(folder)


def pointed(folder: Path) -> Path | None:
    """Return the generation that CURRENT names, whether or not it exists; None if it names none."""
    try:
        name = (folder / CURRENT).read_text().strip()
    except (OSError, UnicodeDecodeError):
        return None
    return folder / name if _GENERATION.fullmatch(name) else None


def published_state(folder: Path) -> str | None:
    """Return a mark of the published generation at `folder`, never used again, even after a drop."""
    current = published(folder)
    if current is None:
        return None
    with contextlib.suppress(OSError):
        return f"{current.name} {(folder / CURRENT).stat().st_mtime_ns}"
    return current.name


def collection_folders(data_dir: Path) -> list[Path]:
    """Return the folders of all embedded collections ever started, sorted by name."""
    folders = (data_dir / "collections").glob("[!.]*")
    return sorted(path for path in folders if path.is_dir() and any(next(path.glob(mark), None) for mark in _MARKS))


def published_collections(data_dir: Path) -> list[str]:
    """Return the names of the embedded collections that have been published, sorted."""
    return [folder.name for folder in collection_folders(data_dir) if published(folder)]


def unfinished(folder: Path) -> Path | None:
    """Return the unfinished generation that an interrupted run left in the collection at `folder`."""
    path = _next_generation(folder)
    return path if path.is_dir() else None


def _next_generation(folder: Path) -> Path:
    """Return the folder that the generation after the published one has, or would have."""
    current = published(folder)
    number = int(current.name.removeprefix("gen-")) if current else 0
    return folder / f"gen-{number + 1:06d}"


def _generations(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("gen-*") if _GENERATION.fullmatch(path.name) and path.is_dir())


def _newest_complete(folder: Path) -> Path | None:
    there = _generations(folder)
    complete = [path for path in there if is_sealed(path)]
    if complete:
        return complete[-1]
    # From before seals: if CURRENT exists, something was published, and anything newer is unfinished.
    named = pointed(folder)
    if named in there:
        return named
    return there[0] if there and os.path.lexists(folder / CURRENT) else None


class Workshop:
    """Makes generations, in one process at a time."""

    def __init__(self, folder: Path, free: Callable[[Path], int] = free_bytes) -> None:
        """Take the collection's lock.

        Args:
            folder: The collection's folder.
            free: Returns how many bytes are free on the disk of a folder.

        Raises:
            CollectionError: Another process holds it, or the folder cannot be written to.
        """
        from filelock import FileLock, Timeout  # imported here, as readers do not need it

        self.folder = folder
        self._free = free
        holder = folder / "holder"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if (folder / "lock").is_dir():
                remove(folder / "lock")
            self._lock = FileLock(folder / "lock", timeout=0)
            self._lock.acquire()
        except Timeout as error:
            raise CollectionError(
                f"collection {folder.name} is being written to by process {_read(holder)}; wait for it or stop it"
            ) from error
        except OSError as error:
            raise CollectionError(
                f"{folder} cannot be written to ({error.strerror}); set DATA_DIR to a folder of yours"
            ) from error
        with contextlib.suppress(OSError):  # a damaged one must not prevent writing
            holder.write_text(str(os.getpid()))

    def mend_pointer(self) -> bool:
        """Repair CURRENT if it does not name the published generation; return whether that was needed."""
        current = published(self.folder)
        if current is None or pointed(self.folder) == current:
            return False
        self._point_to(current)
        return True

    def draft(self, base: Path | None) -> Path:
        """Return the folder of a new draft: a copy of the generation `base`, or empty."""
        for left in self.folder.glob("gen-*.draft"):  # left by a run that was killed
            remove(left)
        draft = self.next_generation().with_suffix(".draft")
        self.check_room(bytes_on_disk(base) if base else 0)
        try:
            if base:
                _copy(base, draft)
                unseal(draft)
            else:
                draft.mkdir()
        except OSError as error:
            raise CollectionError(
                f"{draft} cannot be written ({error.strerror}); make room, or set DATA_DIR elsewhere"
            ) from error
        return draft

    def check_room(self, wanted: int = 0) -> None:
        """Refuse to continue on an almost full disk: the engine maps files, and would be killed.

        Raises:
            CollectionError: Fewer than `wanted` bytes plus a reserve are free.
        """
        missing = wanted + RESERVE - self._free(self.folder)
        if missing > 0:
            raise CollectionError(
                f"the disk of {self.folder} lacks {ceil(missing / 1e6)} MB; make room and run again: what was written "
                "is kept, and searches go on"
            )

    def has_room_for_copies(self, generation: Path) -> bool:
        """Whether the disk has room for two more copies of a generation, as needed while publishing."""
        return self._free(self.folder) > 2 * bytes_on_disk(generation) + RESERVE

    def next_generation(self) -> Path:
        """Return the folder that the generation after the published one has, or would have."""
        return _next_generation(self.folder)

    def settle(self, draft: Path) -> Path:
        """Turn a draft into the unfinished generation, which the next run would continue; return its folder."""
        sync_all(draft)
        generation = draft.rename(self.next_generation())
        sync(self.folder)
        return generation

    def publish(self, generation: Path, points: int) -> None:
        """Seal `generation` with its number of points, publish it, and remove all others.

        Readers of an older one keep answering from it.
        """
        seal(generation, points)
        sync_all(generation)
        self._point_to(generation)
        for other in _generations(self.folder):
            if other != generation:
                shutil.rmtree(other, ignore_errors=True)

    def set_aside(self, generation: Path) -> Path:
        """Move a damaged generation aside, and return its new place."""
        number = 1
        while (target := self.folder / f"damaged-{number}-{generation.name}").exists():
            number += 1
        generation.rename(target)
        sync(self.folder)
        return target

    def remove_all(self) -> None:
        """Remove the collection, atomically for readers."""
        gone = self.folder.with_name(f".{self.folder.name}.dropped")
        shutil.rmtree(gone, ignore_errors=True)
        self.folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def close(self) -> None:
        """Release the lock."""
        self._lock.release()

    def _point_to(self, generation: Path) -> None:
        pointer, draft = self.folder / CURRENT, self.folder / "CURRENT.draft"
        with draft.open("w") as file:
            file.write(generation.name)
            file.flush()
            os.fsync(file.fileno())
        if pointer.is_dir():
            remove(pointer)
        draft.replace(pointer)
        sync(self.folder)


def set_aside_in(folder: Path) -> list[Path]:
    """Return what was set aside in the collection at `folder`, sorted."""
    return sorted(folder.glob("damaged-*"))


def _read(holder: Path) -> str:
    try:
        return holder.read_text() or "unknown"
    except (OSError, UnicodeDecodeError):
        return "unknown"


def _copy(source: Path, target: Path) -> None:
    """Copy a generation that readers may be opening, which replaces small files through temporary ones."""
    left_out = shutil.ignore_patterns(".atomicwrite*", PROGRESS)
    shutil.copytree(source, target, ignore=left_out, copy_function=_copy_if_there)


def _copy_if_there(source: str, target: str) -> None:
    with contextlib.suppress(FileNotFoundError):  # only temporary files disappear from a published generation
        copy_file(source, target)
