"""The commands for moved collections and pictures, for thumbnails' addresses, and for reading facts and text again."""

import contextlib
import sys
import time
from pathlib import Path

from gallery.pictures.text import Networks
from gallery.printable import counted, printable
from gallery.settings import Settings
from gallery.stores import open_store
from gallery.stores.copying import copy_collection, settings_of
from ingest.addresses import set_public_url
from ingest.locating import Locator
from ingest.moving import move
from ingest.read_text import read_text as read_pictures
from ingest.refreshing import refresh as refresh_collection
from ingest.stopping import Stop

_SPEAK_EVERY = 2.0
"""Seconds between two progress lines of a long task."""


def copy(settings: Settings, name: str, place: str, new_name: str | None) -> None:
    """Copy a collection to an address or a folder, and print the result."""
    target, new_name = settings_of(settings, place), new_name or name
    say = _Lines(f"{name} to {place}")
    report = copy_collection(
        settings, name, target, new_name, lambda report: say.now_and_then(report.seen, report.pictures)
    )
    sys.stderr.write(
        f"Copied {name} to {place}, collection {new_name}: {counted(report.pictures, 'picture')}, "
        f"{report.copied} of them now; {report.compared} compared and equal.\n"
    )
    if report.others:
        sys.stderr.write(f"The copy also has {counted(report.others, 'other picture')}, left alone.\n")


def point_thumbnails(settings: Settings, name: str, url: str) -> None:
    """Rewrite the addresses of a collection's thumbnails."""
    done = set_public_url(settings, name, url, _Lines(f"thumbnails of {name}").now_and_then)
    where = f"are at {url.rstrip('/')}/thumbs/" if url else "have no address"
    sys.stderr.write(f"The thumbnails of {counted(done, 'picture')} of {name} {where}.\n")


def refresh(settings: Settings, name: str, stop: Stop | None = None, *, no_places: bool = False) -> None:
    """Read the facts of all pictures again, and say what came of it."""
    lines, locate = _Lines(f"facts of {name}"), Locator(keep=not no_places)
    with contextlib.closing(open_store(settings).edit(name, new=False)) as editor:
        report = refresh_collection(
            editor, lambda report: lines.now_and_then(report.done, report.pictures), locate, stop
        )
    sys.stderr.write(
        f"Read {counted(report.pictures, 'picture')} of {name} again: something new in {report.changed}.\n"
    )
    if locate.lacking:
        sys.stderr.write(f"{locate.lacking}.\n")
    if report.unread:
        sys.stderr.write(
            f"Nothing new of {counted(report.unread, 'picture')} without an unchanged file; run ingest PATH.\n"
        )


def read_text(settings: Settings, name: str, model: Path | None, stop: Stop | None = None) -> None:
    """Read the text in pictures that were not read yet, and print the result."""
    reader = Networks(model or settings.text_model)
    lines = _Lines(f"text in pictures of {name}")
    with contextlib.closing(open_store(settings).edit(name, new=False)) as editor:
        report = read_pictures(editor, reader, lambda report: lines.now_and_then(report.done, report.pictures), stop)
    sys.stderr.write(
        f"Read {counted(report.done - report.unread, 'picture')} of {name}: text in {report.with_text}; "
        f"{report.known} read before.\n"
    )
    if report.unread:
        sys.stderr.write(f"No unchanged file is left of {counted(report.unread, 'picture')}; run ingest PATH.\n")


def moved(settings: Settings, name: str, old: Path, new: Path) -> None:
    """Record that files have moved, and list those that are missing."""
    with contextlib.closing(open_store(settings).edit(name, new=False)) as editor:
        report = move(editor, old, new)
    sys.stdout.write("".join(f"missing {printable(path)}\n" for path in report.missing))
    sys.stderr.write(f"Noted {counted(report.moved, 'file')} below {printable(str(new))}.\n")
    if report.missing:
        sys.stderr.write(f"Left {counted(len(report.missing), 'file')} as before: not there, or of another size.\n")


class _Lines:
    """Shows the progress of a long task on stderr, line by line."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._spoken = self._begun = time.monotonic()

    def now_and_then(self, done: int, of: int) -> None:
        """Print the progress, unless that was done a moment ago."""
        now = time.monotonic()
        if now - self._spoken >= _SPEAK_EVERY:
            self._spoken = now
            rate = done / (now - self._begun)
            left = f", {(of - done) / rate:.0f} s left" if rate else ""
            sys.stderr.write(f"{self._what}: {done} of {of}, {rate:.1f}/s{left}\n")
