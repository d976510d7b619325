"""Decides which files and folders to skip: hidden ones, those that belong to programs, and what users exclude."""

import codecs
import os
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import AnyStr

from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from gallery.errors import BadInput, UnreadableImage
from gallery.pictures.files import read_file

IGNORE_FILE = ".galleryignore"
"""A file with this name says what to skip in and below its folder, in the syntax of .gitignore."""
JUNK = frozenset(
    (
        "@eadir", "#recycle", "@recycle", "@recently-snapshot", "@tmp", "#snapshot", "$recycle.bin", "recycler",
        "system volume information", "lost+found", "found.000", ".thumbnails", ".trash", "thumbs.db", "__macosx",
    )
)  # fmt: skip
"""Folders, in lower case, in which NAS boxes and systems keep thumbnails and trash."""
JUNK_SUFFIXES = (".lrdata", ".aplibrary-thumbnails")
"""Endings of the names of folders in which programs keep previews."""
COLLECTIONS = "collections"
OWN_FOLDERS = frozenset((COLLECTIONS, "encoders", "features", "thumbs"))
"""What this program keeps in its DATA_DIR."""
_MARKS = ("CURRENT", "holder", "lock", "journal.sqlite")
"""A folder with one of these files one level down holds collections of this program."""
_MOST_BYTES = 2**20
_LAZY = {"(?:.+/)?": "(?:.+?/)??", "(?:/.+)?/": "(?:/.+?)??/"}
"""pathspec's regular expressions for `**`, at the beginning and elsewhere -> the same, but not greedy."""
_DEEP = re.compile(r"(\^)?(\(\?:\.\+/\)\?|\(\?:/\.\+\)\?/)((?:(?!\(\?:/\.\+\)\?/).)+)(?=\(\?:/\.\+\)\?/)")
"""In pathspec's regular expressions: `**`, and what comes between it and the next one."""
_STAR = re.compile(r"\[\^/\]\*((?:\\.|\[(?:\\.|[^]\\])+\](?!\*)|[^][\\()/*?+^$|])+)(?=\[\^/\]\*)")
"""Likewise for a star: what comes between it and the next one in the same part of a path."""
_BOMS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}

Rules = tuple[tuple[str, GitIgnoreSpec], ...]
"""Folders and their exclusion rules, outermost first."""


class _Pattern(GitIgnoreSpecPattern):
    """A pattern whose stars take the first match and do not backtrack: equivalent, and fast.

    With ten stars, pathspec's own expression would take minutes for a name of 60 letters.
    """

    @classmethod
    def pattern_to_regex(cls, pattern: AnyStr) -> tuple[AnyStr | None, bool | None]:
        regex, include = super().pattern_to_regex(pattern)
        if isinstance(regex, str):
            regex = _DEEP.sub(lambda found: f"{found[1] or ''}(?>{_LAZY[found[2]]}{found[3]}(?=/))", regex)
            regex = _STAR.sub(r"(?>[^/]*?\1)", regex)
        return regex, include


def rules_of(patterns: Sequence[str]) -> GitIgnoreSpec:
    """Compile patterns in the syntax of .gitignore.

    Raises:
        BadInput: One of them is invalid, or matching it could take for ever.
    """
    try:
        return GitIgnoreSpec.from_lines((_normal(re.sub(r"\*{3,}", "**", line)) for line in patterns), _Pattern)
    except (ValueError, re.error) as error:
        raise BadInput(f"this is not a valid .gitignore pattern: {error}") from error


def read_rules(folder: str) -> GitIgnoreSpec:
    """Read the ignore file of a folder: in UTF-8 or UTF-16, with a byte order mark or without.

    Raises:
        BadInput: It cannot be read, so what is private is unknown.
    """
    path = os.path.join(folder, IGNORE_FILE)
    try:
        data = read_file(path)
        if len(data) > _MOST_BYTES:
            raise BadInput(f"{len(data)} bytes; the limit is {_MOST_BYTES}")
        return rules_of(_decoded(data).splitlines())
    except (UnreadableImage, BadInput, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read ({error}), so what it excludes is unknown; fix or remove it") from error


def _decoded(data: bytes) -> str:
    for mark, encoding in _BOMS.items():
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding)
    if b"\0" in data:  # UTF-16 without a byte order mark: every second byte of plain letters is zero
        return data.decode("utf-16-be" if data[:1] == b"\0" else "utf-16-le")
    return data.decode("utf-8")


def is_junk(name: str) -> bool:
    """Return whether a folder with this name holds none of the user's files: hidden, trash, thumbnails, previews."""
    lower = name.casefold()
    return name.startswith(".") or lower in JUNK or lower.startswith("$recycle") or lower.endswith(JUNK_SUFFIXES)


def own_folders(folder: str) -> frozenset[str]:
    """Return the names of this program's own folders in `folder`: only a DATA_DIR has any."""
    collections = Path(folder, COLLECTIONS)
    try:
        if any((each / mark).is_file() for each in collections.iterdir() for mark in _MARKS):
            return OWN_FOLDERS
    except OSError:
        pass
    return frozenset()


def is_excluded(path: str, rules: Rules) -> bool:
    """Return whether rules exclude a path; as in git, the innermost file with a matching rule decides.

    Args:
        path: Absolute; a folder's ends in a slash.
        rules: The rules of the folders above it.
    """
    for folder, spec in reversed(rules):
        said = spec.check_file(_normal(path[len(folder.rstrip("/")) + 1 :])).include
        if said is not None:
            return said
    return False


def _normal(text: str) -> str:
    """Compose letters and their accents, as macOS stores the two apart."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


class LeftOut:
    """Decides for single paths whether a walk skips them; reads each folder's rules once."""

    def __init__(self, root: str) -> None:
        """Take the folder at which the walk starts."""
        self._root = root.rstrip("/") or "/"
        self._folders: dict[str, Rules | None] = {self._root: self._with_own((), self._root)}

    def __call__(self, path: str) -> bool:
        """Return whether a file below the root is hidden, or left out with a folder above it or by a rule."""
        if path == self._root:
            return False
        rules = self._rules(os.path.dirname(path))  # noqa: PTH120 - called for every file
        return rules is None or os.path.basename(path).startswith(".") or is_excluded(path, rules)  # noqa: PTH119

    def _rules(self, folder: str) -> Rules | None:
        """Return the rules that hold in a folder, or None if it is left out."""
        if folder not in self._folders:
            above, name = os.path.split(folder)
            rules = self._rules(above)
            if rules is None or is_junk(name) or is_excluded(folder + "/", rules) or name in own_folders(above):
                self._folders[folder] = None
            else:
                self._folders[folder] = self._with_own(rules, folder)
        return self._folders[folder]

    @staticmethod
    def _with_own(rules: Rules, folder: str) -> Rules:
        if os.path.lexists(os.path.join(folder, IGNORE_FILE)):
            return (*rules, (folder, read_rules(folder)))
        return rules
