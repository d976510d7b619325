"""The words of a collection, for a search in them: read once for each generation, and kept beside it.

DATA_DIR/collections/NAME/words/        the index of `search.hybrid`, with ids.npy
                                state   the generation that it is of, what made it, and a digest of its files
                          words.lock    held while it is written, to words.draft/
"""

import contextlib
import shutil
import threading
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from gallery.records import Hit, ImageRecord
from gallery.settings import Settings
from gallery.spec import digest_of_files
from gallery.stores import Filter, ImageCollection
from search.hybrid import DEPTH, LexicalIndex, index_format

MOST_LOOKED_AT = 10_000
"""Pictures that have the words best, among which a filter finds those that it lets through."""
_STATE = "state"


class Words:
    """Finds pictures by their captions and the names of their files. Safe to use from several threads."""

    def __init__(self, collection: ImageCollection, settings: Settings | None) -> None:
        """Take a collection; without settings, or on a server, its index is kept in memory only."""
        self._collection = collection
        self._folder = (
            settings.collection_folder(collection.name) / "words" if settings and collection.generation else None
        )
        self._making = threading.Lock()
        self._index: LexicalIndex | None = None
        self._count = 0

    def search(self, text: str, limit: int, where: Filter) -> list[Hit]:
        """Return the pictures that share words with a text and that a filter lets through, best first."""
        ranked = self._whole().ranked(text)
        if where and self._collection.count(where) <= DEPTH:
            there = {record.id: record for record in self._collection.newest(DEPTH, where=where)}
            return list(islice(_hits(ranked, there), limit))
        found: list[Hit] = []
        ids = list(islice(ranked, MOST_LOOKED_AT))
        for start in range(0, len(ids), DEPTH):
            chunk = ids[start : start + DEPTH]
            if where:
                records = self._collection.newest(DEPTH, where=where & Filter(within=tuple(chunk)))
                there = {record.id: record for record in records}
            else:
                there = self._collection.get(chunk)
            found += _hits({id: ranked[id] for id in chunk}, there)
            if len(found) >= limit:
                break
        return found[:limit]

    def _whole(self) -> LexicalIndex:
        """Return the index of all pictures; on a server, it is made anew when their number changed."""
        with self._making:
            count = 0 if self._collection.generation else self._collection.count()
            if self._index is None or count != self._count:
                self._index, self._count = self._kept() or self._made(), count
            return self._index

    def _kept(self) -> LexicalIndex | None:
        if not self._folder:
            return None
        state, wanted = self._folder / _STATE, self._state()
        try:
            said = state.read_text(encoding="utf-8")
            if said.partition("\n")[0] != wanted or said != f"{wanted}\n{_digest(self._folder)}":
                return None
            index = LexicalIndex.load(self._folder)
            # Another process may have put another index there while the files were opened one by one.
            return index if state.read_text(encoding="utf-8") == said else None
        except (OSError, ValueError):
            return None  # it is made anew

    def _made(self) -> LexicalIndex:
        index = LexicalIndex(self._collection.records())
        if self._folder and self._collection.is_current():
            # A folder that cannot be written to costs the next process its making, no more, as does one that another
            # process is writing to: the lock's Timeout is an OSError.
            with contextlib.suppress(OSError, ValueError):
                self._keep(index, self._folder)
        return index

    def _keep(self, index: LexicalIndex, folder: Path) -> None:
        from filelock import FileLock  # for those who find an index, its time is not worth it

        draft = folder.with_name("words.draft")
        with FileLock(folder.with_name("words.lock"), timeout=0):
            shutil.rmtree(draft, ignore_errors=True)  # a killed process leaves one
            draft.mkdir()
            try:
                index.save(draft)
                (draft / _STATE).write_text(f"{self._state()}\n{_digest(draft)}", encoding="utf-8")
                shutil.rmtree(folder, ignore_errors=True)
                folder.unlink(missing_ok=True)
                draft.replace(folder)
            finally:
                shutil.rmtree(draft, ignore_errors=True)

    def _state(self) -> str:
        return f"{self._collection.generation}, {index_format()}"


def _digest(folder: Path) -> str:
    return digest_of_files(path for path in folder.iterdir() if path.name != _STATE)


def _hits(ranked: Mapping[str, float], there: Mapping[str, ImageRecord]) -> list[Hit]:
    return [Hit(there[id], score) for id, score in ranked.items() if id in there]
