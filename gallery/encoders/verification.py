"""Checks the files of an encoder folder against its manifest, by size and digest.

Digests of hundreds of megabytes take a second, so an intact file is remembered by size, time and inode: in DATA_DIR,
because the folder may belong to another user.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

from gallery.encoders.manifest import Manifest
from gallery.errors import EncoderError
from gallery.spec import sha256_of


class DamagedEncoderError(EncoderError):
    """A file of an encoder folder is missing or is not what was written."""


def verify(folder: Path, manifest: Manifest, graphs: Iterable[str], remembered: Path) -> None:
    """Compare the files that `graphs` need with the manifest.

    Args:
        folder: The encoder folder.
        manifest: The folder's manifest.
        graphs: Names of the graphs that are about to be opened.
        remembered: The folder in which intact files are remembered; it need not exist or be writable.

    Raises:
        DamagedEncoderError: A file is missing, or has another size or digest.
    """
    note = remembered / f"{hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]}.json"
    known = _read(note)
    sound = dict(known)
    for name in manifest.files_of(graphs):
        path, expected = folder / name, manifest.files[name]
        try:
            status = path.stat()
            state = [status.st_size, status.st_mtime_ns, status.st_ino, expected["sha256"]]
            if known.get(name) == state:
                continue
            same = status.st_size == expected["size"] and sha256_of(path) == expected["sha256"]
        except OSError as error:
            raise DamagedEncoderError(f"{path} cannot be read ({error.strerror})") from error
        if not same:
            raise DamagedEncoderError(f"{path} is damaged: it is not what was written")
        sound[name] = state
    if sound != known:
        _write(note, sound)


def _read(note: Path) -> dict[str, list[object]]:
    try:
        values = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def _write(note: Path, sound: dict[str, list[object]]) -> None:
    draft = note.with_suffix(f".{os.getpid()}")
    with contextlib.suppress(OSError):  # on a full or read-only disk, the digests are computed again next time
        note.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(sound), encoding="utf-8")
        draft.replace(note)
