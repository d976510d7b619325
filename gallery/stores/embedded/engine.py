"""The engine's part of a generation, with its exceptions turned into our errors."""

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import qdrant_edge as q

from gallery.errors import CollectionError, Damaged

SHARD = "shard"
_PASSING = re.compile(
    r"os error (1|4|5|11|12|13|16|23|24|28|30|110|116|122)\)|cannot allocate memory|permission denied",
    re.I,
)
_FULL = re.compile("no space left|not enough space", re.I)
"""What the engine says about permissions, memory, space, or a disk that does not answer. Such errors may pass, and do
not prove damage. Other errors do, such as when a file or folder is gone, or a file is shorter than what is mapped."""


def load_shard(generation: Path) -> q.EdgeShard:
    """Open the engine's part of a generation.

    Raises:
        Damaged: It cannot be opened as it is.
        CollectionError: It cannot be opened now.
    """
    folder = generation / SHARD
    name = generation.parent.name
    if not (folder / "edge_config.json").is_file():  # otherwise the engine would create one without points
        raise damaged(name, f"{folder} is not whole")
    # Left by a crash in the middle of optimize(); the engine would keep it for ever.
    shutil.rmtree(folder / "temp_segments", ignore_errors=True)
    if not os.access(folder, os.W_OK):
        raise CollectionError(f"{folder} is read-only, and the engine writes there when it opens; allow writing")
    with engine_errors(name):
        return q.EdgeShard.load(str(folder))


@contextlib.contextmanager
def engine_errors(name: str) -> Iterator[None]:
    """Turn the engine's bare exceptions, which only their text distinguishes, into our own.

    A panic is a BaseException that no module exports.

    Raises:
        Damaged: The files of the collection `name` are unusable.
        CollectionError: It cannot continue at the moment.
    """
    try:
        yield
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        said = " ".join(str(error).split())[:300]
        if _FULL.search(said):
            raise CollectionError(f"collection {name}: the engine says: {said}; free some space") from error
        if _PASSING.search(said):
            raise CollectionError(f"collection {name}: the engine says: {said}; try again") from error
        raise damaged(name, f"the engine says: {said}") from error


def damaged(name: str, what: str) -> Damaged:
    """Return the error for a collection with changed files."""
    return Damaged(f"collection {name} is damaged ({what}); repair it: ingest --repair --collection {name}")


@contextlib.contextmanager
def silent_engine() -> Iterator[None]:
    """Keep the engine's panic messages off the terminal while panics are expected."""
    before, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
        os.close(nowhere)
