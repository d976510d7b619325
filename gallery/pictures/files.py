"""Image files: which there are, and their bytes."""

import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pathspec import GitIgnoreSpec

from gallery.errors import BadInput, Reason, UnreadableImage
from gallery.records import ImageFile

IGNORE_FILE = ".galleryignore"
"""A file of this name says what not to look at in its folder and below, in the language of .gitignore."""
MAX_BYTES = 2**29

_JPEG_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo")
_HEIC_SUFFIXES = (".heic", ".heif", ".hif")
SUFFIXES = frozenset(
    (*_JPEG_SUFFIXES, *_HEIC_SUFFIXES, ".png", ".apng", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".dib", ".avif")
)

_Rules = tuple[tuple[str, GitIgnoreSpec], ...]
"""Folders and what is excluded below them, outermost first."""


def find_images(
    root: Path, on_error: Callable[[str, OSError], None], exclude: Sequence[str] = ()
) -> Iterator[ImageFile]:
    """Yield the image files below `root` by their suffix, folder by folder, sorted by name.

    Hidden files and folders are left out, and what `IGNORE_FILE`s exclude. Links are followed, but no folder is
    walked twice. A `root` that is a file is yielded whatever its name.

    Args:
        root: A folder or a file.
        on_error: Called with the path of every folder or entry that cannot be read.
        exclude: Patterns of what not to look at below `root`, in the language of .gitignore.

    Raises:
        BadInput: `root` does not exist, or `exclude` holds what is no pattern.
    """
    start = os.path.abspath(root)
    try:
        found = os.stat(start)
    except (OSError, ValueError) as error:
        raise BadInput(f"{root} cannot be read ({error}); give an existing folder or image file") from error
    if not stat.S_ISDIR(found.st_mode):
        yield _image_file(start, found)
        return
    rules: _Rules = ((start, _rules_of(exclude)),) if exclude else ()
    folders, seen = [(start, rules)], set[tuple[int, int]]()
    while folders:
        folder, rules = folders.pop()
        try:
            identity = os.stat(folder)
            if (identity.st_dev, identity.st_ino) in seen:
                continue
            seen.add((identity.st_dev, identity.st_ino))
            with os.scandir(folder) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
            if any(entry.name == IGNORE_FILE for entry in listed):
                rules = (*rules, (folder, _read_rules(os.path.join(folder, IGNORE_FILE))))
        except OSError as error:
            on_error(folder, error)
            continue
        subfolders = []
        for entry in listed:
            try:
                if _is_walked(entry, rules):
                    subfolders.append((entry.path, rules))
                elif _is_candidate(entry, rules):
                    yield _image_file(entry.path, entry.stat())
            except OSError as error:
                on_error(entry.path, error)
        folders += reversed(subfolders)


def look_at(path: str) -> ImageFile | None:
    """Return the regular file at `path` as it looks now, if there is one."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return _image_file(path, found) if stat.S_ISREG(found.st_mode) else None


def _is_walked(entry: os.DirEntry[str], rules: _Rules) -> bool:
    return entry.name[0] != "." and entry.is_dir() and not _is_excluded(entry.path + "/", rules)


def _is_candidate(entry: os.DirEntry[str], rules: _Rules) -> bool:
    has_suffix = entry.name[0] != "." and os.path.splitext(entry.name)[1].lower() in SUFFIXES
    return has_suffix and stat.S_ISREG(entry.stat().st_mode) and not _is_excluded(entry.path, rules)


def _read_rules(path: str) -> GitIgnoreSpec:
    try:
        return _rules_of(read_file(path).decode("utf-8", "surrogateescape").splitlines())
    except (UnreadableImage, BadInput) as error:
        raise OSError(f"{IGNORE_FILE}: {error}") from error


def _rules_of(patterns: Sequence[str]) -> GitIgnoreSpec:
    try:
        return GitIgnoreSpec.from_lines(patterns)
    except (ValueError, re.error) as error:
        raise BadInput(f"this is no pattern that .gitignore would know: {error}") from error


def _is_excluded(path: str, rules: _Rules) -> bool:
    """As for git, the innermost file that says anything about a path decides."""
    for folder, spec in reversed(rules):
        said = spec.check_file(path[len(folder.rstrip("/")) + 1 :]).include
        if said is not None:
            return said
    return False


def _image_file(path: str, found: os.stat_result) -> ImageFile:
    mtime_ns = min(max(found.st_mtime_ns, -(2**63)), 2**63 - 1)  # what databases hold; file systems hold more
    return ImageFile(path, found.st_size, mtime_ns)


def read_file(path: str) -> bytes:
    """Return the bytes of a regular file; never waits for a pipe or a device.

    Raises:
        UnreadableImage: It cannot be read, or is larger than `MAX_BYTES`.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            data = _read(descriptor)
        finally:
            os.close(descriptor)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UnreadableImage(Reason.VANISHED, "the file is gone") from error
    except PermissionError as error:
        raise UnreadableImage(Reason.NO_PERMISSION, "reading is not permitted") from error
    except (OSError, ValueError) as error:
        raise UnreadableImage(Reason.IO_ERROR, str(error)) from error
    return data


def _read(descriptor: int) -> bytes:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise UnreadableImage(Reason.NOT_A_FILE, "not a regular file")
    if found.st_size > MAX_BYTES:
        raise UnreadableImage(Reason.TOO_LARGE, f"{found.st_size} bytes; the limit is {MAX_BYTES}")
    with open(descriptor, "rb", closefd=False) as file:
        data = file.read(found.st_size + 1)
    if len(data) != found.st_size:
        raise UnreadableImage(Reason.IO_ERROR, "the file changed while it was read")
    return data
