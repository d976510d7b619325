"""Which sentences belong to which file."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from gallery.records import Caption


class CaptionsByPath:
    """The captions of files: a caption's `image` is a path from the folder of the captions file, or a file's name."""

    def __init__(self, captions: Iterable[Caption], folder: Path) -> None:
        self._folder = os.path.abspath(folder)
        self._texts: dict[str, tuple[str, ...]] = {}
        for caption in captions:
            key = os.path.normpath(caption.image)
            self._texts[key] = (*self._texts.get(key, ()), caption.text)

    def of(self, path: str) -> tuple[str, ...]:
        """Return the captions of the file at `path`, in the order of the captions file."""
        by_path = self._texts.get(os.path.relpath(path, self._folder))
        return by_path or self._texts.get(os.path.basename(path), ())  # noqa: PTH119 - called for every file

    def digest(self, path: str) -> str:
        """Return what tells the captions of a file from others."""
        return hashlib.sha256("\0".join(self.of(path)).encode()).hexdigest()[:16]
