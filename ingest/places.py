"""The commands that move a collection, or say where its thumbnails are served."""

import sys
import time

from gallery.pictures.addresses import set_public_url
from gallery.settings import Settings
from gallery.stores.copying import copy_collection, settings_of

_SPEAK_EVERY = 2.0
"""Seconds between two lines about a long piece of work."""


def copy(settings: Settings, name: str, place: str, new_name: str | None) -> None:
    """Copy a collection to an address or a folder, and say what came of it."""
    target, new_name = settings_of(settings, place), new_name or name
    say = _Lines(f"{name} to {place}")
    report = copy_collection(
        settings, name, target, new_name, lambda report: say.now_and_then(report.seen, report.pictures)
    )
    sys.stderr.write(
        f"Copied {name} to {place}, collection {new_name}: {report.pictures} pictures, {report.copied} of them now; "
        f"{report.compared} compared and equal.\n"
    )
    if report.others:
        sys.stderr.write(f"The copy has {report.others} pictures more, which were left alone.\n")


def point_thumbnails(settings: Settings, name: str, url: str) -> None:
    """Rewrite the addresses of a collection's thumbnails."""
    done = set_public_url(settings, name, url, _Lines(f"thumbnails of {name}").now_and_then)
    where = f"are at {url.rstrip('/')}/thumbs/" if url else "have no address"
    sys.stderr.write(f"The thumbnails of {done} pictures of {name} {where}.\n")


class _Lines:
    """How far a long piece of work is, on stderr, line by line."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._spoken = self._begun = time.monotonic()

    def now_and_then(self, done: int, of: int) -> None:
        """Say how far it is, unless that was said a moment ago."""
        now = time.monotonic()
        if now - self._spoken >= _SPEAK_EVERY:
            self._spoken = now
            rate = done / (now - self._begun)
            left = f", {(of - done) / rate:.0f} s left" if rate else ""
            sys.stderr.write(f"{self._what}: {done} of {of}, {rate:.0f}/s{left}\n")
