"""Which sentences belong to which file."""

import hashlib
import os
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from gallery.records import Caption


class CaptionsByPath:
    """The captions of files, which a captions file names by a path relative to itself, or by file name alone.

    Paths may be absolute, and have backslashes or spaces around them; accents may be composed or not.
    A bare name stands for the file of that name beside the captions file, or else for all files of that name in any
    folder. Case matters if the file system is case-sensitive.
    """

    def __init__(self, captions: Iterable[Caption], folder: Path) -> None:
        self._folder = os.path.abspath(folder)
        self._fold = _minds_no_case(self._folder)
        self._texts: dict[str, tuple[str, ...]] = {}
        self._names: dict[str, str] = {}
        self._matched: set[str] = set()
        for caption in captions:
            key = self._key_of(caption.image)
            self._texts[key] = (*self._texts.get(key, ()), caption.text)
            self._names.setdefault(key, caption.image)

    def of(self, path: str) -> tuple[str, ...]:
        """Return the captions of the file at `path`, in the order of the captions file."""
        for key in (self._normal(path), self._normal(os.path.basename(path))):  # noqa: PTH119 - for every file
            if key in self._texts:
                self._matched.add(key)
                return self._texts[key]
        return ()

    def digest(self, path: str) -> str:
        """Return a digest of a file's captions."""
        return hashlib.sha256("\0".join(("by file", *self.of(path))).encode()).hexdigest()[:16]

    def unmatched(self) -> list[str]:
        """Return the names that matched no file, some followed by the file that was probably meant."""
        missing = [(key, name) for key, name in self._names.items() if key not in self._matched]
        return [name + _hint(os.path.join(self._folder, key)) for key, name in missing]

    @property
    def names(self) -> int:
        """How many names the captions file has."""
        return len(self._names)

    def _key_of(self, name: str) -> str:
        """Return the path of the named file if it exists or was given with a folder, or else the bare name."""
        forms = list(_forms(name))
        for form in (*forms, *_ends(forms[-1])):
            path = os.path.normpath(os.path.join(self._folder, form))
            if os.path.isfile(path):  # noqa: PTH113 - for every name
                return self._normal(path)
        last = os.path.normpath(forms[-1])
        return self._normal(os.path.join(self._folder, last) if os.sep in last else last)

    def _normal(self, path: str) -> str:
        composed = path if path.isascii() else unicodedata.normalize("NFC", path)
        return composed.casefold() if self._fold else composed


def _forms(name: str) -> Iterator[str]:
    """Yield a name as written and in both forms of its accents, then without surrounding spaces and backslashes."""
    for form in (name, name.strip(), name.strip().replace("\\", "/")):
        yield form
        yield unicodedata.normalize("NFD", form)
        yield unicodedata.normalize("NFC", form)


def _ends(name: str) -> Iterator[str]:
    """Yield the ends of an absolute path from another machine, dropping one leading folder at a time."""
    parts = name.split("/")
    if not parts[0] or parts[0].endswith(":"):
        yield from ("/".join(parts[start:]) for start in range(1, len(parts)))


def _minds_no_case(folder: str) -> bool:
    other = folder.swapcase()
    try:
        return other != folder and Path(other).samefile(folder)
    except OSError:
        return False


def _hint(key: str) -> str:
    folder, name = os.path.split(key)
    try:
        there = os.listdir(folder)
    except OSError:
        there = []
    alike = [other for other in there if other.casefold() == name.casefold()]
    return f" (there is {alike[0]})" if alike else ""
