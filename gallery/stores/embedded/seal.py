"""Seals: how the files of a folder were when they were complete, so that damage is found before an engine maps them.

An engine that maps a file which is too short is killed by the system, and one that reads a damaged one may lose points
without a word. So a folder is sealed when it is complete, and the seal is compared whenever it is opened: that no file
has become shorter, and the contents, of a large collection those only that take no time. A check compares all.
"""

import contextlib
import errno
import json
import os
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gallery.errors import CollectionError, Damaged
from gallery.stores.embedded.disk import remove

DAMAGE = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, IsADirectoryError)
"""What reading a damaged file of ours raises: bytes that are no text, no JSON, or JSON of another shape."""
SEAL, SIZES = "sealed.json", "sizes.json"
_FIXED = ".json"
_CHEAP = 16 * 2**20
"""Bytes of a folder up to which all contents are compared whenever it is opened: 16 MB take 10 to 20 ms, and are some
5000 pictures."""
_SMALL = 1024
"""Bytes up to which the seal keeps a file's contents, and those of JSON: without them the engine reads nothing."""
_BLOCK = 2**16
_NOTHING = bytes(_BLOCK)
_PASSING = ("tracker_journal.dat", ".atomicwrite", "lock")
"""Parts of the names of files that the engine removes or makes when it opens a folder."""


@dataclass(frozen=True, slots=True)
class _File:
    """How a file was: its size, what of that is not zero, a CRC-32 of this, and a small file's contents themselves."""

    size: int
    filled: int
    digest: int
    contents: bytes | None


@dataclass(frozen=True, slots=True)
class _Seal:
    points: int
    files: dict[str, _File]


def seal(folder: Path, points: int) -> None:
    """Note how all files of a folder are, what is in the small ones, and how many points they hold."""
    files = {name: _state(folder / name) for name in _names(folder)}
    draft = folder / f"{SEAL}.draft"
    draft.write_text(json.dumps({"points": points, "files": files}))
    draft.replace(folder / SEAL)


def restore_small_files(folder: Path, copy: Path, prefix: str = "") -> None:
    """Write the small files of a folder into a copy of it, as the seal has them, where they are not like that.

    Args:
        folder: The folder with the seal; without a whole one, nothing happens.
        copy: The copy, or the folder itself.
        prefix: Of the names of the files that are restored.
    """
    for name, file in _files_of(folder).items():
        path = copy / name
        if file.contents is not None and name.startswith(prefix) and not _is_as_noted(path, file):
            remove(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.contents)


def unseal(folder: Path) -> None:
    """Remove the seal of a folder that is about to be written to, and the note of its sizes."""
    remove(folder / SEAL)
    remove(folder / SIZES)


def note_sizes(folder: Path) -> None:
    """Note how large the files of a folder are that is being written to: they may grow, and no more."""
    draft = folder / f"{SIZES}.draft"
    draft.write_text(json.dumps({name: (folder / name).stat().st_size for name in _names(folder)}))
    draft.replace(folder / SIZES)


def check_sizes(folder: Path) -> None:
    """Compare the files of a folder with what `note_sizes` wrote, if it did.

    Raises:
        Damaged: A file is gone, or shorter than it was.
    """
    for name, size in _noted_sizes(folder).items():
        try:
            if (folder / name).stat().st_size < size:
                raise Damaged(f"{folder / name} is shorter than it was")
        except (FileNotFoundError, NotADirectoryError) as error:
            raise Damaged(f"{folder / name} is gone") from error


def _noted_sizes(folder: Path) -> dict[str, int]:
    try:
        return {str(name): int(size) for name, size in json.loads((folder / SIZES).read_text()).items()}
    except (OSError, *DAMAGE):
        return {}  # a note that cannot be read proves nothing


def is_sealed(folder: Path) -> bool:
    """Return whether a folder was complete once, whatever became of it."""
    return (folder / SEAL).is_file()


def check_seal(folder: Path, *, but: str = "", everything: bool = False) -> int | None:
    """Compare the files of a folder with its seal, and return how many points it says they hold; None without a seal.

    Args:
        folder: The folder.
        but: A file that is not compared.
        everything: Compare the contents of all files, whatever there is to read; else where it takes no time.

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
    """Return whether a file of a folder is as its seal says; also where that says nothing of it."""
    file = _files_of(folder).get(name)
    return file is None or _is_as_noted(folder / name, file)


def sealed_points(folder: Path) -> int:
    """Return how many points a folder held, as its seal says it; 0 where it cannot be read."""
    try:
        said = _read(folder)
    except CollectionError:
        return 0
    return said.points if said else 0


def known_sizes(folder: Path) -> dict[str, int]:
    """Return how many bytes each file of a folder had, as its seal or the note of its sizes says it."""
    return {**_noted_sizes(folder), **{name: file.size for name, file in _files_of(folder).items()}}


def _files_of(folder: Path) -> dict[str, _File]:
    """Return what the seal says of files; nothing where there is none, or it is damaged."""
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
        raise CollectionError(f"{folder / SEAL} cannot be read: {error}") from error


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
        raise CollectionError(f"{path} cannot be read: {error}") from error


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
    """Return a CRC-32 of the blocks of a file that are not all zeros, which may be holes in a copy, and their bytes."""
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
    """Return where the next bytes at `place` or after it lie that are not a hole."""
    if not hasattr(os, "SEEK_DATA"):
        return place
    try:
        return os.lseek(file, place, os.SEEK_DATA)
    except OSError as error:
        if error.errno == errno.ENXIO:  # nothing but a hole is left
            return sys.maxsize
        return place  # the file system cannot tell
