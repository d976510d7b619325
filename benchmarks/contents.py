"""What a collection holds, to be compared with what it should."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.commands import result_of
from gallery.records import ImageRecord
from gallery.settings import Settings
from gallery.stores import open_store
from gallery.vectors import Vectors

MOST_DIFFERENCE = 1e-5
Contents = dict[str, tuple[ImageRecord, Vectors]]


def contents(data_dir: Path, name: str = "photos") -> Contents:
    """Return all pictures of a collection, without the time of their indexing, with their vectors; none without it.

    Read in a process of its own: the engine keeps memory of what it has opened.
    """
    return result_of(_contents, data_dir, name)


def difference(wanted: Contents, found: Contents) -> str:
    """Return how two collections differ; nothing where they do not."""
    if wanted.keys() != found.keys():
        return f"ids differ: {len(wanted.keys() - found.keys())} lost, {len(found.keys() - wanted.keys())} more"
    for id, (record, vector) in wanted.items():
        if record != found[id][0]:
            return f"payloads differ: {record} became {found[id][0]}"
        if np.abs(vector - found[id][1]).max() > MOST_DIFFERENCE:
            return f"vectors of {record.path} differ"
    return ""


def _contents(data_dir: Path, name: str) -> Contents:
    store = open_store(Settings(data_dir=data_dir))
    if name not in store.names():
        return {}
    with closing(store.open(name)) as collection:
        return {record.id: (replace(record, indexed_at=""), vector) for record, vector in collection.scan()}
