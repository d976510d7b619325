"""The commands that check and repair collections."""

import sys

from gallery.errors import CollectionError
from gallery.pictures.thumbnails import Thumbnails
from gallery.printable import printable
from gallery.settings import Settings
from gallery.stores import Finding, open_store
from ingest.progress import print_rows


def check(settings: Settings, name: str | None) -> int:
    """Print what is wrong with a collection, or with all; return the exit code, 0 if nothing is."""
    names = [name] if name else [info.name for info in open_store(settings).overview()]
    rows = [row for each in names for row in _rows(each, _findings(settings, each))]
    print_rows(["collection", "what", "cure"], rows)
    if not rows:
        _say(f"Nothing is wrong with {', '.join(names) or 'any collection'}.")
    return 1 if rows else 0


def repair(settings: Settings, name: str, *, dry_run: bool) -> None:
    """List what is wrong with a collection, repair what can be repaired, and report what is left.

    Raises:
        CollectionError: It cannot be repaired.
    """
    found = _findings(settings, name)
    print_rows(["collection", "what", "cure"], _rows(name, found))
    if dry_run:
        return
    store = open_store(settings)
    if any(finding.cure for finding in found):
        store.repair(name)
    thumbs = Thumbnails(settings.data_dir).remove_damaged()
    if thumbs:
        _say(f"Removed {thumbs} damaged thumbnails, which are made again when needed.")
    left = _findings(settings, name)
    if left:
        cure = f"drop it and index again: ingest --drop {name} --yes"
        raise CollectionError(f"{name} is not whole yet: {left[0].what}; {cure}")
    _say(f"{name} is whole. Run ingest PATH again: lost pictures are indexed again, and the rest is skipped.")


def _findings(settings: Settings, name: str) -> list[Finding]:
    try:
        return open_store(settings).check(name)
    except CollectionError as error:  # an unreadable one must not hide the others
        return [Finding(str(error))]


def _rows(name: str, found: list[Finding]) -> list[list[str]]:
    return [
        [printable(name), printable(finding.what), finding.cure or "none: drop it, and index again"]
        for finding in found
    ]


def _say(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")
