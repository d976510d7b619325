"""What ingest knows about files: the state of each when it was last read, and the result.

An SQLite file beside the points. A row is written once its point will survive a crash, so a known file need not be
opened again.
"""

import contextlib
import os
import re
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gallery.errors import CollectionError, Damaged, Reason
from gallery.records import ImageFile

_PAGE = 1000
_TABLE = """
CREATE TABLE IF NOT EXISTS files (
    path BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER, sha256 TEXT, captions TEXT, reason TEXT, detail TEXT,
    changed INTEGER DEFAULT 0, points INTEGER DEFAULT 1
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS files_sha256 ON files (sha256);
CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """The result of reading a file: a picture with this digest and captions, or the reason why there is none.

    Attributes:
        captions: Digest of the captions it was indexed with, if any.
        points: How many points the file has: one, or for a video one per frame.
    """

    file: ImageFile
    sha256: str | None = None
    captions: str | None = None
    reason: Reason | None = None
    detail: str = ""
    points: int = 1


class Journal:
    """The journal. Thread-safe. Without a path it is kept in memory, until it is moved to one."""

    def __init__(self, path: Path | None, *, new: bool = True) -> None:
        """Open the journal at `path`; it need not exist unless `new` is false.

        Raises:
            CollectionError: It cannot be opened.
        """
        self._lock = threading.Lock()
        self._path = path
        if path and (path.is_dir() or (not new and not path.exists())):
            raise Damaged(f"the journal {path} is gone; repair it: ingest --repair")
        with self._database():
            self._connection = _connect(path, new=new)

    def entry(self, path: str) -> Entry | None:
        """Return the entry of the file at `path`."""
        return next(self._select("path = ?", os.fsencode(path)), None)

    def under(self, path: str) -> Iterator[Entry]:
        """Yield the entries of `path` and everything below it, sorted by path."""
        own = os.fsencode(path)
        yield from self._select("path = ?", own)
        yield from self._select("path > ? AND path < ?", *_within(path))

    def count_below(self, path: str) -> int:
        """Return how many files are known at `path` and below it."""
        query = "SELECT COUNT(*) FROM files WHERE path = ? OR (path > ? AND path < ?)"
        with self._database():
            return int(self._connection.execute(query, (os.fsencode(path), *_within(path))).fetchone()[0])

    def failures(self) -> Iterator[Entry]:
        """Yield the files that are not usable pictures, sorted by path."""
        return self._select("reason IS NOT NULL")

    def places(self, sha256: str) -> int:
        """Return how many files have this content."""
        with self._database():
            row = self._connection.execute("SELECT COUNT(*) FROM files WHERE sha256 = ?", (sha256,)).fetchone()
        return int(row[0])

    def knows(self, sha256: str) -> bool:
        """Whether any file holds these bytes, which takes no longer where many files do."""
        with self._database():
            row = self._connection.execute("SELECT 1 FROM files WHERE sha256 = ? LIMIT 1", (sha256,)).fetchone()
        return row is not None

    def pictures(self) -> int:
        """Return the number of different pictures."""
        with self._database():
            return int(self._connection.execute("SELECT COUNT(DISTINCT sha256) FROM files").fetchone()[0])

    def all(self) -> Iterator[Entry]:
        """Yield all entries, sorted by path."""
        return self._select("TRUE")

    def points(self) -> int:
        """Return how many points these pictures have; more than one of each video."""
        return sum(points for _, points in self.contents())

    def contents(self) -> Iterator[tuple[str, int]]:
        """Yield the digest of each different picture that files hold, sorted, and how many points it has."""
        last = ""
        with self._database():
            columns = {row[1] for row in self._connection.execute("PRAGMA table_info(files)")}
        points = "MAX(points)" if "points" in columns else "1"  # of an earlier version, which read no videos
        query = (
            f"SELECT sha256, {points} FROM files WHERE sha256 > ? "  # noqa: S608
            f"GROUP BY sha256 ORDER BY sha256 LIMIT {_PAGE}"
        )
        while True:
            with self._database():
                rows = self._connection.execute(query, (last,)).fetchall()
            yield from rows
            if len(rows) < _PAGE:
                return
            last = rows[-1][0]

    def forget_pictures(self, digests: Iterable[str]) -> None:
        """Remove all files with these pictures, so that they are read again."""
        with self._database(), self._connection:
            self._connection.executemany("DELETE FROM files WHERE sha256 = ?", [(digest,) for digest in digests])
            self._connection.execute("INSERT OR IGNORE INTO marks VALUES ('unsettled')")

    def seen(self) -> str | None:
        """Return the collection's state that was recorded last."""
        with self._database():
            row = self._connection.execute("SELECT name FROM marks WHERE name LIKE 'seen %'").fetchone()
        return row[0].removeprefix("seen ") if row else None

    def note_seen(self, state: str) -> None:
        """Record the state of the collection that this journal fits."""
        with self._database(), self._connection:
            self._connection.execute("DELETE FROM marks WHERE name LIKE 'seen %'")
            self._connection.execute("INSERT INTO marks VALUES (?)", (f"seen {state}",))

    def check(self) -> None:
        """Read all of it.

        Raises:
            Damaged: It is not as it was written.
        """
        with self._database():
            said = self._connection.execute("PRAGMA quick_check").fetchone()[0]
        if said != "ok":
            raise Damaged(f"the journal {self._path} is damaged ({said})")
        for _ in self.all():
            pass  # SQLite does not look into the texts

    @property
    def unsettled(self) -> bool:
        """Whether anything was written since `settle` was called last."""
        with self._database():
            return self._connection.execute("SELECT 1 FROM marks WHERE name = 'unsettled'").fetchone() is not None

    def settle(self) -> None:
        """Record that stacks and other results of all files together are up to date."""
        with self._database(), self._connection:
            self._connection.execute("DELETE FROM marks WHERE name = 'unsettled'")

    def write(self, entries: Iterable[Entry], forgotten: Iterable[str] = ()) -> None:
        """Add or replace entries, and remove those of the paths `forgotten`, in one transaction."""
        rows = [
            (
                *(os.fsencode(e.file.path), e.file.size, e.file.mtime_ns, e.sha256, e.captions, e.reason, e.detail),
                *(e.file.changed, e.points),
            )
            for e in entries
        ]
        with self._database(), self._connection:
            self._connection.executemany("DELETE FROM files WHERE path = ?", [(os.fsencode(p),) for p in forgotten])
            self._connection.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            self._connection.execute("INSERT OR IGNORE INTO marks VALUES ('unsettled')")

    def move_to(self, path: Path) -> None:
        """Move to `path` with all entries; an existing journal there is kept as it is."""
        with self._database():
            is_new = not path.exists()
            there = _connect(path)
            if is_new:
                self._connection.backup(there)
            self._connection.close()
            self._connection = there
            self._path = path

    def close(self) -> None:
        """Close the file."""
        with self._lock:  # a thread may be reading
            self._connection.close()

    @contextlib.contextmanager
    def _database(self) -> Iterator[None]:
        """Keep other threads out, and turn SQLite's exceptions into a sentence."""
        try:
            with self._lock:
                yield
        except sqlite3.Error as error:
            # A bare DatabaseError means that the file is not a database; its subclasses come from the disk, a lock or
            # the query.
            if type(error) is sqlite3.DatabaseError or re.search("no such table|decode to UTF-8", str(error)):
                raise Damaged(f"the journal {self._path} is damaged ({error}); repair it: ingest --repair") from error
            raise CollectionError(
                f"the journal {self._path}: {error}; make room, or check that its disk is mounted"
            ) from error

    def _select(self, condition: str, *values: bytes) -> Iterator[Entry]:
        """Yield the matching entries page by page, so that others can write meanwhile."""
        last = b""
        while True:
            query = f"SELECT * FROM files WHERE path > ? AND {condition} ORDER BY path LIMIT {_PAGE}"  # noqa: S608
            with self._database():
                rows = self._connection.execute(query, (last, *values)).fetchall()
            yield from map(self._entry, rows)
            if len(rows) < _PAGE:
                return
            last = rows[-1][0]

    def _entry(self, row: tuple[Any, ...]) -> Entry:
        path, size, mtime_ns, sha256, captions, reason, detail, *more = row  # less in journals of earlier versions
        try:
            file = ImageFile(os.fsdecode(path), int(size), int(mtime_ns), *more[:1])
            return Entry(file, sha256, captions, Reason(reason) if reason else None, detail, *more[1:])
        except (ValueError, TypeError) as error:
            raise Damaged(f"the journal {self._path} is damaged ({error}); repair it: ingest --repair") from error


def _within(path: str) -> tuple[bytes, bytes]:
    """Return what the paths below a folder come between."""
    folder = os.fsencode(path).rstrip(b"/") + b"/"
    return folder, folder[:-1] + b"0"  # in ASCII, 0 follows /


def _connect(path: Path | None, *, new: bool = True) -> sqlite3.Connection:
    if path and not new:
        # Not mode=ro, which could not roll back, and so not read, what a crash left half-written.
        return sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, check_same_thread=False)
    connection = sqlite3.connect(path or ":memory:", check_same_thread=False)
    connection.executescript(_TABLE)
    for column in ("changed INTEGER DEFAULT 0", "points INTEGER DEFAULT 1"):
        with contextlib.suppress(sqlite3.OperationalError):  # it is there, but for journals of earlier versions
            connection.execute(f"ALTER TABLE files ADD COLUMN {column}")
    return connection
