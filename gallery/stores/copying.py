"""Copies collections: from embedded to a server, back, or under another name; vectors are not encoded again.

An interrupted copy continues where it stopped. At the end, the copy is opened as for a search, and compared.
"""

import contextlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gallery.errors import BadInput, CollectionError
from gallery.printable import counted
from gallery.records import ImageRecord
from gallery.settings import Settings
from gallery.stores import open_store
from gallery.stores.common import batched
from gallery.stores.contract import Editor, ImageCollection, Store
from gallery.stores.journal import Entry

SAMPLE = 1000
"""How many pictures of the copy are compared with their originals."""
TOLERANCE = 1e-6
"""How far a float may differ: a server normalises vectors again, with its own rounding."""
_BATCH = 256

Picture = tuple[ImageRecord, NDArray[np.float32]]


@dataclass(slots=True)
class CopyReport:
    """The result of a copy.

    Attributes:
        pictures: How many the original has.
        seen: How many have been looked at so far.
        copied: How many this run wrote; the others existed already.
        compared: How many were read back and found equal.
        others: How many are only in the copy; they are left alone.
    """

    pictures: int = 0
    seen: int = 0
    copied: int = 0
    compared: int = 0
    others: int = 0


def settings_of(settings: Settings, place: str) -> Settings:
    """Return the settings for collections at `place`: a server's address, or a folder.

    Raises:
        BadInput: `place` is another kind of address.
    """
    if place.startswith(("http://", "https://")):
        return replace(
            settings, qdrant_url=place, qdrant_api_key=_key_of(settings, place), qdrant_read_only_api_key=None
        )
    if "://" in place or not place.strip():
        raise BadInput(f"{place!r} is not a place for a copy; give an http:// or https:// address, or a folder")
    return replace(settings, qdrant_url=None, data_dir=Path(place).expanduser())


def _key_of(settings: Settings, place: str) -> str | None:
    """Return the key for the server at `place`: no server ever sees another's key."""
    is_the_same = not settings.qdrant_url or settings.qdrant_url.rstrip("/") == place.rstrip("/")
    return settings.qdrant_copy_api_key or (settings.qdrant_api_key if is_the_same else None)


def copy_collection(
    settings: Settings,
    name: str,
    target_settings: Settings,
    target_name: str,
    on_progress: Callable[[CopyReport], None] = lambda _: None,
    open_target: Callable[[Settings], Store] = open_store,
) -> CopyReport:
    """Copy the collection `name`, or continue doing so, and compare.

    Thumbnails keep their addresses unless PUBLIC_URL gives others. Pictures that only the copy has stay there.

    Args:
        settings: The original's settings.
        name: Its name.
        target_settings: The copy's settings; see `settings_of`.
        target_name: The copy's name.
        on_progress: Called after every batch and at the end.
        open_target: Opens the store of the copy.

    Raises:
        BadInput: The copy would replace the original.
        SpecMismatch: There is a collection of that name with vectors of another space.
        CollectionError: One of the two cannot be reached, or the copy differs.
    """
    if _place(settings, name) == _place(target_settings, target_name):
        hint = "; QDRANT_URL makes it the source, so unset that to copy from files" if settings.qdrant_url else ""
        raise BadInput(
            f"collection {name} cannot be copied onto itself{hint}; or give another place, or another name with --as"
        )
    with contextlib.closing(open_store(settings).open(name)) as source:
        target_store = open_target(replace(target_settings, public_url=settings.public_url or source.public_url()))
        report = CopyReport(pictures=source.count())
        with contextlib.closing(target_store.edit(target_name)) as target:
            target.begin(source.spec)
            sample = _copy(source, target, report, on_progress)
            target.finish()
        with contextlib.closing(target_store.open(target_name)) as copy:
            _compare(copy, sample, report)
    on_progress(report)
    return report


def _place(settings: Settings, name: str) -> tuple[str, str]:
    return (settings.qdrant_url or str(settings.data_dir.resolve())).rstrip("/"), name


def _copy(
    source: ImageCollection, target: Editor, report: CopyReport, on_progress: Callable[[CopyReport], None]
) -> list[Picture]:
    """Write what the target lacks, and return a uniform sample of all pictures."""
    chance = random.Random(0)  # noqa: S311 - no secret; the same sample each time
    sample: list[Picture] = []
    for pictures in batched(source.scan(), _BATCH):
        ids = [record.id for record, _ in pictures]
        there = target.points.get(ids)
        new = [(record, vector) for record, vector in pictures if there.get(record.id) != record]
        if new:
            target.upsert([record for record, _ in new], np.stack([vector for _, vector in new]))
            target.flush()
            if len(target.points.present(ids)) < len(ids):  # as on every replica
                raise CollectionError(
                    f"the copy {target.name} does not keep what is written; run the same command again"
                )
        target.journal.write(
            [Entry(file, record.sha256, points=record.points) for record, _ in pictures for file in record.files]
        )
        report.copied += len(new)
        for picture in pictures:
            report.seen += 1
            if len(sample) < SAMPLE:
                sample.append(picture)
            elif (place := chance.randrange(report.seen)) < SAMPLE:
                sample[place] = picture
        on_progress(report)
    return sample


def _compare(copy: ImageCollection, sample: Sequence[Picture], report: CopyReport) -> None:
    """Raise `CollectionError` if the copy lacks pictures, or some of the sample differ."""
    there = copy.count()
    if there < report.pictures:
        raise CollectionError(
            f"the copy {copy.name} has {there} of {counted(report.pictures, 'picture')}; run the same command again"
        )
    report.others = there - report.pictures
    for pictures in batched(sample, _BATCH):
        ids = [record.id for record, _ in pictures]
        records, vectors = copy.get(ids), copy.vectors(ids)
        for record, vector in pictures:
            found = vectors.get(record.id)
            if records.get(record.id) != record or found is None or not np.allclose(found, vector, atol=TOLERANCE):
                raise CollectionError(
                    f"in the copy {copy.name}, picture {record.id} ({record.path}) is not as it was; if nobody else "
                    "writes there, drop the copy and run again"
                )
            report.compared += 1
