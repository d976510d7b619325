"""Adding and removing pictures through the API, by the command `ingest`, like all others."""

import subprocess
import sys
import threading
from hashlib import sha256
from pathlib import Path, PurePath

from gallery.errors import BadInput, CollectionError, GalleryError
from gallery.printable import printable
from gallery.records import ImageRecord
from gallery.settings import Settings
from gallery.stores import point_id

_SECONDS, _PATIENCE = 120.0, 10.0
_LONGEST_NAME = 100


class ChangesRefusedError(GalleryError):
    """The page was started without --allow-changes."""


class BusyError(GalleryError):
    """Another change is under way."""


class Changes:
    """Runs `ingest` for one change at a time. Safe to use from several threads."""

    def __init__(self, settings: Settings, folder: Path | None) -> None:
        """Take the folder for uploaded pictures; without it, nothing may be changed.

        Raises:
            BadInput: No token is set.
        """
        if folder and not settings.search_token:
            raise BadInput("--allow-changes needs SEARCH_TOKEN: set it to a secret for those who may change pictures")
        self._folder = folder
        self._one = threading.Lock()

    def add(self, collection: str, name: str, data: bytes) -> str:
        """Keep a file, index it, and return the picture's id.

        Raises:
            ChangesRefusedError: Changes are not allowed.
            BusyError: Another change is under way.
            BadInput: It is not a picture.
            CollectionError: `ingest` failed.
        """
        folder = self._allowed() / collection
        digest = sha256(data).hexdigest()
        path = folder / f"{digest[:12]}-{_file_name(name)}"
        folder.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.draft")
        try:
            draft.write_bytes(data)
            draft.replace(path)
        except OSError as error:
            raise CollectionError(f"{path} cannot be written ({error.strerror}); make room") from error
        if self._ingest(str(path), "--collection", collection):
            path.unlink(missing_ok=True)
            raise BadInput("this is not a readable picture; send another one")
        return point_id(digest)

    def remove(self, collection: str, record: ImageRecord) -> None:
        """Take a picture out of a collection; its files stay.

        Raises:
            ChangesRefusedError, BusyError, CollectionError: As for `add`.
        """
        self._allowed()
        paths = [part for file in record.files for part in ("--forget", file.path)]
        self._ingest(*paths, "--collection", collection, "--yes")

    def _allowed(self) -> Path:
        if self._folder is None:
            raise ChangesRefusedError("nothing may be changed here; start the page with --allow-changes FOLDER")
        return self._folder

    def _ingest(self, *arguments: str) -> bool:
        """Run `ingest`, and return whether it could not read the file."""
        if not self._one.acquire(timeout=_PATIENCE):
            raise BusyError("another change is under way; try again in a few seconds")
        try:
            command = [sys.executable, "-m", "ingest", *arguments]
            done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)  # noqa: S603
        except subprocess.TimeoutExpired as error:
            raise CollectionError("ingest took too long; try again") from error
        finally:
            self._one.release()
        if done.returncode not in (0, 3):
            said = done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
            raise CollectionError(f"ingest failed: {printable(said[-1])}")
        return done.returncode == 3


def _file_name(name: str) -> str:
    """Return a file name that is safe on every file system, made from an uploaded one."""
    last = PurePath(name.replace("\\", "/")).name.encode("utf-8", "replace").decode()
    kept = "".join(each if each.isalnum() or each in "._- " else "_" for each in last).strip(" .")
    return kept[-_LONGEST_NAME:] or "picture"
