"""`ingest --moved OLD NEW`: a library has moved, and what is known about its files moves with it."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

from gallery.errors import BadInput
from gallery.pictures import look_at
from gallery.stores import Editor, Entry, point_id
from ingest.passes import settled_spec
from ingest.sharing import publish
from ingest.writer import Writer


@dataclass(slots=True)
class MoveReport:
    """The result of a move.

    Attributes:
        moved: Files now known under their new paths.
        missing: Old paths of files that are missing or differ in size at the new place; their entries stay.
    """

    moved: int
    missing: list[str]


def move(collection: Editor, old: Path, new: Path) -> MoveReport:
    """Replace the folder `old` with `new` in everything that a collection knows about files; no file is read.

    A file at the new place must have the known size. If its mtime differs, the next run reads it.

    Args:
        collection: The caller closes it.
        old: Where the files were; need not exist any more.
        new: Where they are.

    Raises:
        BadInput: `new` does not exist, or nothing is known below `old`.
        CollectionError: The encoder of the collection is being changed.
    """
    spec = settled_spec(collection)
    start, end = os.path.abspath(old), os.path.abspath(new)
    if not os.path.lexists(end):
        raise BadInput(f"{new} is not there; give the folder in which the files are now")
    entries = list(collection.journal.under(start))
    if not entries:
        publish(collection)  # a move that was interrupted may only lack this
        raise BadInput(f"{collection.name} knows no file below {old}; ingest --list names the collections")
    report = MoveReport(0, [])
    collection.begin(spec)
    writer = Writer(collection)
    for entry in entries:
        there = _moved(entry, start, end)
        if there is None:
            report.missing.append(entry.file.path)
            continue
        report.moved += 1
        _carry(writer, entry, there)
        writer.flush_if_full()
    writer.flush()
    publish(collection)
    return report


def _moved(entry: Entry, old: str, new: str) -> Entry | None:
    """Return the entry of a file at its new place, if it exists."""
    path = new + entry.file.path[len(old) :]
    found = look_at(path)
    if found is None or found.size != entry.file.size:
        return None
    is_same = found.mtime_ns == entry.file.mtime_ns
    return replace(entry, file=found if is_same else replace(entry.file, path=path))


def _carry(writer: Writer, entry: Entry, there: Entry) -> None:
    """Record a file at its new place, with its captions, and remove it from the old one."""
    id = point_id(entry.sha256) if entry.sha256 else ""
    if entry.sha256 and writer.known([id]):
        captions = {file.path: file.captions for file in writer.files(id)}
        writer.place(id, there, captions.get(entry.file.path))
    else:
        writer.note(there)
    writer.forget(entry)
