"""Seals record the files of a complete folder, so that damage is found before an engine maps them.

An engine that maps a shortened file is killed by the system, and one that reads a damaged file may silently lose
points. So a complete folder is sealed, and the seal is checked whenever the folder is opened: no file may have become
shorter, and contents are compared; in a large collection, only those that are quick to read. A check compares
everything.
"""

import contextlib
import errno
import json
import os
import stat
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gallery.errors import CollectionError, Damaged
from gallery.stores.embedded.disk import remove

DAMAGE = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, IsADirectoryError)
"""Exceptions from reading a damaged file of ours: not text, not JSON, or JSON of another shape."""
SEAL, SIZES = "sealed.json", "sizes.json"
_FIXED = ".json"
_CHEAP = 16 * 2**20
"""Up to this many bytes, all contents of a folder are compared whenever it is opened: 16 MB, some 5000 pictures, take
10 to 20 ms."""
_SMALL = 1024
"""Bytes up to which the seal keeps a file's contents, and those of JSON: without them the engine reads nothing."""
_BLOCK = 2**16
_NOTHING = bytes(_BLOCK)
_PASSING = ("tracker_journal.dat", ".atomicwrite", "lock")
"""Parts of the names of files that the engine removes or makes when it opens a folder."""


@dataclass(frozen=True, slots=True)
class _File:
    """The state of a file: its size, how much of it is not zero, a CRC-32 of this, and a small file's contents."""

    size: int
    filled: int
    digest: int
    contents: bytes | None


@dataclass(frozen=True, slots=True)
class _Seal:
    points: int
    files: dict[str, _File]


def seal(folder: Path, points: int) -> None:
    """Record the state of all files of a folder, the contents of the small ones, and the number of points."""
    files = {name: _state(folder / name) for name in _names(folder)}
    draft = folder / f"{SEAL}.draft"
    draft.write_text(json.dumps({"points": points, "files": files}))
    draft.replace(folder / SEAL)


def restore_small_files(folder: Path, copy: Path, prefix: str = "") -> None:
    """Restore, in a copy of a folder, the small files that differ from the seal.

    Args:
        folder: The folder with the seal; without an intact seal, nothing happens.
        copy: The copy, or the folder itself.
        prefix: Only files whose names begin with this are restored.
    """
    for name, file in _files_of(folder).items():
        path = copy / name
        if file.contents is not None and name.startswith(prefix) and not _is_as_noted(path, file):
            remove(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.contents)


def unseal(folder: Path) -> None:
    """Remove the seal and the recorded sizes of a folder that is about to be written to."""
    remove(folder / SEAL)
    remove(folder / SIZES)


def note_sizes(folder: Path) -> None:
    """Record the file sizes of a folder that is being written to: its files may only grow."""
    draft = folder / f"{SIZES}.draft"
    draft.write_text(json.dumps({name: (folder / name).stat().st_size for name in _names(folder)}))
    draft.replace(folder / SIZES)


def check_sizes(folder: Path) -> None:
    """Compare the files of a folder with the sizes from `note_sizes`, if any.

    Raises:
        Damaged: A file is gone, shorter than it was, or no file.
    """
    for name, size in _noted_sizes(folder).items():
        try:
            found = (folder / name).stat()
            if not stat.S_ISREG(found.st_mode):
                raise Damaged(f"{folder / name} is no file any more")
            if found.st_size < size:
                raise Damaged(f"{folder / name} is shorter than it was")
        except (FileNotFoundError, NotADirectoryError) as error:
            raise Damaged(f"{folder / name} is gone") from error


def _noted_sizes(folder: Path) -> dict[str, int]:
    try:
        return {str(name): int(size) for name, size in json.loads((folder / SIZES).read_text()).items()}
    except (OSError, *DAMAGE):
        return {}  # an unreadable record proves nothing


def is_sealed(folder: Path) -> bool:
    """Return whether a folder was ever complete."""
    return (folder / SEAL).is_file()


def check_seal(folder: Path, *, but: str = "", everything: bool = False) -> int | None:
    """Compare the files of a folder with its seal, and return the seal's number of points; None without a seal.

    Args:
        folder: The folder.
        but: A file to skip.
        everything: Whether to compare the contents of all files; otherwise only the quick part.

    Raises:
        Damaged: A file is not as it was.
        CollectionError: A file cannot be read.
    """
    said = _read(folder)
    if said is None:
        return None
    files = {folder / name: file for name, file in said.files.items() if name != but}
    everything = everything or sum(file.filled for file in files.values()) <= _CHEAP
    for path, file in files.items():
        _check_size(path, file)
        if everything or path.suffix == _FIXED:
            _check_contents(path, file)
    return said.points


def is_as_sealed(folder: Path, name: str) -> bool:
    """Return whether a file agrees with its folder's seal, or is not in it."""
    file = _files_of(folder).get(name)
    return file is None or _is_as_noted(folder / name, file)


def sealed_points(folder: Path) -> int:
    """Return the number of points in a folder's seal; 0 if it is unreadable."""
    try:
        said = _read(folder)
    except CollectionError:
        return 0
    return said.points if said else 0


def known_sizes(folder: Path) -> dict[str, int]:
    """Return how many bytes each file of a folder had, from its seal or recorded sizes."""
    return {**_noted_sizes(folder), **{name: file.size for name, file in _files_of(folder).items()}}


def _files_of(folder: Path) -> dict[str, _File]:
    """Return the seal's records of files; empty if it is missing or damaged."""
    try:
        said = _read(folder)
    except CollectionError:
        return {}
    return said.files if said else {}


def _read(folder: Path) -> _Seal | None:
    try:
        said = json.loads((folder / SEAL).read_text())
        files = {
            str(name): _File(int(size), int(filled), int(crc), None if contents is None else bytes.fromhex(contents))
            for name, (size, filled, crc, contents) in said["files"].items()
        }
        return _Seal(int(said["points"]), files)
    except FileNotFoundError:
        return None
    except DAMAGE as error:
        raise Damaged(f"{folder / SEAL} is damaged") from error
    except OSError as error:
        raise CollectionError(f"{folder / SEAL} cannot be read: {error.strerror}") from error


def _check_size(path: Path, file: _File) -> None:
    with _reading(path):
        size = path.stat().st_size
    if size < file.size:
        raise Damaged(f"{path} has {size} bytes, and had {file.size}")


def _check_contents(path: Path, file: _File) -> None:
    with _reading(path):
        if _digest(path) != (file.digest, file.filled):
            raise Damaged(f"the contents of {path} are not what was written")


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise Damaged(f"{path} is gone") from error
    except OSError as error:
        raise CollectionError(f"{path} cannot be read: {error.strerror}") from error


def _is_as_noted(path: Path, file: _File) -> bool:
    try:
        _check_size(path, file)
        _check_contents(path, file)
    except Damaged:
        return False
    return True


def _names(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        if (
            path.is_file()
            and not any(part in path.name for part in _PASSING)
            and not path.name.startswith((SEAL, SIZES))
        ):
            yield path.relative_to(folder).as_posix()


def _state(path: Path) -> tuple[int, int, int, str | None]:
    size = path.stat().st_size
    digest, filled = _digest(path)
    is_kept = size <= _SMALL or path.suffix == _FIXED
    return size, filled, digest, path.read_bytes().hex() if is_kept else None


def _digest(path: Path) -> tuple[int, int]:
    """Return a CRC-32 of a file's blocks that are not all zeros (those may be holes in a copy), and their length."""
    digest = filled = 0
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        place = 0
        while (place := _next_data(file.fileno(), place) // _BLOCK * _BLOCK) < size:
            file.seek(place)
            block = file.read(_BLOCK)
            if block != _NOTHING[: len(block)]:
                digest = zlib.crc32(block, zlib.crc32(place.to_bytes(8, "little"), digest))
                filled += len(block)
            place += _BLOCK
    return digest, filled


def _next_data(file: int, place: int) -> int:
    """Return the position of the next data, not a hole, at or after `place`."""
    if not hasattr(os, "SEEK_DATA"):
        return place
    try:
        return os.lseek(file, place, os.SEEK_DATA)
    except OSError as error:
        if error.errno == errno.ENXIO:  # nothing but a hole is left
            return sys.maxsize
        return place  # the file system does not know holes
