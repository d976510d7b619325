"""The values in a collection that a filter can choose from."""

import os
from pathlib import PurePath

from gallery.stores import ONCE, Filter, ImageCollection, as_filter
from search.keys import KINDS

MOST_VALUES = 1_000_000
"""Different values of a key that are counted."""


class Contents:
    """Counts values, once for each generation, because a generation never changes."""

    def __init__(self, collection: ImageCollection) -> None:
        self._collection = collection
        self._facets: dict[str, dict[str | int, int]] = {}
        self._captions: dict[int, list[str]] = {}
        self._folders: dict[str | int, int] | None = None
        self._pictures: int | None = None
        self._videos: bool | None = None

    def facet(self, key: str) -> dict[str | int, int]:
        """Return the values of a key and how many pictures have them, the most frequent first."""
        if self._changes or key not in self._facets:
            where = ONCE if self._has_videos() else None
            self._facets[key] = self._collection.facet(key, MOST_VALUES, where=where)
        return self._facets[key]

    def folders(self) -> dict[str | int, int]:
        """Return every folder with pictures in or below it, and how many, without the folders common to all."""
        if self._changes or self._folders is None:
            direct = self.facet("folder")
            shared = os.path.commonpath(map(str, direct)) if len(direct) > 1 else ""
            below: dict[str, list[str]] = {}
            for folder in map(str, direct):
                for each in (folder, *map(str, PurePath(folder).parents)):
                    if each in direct or len(each) > len(shared):
                        below.setdefault(each, []).append(folder)
            apart = sum(direct.values()) == self.count(Filter())  # every picture lies in just one folder
            self._folders = {
                folder: sum(direct[each] for each in members)
                if apart or len(members) == 1
                else self.count(as_filter({"folder": members}))
                for folder, members in below.items()
            }
        return self._folders

    def count(self, where: Filter) -> int:
        """Return how many pictures pass a filter."""
        if where or self._changes:
            return self._count(where)
        if self._pictures is None:
            self._pictures = self._count(where)
        return self._pictures

    def _count(self, where: Filter) -> int:
        """Count a video once if any of its frames matches: frames differ in their text and in what resembles them."""
        if not self._has_videos():
            return self._collection.count(where or None)
        frames = as_filter({"kind": list(KINDS["video"])})
        pictures = self._collection.count(where & Filter(neither=(frames,)))
        return pictures + len({record.sha256 for record in self._collection.records(where & frames)})

    def _has_videos(self) -> bool:
        if self._changes or self._videos is None:
            self._videos = bool(self._collection.facet("kind", 2))
        return self._videos

    def captions(self, pictures: int) -> list[str]:
        """Return the different captions of the newest captioned pictures, up to a number of pictures."""
        if self._changes or pictures not in self._captions:
            records = self._collection.newest(pictures, where=Filter(must_not=(("captions", None),)))
            self._captions[pictures] = list(dict.fromkeys(text for record in records for text in record.captions))
        return self._captions[pictures]

    @property
    def _changes(self) -> bool:
        return self._collection.generation is None
