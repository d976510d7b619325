"""Finds the image files below a folder."""

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from gallery.errors import BadInput
from gallery.pictures import raw, videos
from gallery.pictures.files import image_file
from gallery.pictures.ignoring import (
    COLLECTIONS,
    IGNORE_FILE,
    Rules,
    is_excluded,
    is_junk,
    own_folders,
    read_rules,
    rules_of,
)
from gallery.printable import printable
from gallery.records import ImageFile

_JPEG_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo")
_HEIC_SUFFIXES = (".heic", ".heif", ".hif")
SUFFIXES = raw.SUFFIXES.union(
    _JPEG_SUFFIXES, _HEIC_SUFFIXES, (".png", ".apng", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".dib", ".avif")
)
_KINDS = {
    "SVG files": ".svg .svgz",
    "PDF files": ".pdf",
    "Photoshop and GIMP files": ".psd .psb .xcf",
    "JPEG 2000 and JPEG XL files": ".jp2 .j2k .jpf .jxl",
    "other pictures": ".ico .icns .tga .pcx .ppm .pgm .pbm .pnm .exr .hdr .dds .eps .ai .cdr .wmf .emf",
}
VIDEOS_KIND = f"videos ({videos.NEEDED})"
_KIND_OF = {suffix: kind for kind, suffixes in _KINDS.items() for suffix in suffixes.split()}
_KIND_OF |= dict.fromkeys(videos.SUFFIXES, VIDEOS_KIND)
JUNK_KIND, OWN_KIND = "folders of thumbnails and trash", "folders of this program"
EXCLUDED_KIND = "excluded files and folders"


def find_images(
    root: Path,
    on_error: Callable[[str, OSError], None],
    exclude: Sequence[str] = (),
    skipped: "Counter[str] | None" = None,
) -> Iterator[ImageFile]:
    """Yield the files below `root` that have an image suffix, folder by folder, sorted by name.

    Hidden files and folders, folders for thumbnails and trash, this program's own DATA_DIR, and whatever an
    `IGNORE_FILE` excludes are left out. Links are followed, but no folder is
    walked twice. A `root` that is a file is yielded whatever its name.

    Args:
        root: A folder or a file.
        on_error: Called with the path of every folder or entry that cannot be read.
        exclude: Patterns of what to skip below `root`, in the syntax of .gitignore.
        skipped: Counts, by kind, what is left out although it may have been wanted: `{"videos": 12}`.

    Raises:
        BadInput: `root` does not exist, `exclude` has an invalid pattern, or an ignore file cannot be read.
    """
    start, found = os.path.abspath(root), status_of(root)
    if not stat.S_ISDIR(found.st_mode):
        yield image_file(start, found)
        return
    skipped = Counter() if skipped is None else skipped
    rules: Rules = ((start, rules_of(exclude)),) if exclude else ()
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
        except OSError as error:
            on_error(folder, error)
            continue
        if any(entry.name == IGNORE_FILE for entry in listed):
            rules = (*rules, (folder, read_rules(folder)))
        subfolders = []
        own = own_folders(folder) if any(entry.name == COLLECTIONS for entry in listed) else ()
        for entry in listed:
            try:
                if entry.name in own and entry.is_dir():
                    skipped[OWN_KIND] += 1
                elif entry.is_dir():
                    if _is_walked(entry, rules, skipped):
                        subfolders.append((entry.path, rules))
                elif _is_candidate(entry, rules, skipped):
                    yield image_file(entry.path, entry.stat())
            except OSError as error:
                on_error(entry.path, error)
        folders += reversed(subfolders)


def status_of(root: Path) -> os.stat_result:
    """Return what the system knows about a folder or file that a user named.

    Raises:
        BadInput: It does not exist, or cannot be looked at.
    """
    try:
        return os.stat(os.path.abspath(root))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise BadInput(f"there is no folder or file {printable(str(root))}") from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise BadInput(f"{printable(str(root))} cannot be read ({why}); give another folder or image file") from error


def _is_walked(entry: os.DirEntry[str], rules: Rules, skipped: "Counter[str]") -> bool:
    if is_junk(entry.name):
        skipped[JUNK_KIND] += entry.name[0] != "."
        return False
    if is_excluded(entry.path + "/", rules):
        skipped[EXCLUDED_KIND] += 1
        return False
    return True


def _is_candidate(entry: os.DirEntry[str], rules: Rules, skipped: "Counter[str]") -> bool:
    if entry.name[0] == ".":
        return False
    suffix = os.path.splitext(entry.name)[1].lower()
    if suffix not in SUFFIXES and not (suffix in videos.SUFFIXES and videos.can_read_videos()):
        if suffix in _KIND_OF:
            skipped[_KIND_OF[suffix]] += 1
        return False
    if not stat.S_ISREG(entry.stat().st_mode):
        return False
    if is_excluded(entry.path, rules):
        skipped[EXCLUDED_KIND] += 1
        return False
    return True
