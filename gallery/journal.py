"""What ingest knows of files: how each looked when it was last read, and what came of it.

An SQLite file beside what it speaks of. A row is written once the point it tells of will survive a crash, so a file
that the journal knows need not be opened again.
"""

import os
import sqlite3
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gallery.errors import Reason
from gallery.records import ImageFile

_TABLE = """
CREATE TABLE IF NOT EXISTS files (
    path BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER, sha256 TEXT, captions TEXT, reason TEXT, detail TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS files_sha256 ON files (sha256);
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """What came of a file: a picture with this digest and captions, or no picture for this reason.

    Attributes:
        captions: Digest of the captions it was indexed with, if any.
    """

    file: ImageFile
    sha256: str | None = None
    captions: str | None = None
    reason: Reason | None = None
    detail: str = ""


class Journal:
    """Safe to use from several threads. Without a path it is kept in memory, until it is moved to one."""

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.Lock()
        self._connection = _connect(path)

    def entry(self, path: str) -> Entry | None:
        """Return what is known of the file at `path`."""
        row = self._one("SELECT size, mtime_ns, sha256, captions, reason, detail FROM files WHERE path = ?", path)
        if row is None:
            return None
        size, mtime_ns, sha256, captions, reason, detail = row
        return Entry(ImageFile(path, size, mtime_ns), sha256, captions, Reason(reason) if reason else None, detail)

    def knows(self, sha256: str) -> bool:
        """Return whether some file with these bytes is in the collection."""
        with self._lock:
            return self._connection.execute("SELECT 1 FROM files WHERE sha256 = ?", (sha256,)).fetchone() is not None

    def write(self, entries: Iterable[Entry]) -> None:
        """Add or replace entries, all or none of them."""
        rows = [
            (os.fsencode(e.file.path), e.file.size, e.file.mtime_ns, e.sha256, e.captions, e.reason, e.detail)
            for e in entries
        ]
        with self._lock, self._connection:
            self._connection.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def move_to(self, path: Path) -> None:
        """Go on at `path`, taking along what is known; a journal that is there already is kept as it is."""
        with self._lock:
            is_new = not path.exists()
            there = _connect(path)
            if is_new:
                self._connection.backup(there)
            self._connection.close()
            self._connection = there

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _one(self, query: str, path: str) -> Any:  # noqa: ANN401 - a row is what the query asks for
        with self._lock:
            return self._connection.execute(query, (os.fsencode(path),)).fetchone()


def _connect(path: Path | None) -> sqlite3.Connection:
    connection = sqlite3.connect(path or ":memory:", check_same_thread=False)
    connection.executescript(_TABLE)
    return connection
