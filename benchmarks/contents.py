"""What a collection holds, to be compared with what it should."""

import pickle
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.commands import run_function
from gallery.records import ImageRecord
from gallery.settings import Settings
from gallery.stores import open_store
from gallery.vectors import Vectors

MOST_DIFFERENCE = 1e-5
Contents = dict[str, tuple[ImageRecord, Vectors]]


def contents(data_dir: Path, work: Path, name: str = "photos") -> Contents:
    """Return all pictures of a collection, without the time of their indexing, with their vectors; none without it.

    Read in a process of its own: the engine keeps memory of what it has opened.

    Raises:
        RuntimeError: It cannot be read.
    """
    target = work / "contents"
    target.unlink(missing_ok=True)
    ran = run_function(_write_contents, data_dir, name, target, work=work)
    if ran.code:
        raise RuntimeError(f"the collection cannot be read: {ran.code} {ran.err[-300:]}")
    found: Contents = pickle.loads(target.read_bytes())
    return found


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


def _write_contents(data_dir: Path, name: str, target: Path) -> None:
    store = open_store(Settings(data_dir=data_dir))
    found: Contents = {}
    if name in store.names():
        with closing(store.open(name)) as collection:
            found = {record.id: (replace(record, indexed_at=""), vector) for record, vector in collection.scan()}
    target.write_bytes(pickle.dumps(found))
