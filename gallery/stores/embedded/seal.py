"""Seals: how the files of a folder were when they were complete, so that damage is found before an engine maps them.

An engine that maps a file which is too short is killed by the system, and one that reads a damaged one may lose points
without a word. So a folder is sealed when it is complete, and the seal is compared whenever it is opened: that no file
has become shorter, and the contents of those that never change, which takes milliseconds. A check compares all.
"""

import errno
import json
import os
import sys
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from gallery.errors import CollectionError, Damaged

SEAL, SIZES = "sealed.json", "sizes.json"
_FIXED = ".json"
"""The engine never writes to these; to some of the others it does whenever it opens a folder whose points went."""
_BLOCK = 2**16
_NOTHING = bytes(_BLOCK)
_PASSING = ("tracker_journal.dat", ".atomicwrite", "lock")
"""Parts of the names of files that the engine removes or makes when it opens a folder."""

Seal = dict[str, tuple[int, int]]
"""A file's path in its folder -> its size, and a CRC-32 of its contents."""


def seal(folder: Path, points: int, spec: Mapping[str, object]) -> None:
    """Note how all files of a folder are, how many points they hold, and once more what these were made with."""
    files = {name: _state(folder / name) for name in _names(folder)}
    draft = folder / f"{SEAL}.draft"
    draft.write_text(json.dumps({"points": points, "spec": spec, "files": files}))
    draft.replace(folder / SEAL)


def sealed_spec(folder: Path) -> dict[str, object] | None:
    """Return what the points of a folder were made with, as its seal says it."""
    try:
        spec = json.loads((folder / SEAL).read_text())["spec"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return spec if isinstance(spec, dict) else None


def unseal(folder: Path) -> None:
    """Remove the seal of a folder that is about to be written to, and the note of its sizes."""
    (folder / SEAL).unlink(missing_ok=True)
    (folder / SIZES).unlink(missing_ok=True)


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
    try:
        sizes = {str(name): int(size) for name, size in json.loads((folder / SIZES).read_text()).items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return  # a note that cannot be read proves nothing
    for name, size in sizes.items():
        try:
            if (folder / name).stat().st_size < size:
                raise Damaged(f"{folder / name} is shorter than it was")
        except (FileNotFoundError, NotADirectoryError) as error:
            raise Damaged(f"{folder / name} is gone") from error


def is_sealed(folder: Path) -> bool:
    """Return whether a folder was complete once, whatever became of it."""
    return (folder / SEAL).is_file()


def check_seal(folder: Path, *, but: str = "", everything: bool = False) -> int | None:
    """Compare the files of a folder with its seal, and return how many points it says they hold; None without a seal.

    Args:
        folder: The folder.
        but: A file that is not compared.
        everything: Compare the contents of all files, not of those alone that nobody ever writes to.

    Raises:
        Damaged: A file is not as it was.
        CollectionError: A file cannot be read.
    """
    said = _read(folder)
    if said is None:
        return None
    points, files = said
    for name in files.keys() - {but}:
        _check_file(folder / name, *files[name], everything=everything)
    return points


def is_as_sealed(folder: Path, name: str) -> bool:
    """Return whether a file of a folder is as its seal says; also where that says nothing of it."""
    said = _read(folder)
    try:
        if said and name in said[1]:
            _check_file(folder / name, *said[1][name], everything=True)
    except Damaged:
        return False
    return True


def sealed_sizes(folder: Path) -> dict[str, int]:
    """Return how many bytes each file of a folder has, as its seal says it; nothing where it cannot be read."""
    try:
        said = _read(folder)
    except CollectionError:
        return {}
    return {name: size for name, (size, _) in said[1].items()} if said else {}


def _read(folder: Path) -> tuple[int, Seal] | None:
    try:
        said = json.loads((folder / SEAL).read_text())
        return int(said["points"]), {str(name): (int(size), int(crc)) for name, (size, crc) in said["files"].items()}
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CollectionError(f"{folder / SEAL} cannot be read: {error}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Damaged(f"{folder / SEAL} is damaged") from error


def _check_file(path: Path, size: int, digest: int, *, everything: bool) -> None:
    try:
        if path.stat().st_size < size:
            raise Damaged(f"{path} has {path.stat().st_size} bytes, and had {size}")
        if (everything or path.suffix == _FIXED) and _digest(path) != digest:
            raise Damaged(f"the contents of {path} are not what was written")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise Damaged(f"{path} is gone") from error
    except OSError as error:
        raise CollectionError(f"{path} cannot be read: {error}") from error


def bytes_on_disk(folder: Path) -> int:
    """Return what all files below a folder take on the disk: holes take nothing. Others may be replacing some."""
    total = 0
    for parent, _, names in os.walk(folder):  # unlike rglob it passes over a folder that is gone in the meantime
        for name in names:
            try:
                total += _data_bytes(Path(parent, name))
            except FileNotFoundError:
                continue
    return total


def _data_bytes(path: Path) -> int:
    status = path.stat()
    return min(status.st_blocks * 512, status.st_size) if hasattr(status, "st_blocks") else status.st_size


def _names(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        if (
            path.is_file()
            and not any(part in path.name for part in _PASSING)
            and not path.name.startswith((SEAL, SIZES))
        ):
            yield path.relative_to(folder).as_posix()


def _state(path: Path) -> tuple[int, int]:
    return path.stat().st_size, _digest(path)


def _digest(path: Path) -> int:
    """Return a CRC-32 of the blocks of a file that hold anything but zeros: a copy may turn these into holes."""
    digest = 0
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        place = 0
        while (place := _next_data(file.fileno(), place) // _BLOCK * _BLOCK) < size:
            file.seek(place)
            block = file.read(_BLOCK)
            if block != _NOTHING[: len(block)]:
                digest = zlib.crc32(block, zlib.crc32(place.to_bytes(8, "little"), digest))
            place += _BLOCK
    return digest


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
