"""Adds to a record the facts of its files and side-cars."""

from collections.abc import Iterable
from dataclasses import replace

from gallery.pictures import Facts, merged
from gallery.records import ImageFile, ImageRecord


def with_files(record: ImageRecord, files: Iterable[ImageFile]) -> ImageRecord:
    """Return the record with these places, sorted by path, and all their captions.

    In records of earlier versions, captions do not name their place; they count for all places until a captions file
    covers one.
    """
    placed = tuple(sorted(files, key=lambda file: file.path))
    if record.date_source is None and not any(file.captions for file in placed):
        return replace(record, files=placed)
    captions = dict.fromkeys(text for file in placed for text in (*file.captions, *record.said))
    ordered = dict.fromkeys((*(text for text in captions if text not in record.said), *record.said))
    return replace(record, files=placed, captions=tuple(ordered))


def known_beside(record: ImageRecord, beside: Facts) -> ImageRecord:
    """Return the record with the facts of a file's name and side-cars that are more trusted, or the only ones."""
    if record.date_source is None:  # from an earlier version; `--refresh` reads its facts again
        return record
    known = facts_in(record)
    facts = merged([known, beside])
    return record if facts == known else with_facts(record, facts)


def facts_in(record: ImageRecord) -> Facts:
    """Return the facts in a record."""
    return Facts(record.camera, record.taken_at, record.date_source or "mtime", record.location, record.said)


def with_facts(record: ImageRecord, facts: Facts) -> ImageRecord:
    """Return the record with other facts."""
    changed = replace(
        record,
        camera=facts.camera,
        taken_at=facts.taken_at,
        date_source=facts.date_source,
        location=facts.location,
        place=record.place if facts.location == record.location else (),
        said=facts.said,
    )
    return with_files(changed, changed.files)


def of_the_same_file(record: ImageRecord, first: ImageRecord) -> ImageRecord:
    """Return the record of a video's frame with what is said of its file, as the record of the first frame has it."""
    return replace(
        record,
        files=first.files,
        camera=first.camera,
        taken_at=first.taken_at,
        date_source=first.date_source,
        location=first.location,
        place=first.place,
        said=first.said,
        captions=first.captions,
    )


def with_text_of(record: ImageRecord, before: ImageRecord) -> ImageRecord:
    """Return the record with the text that was read before: it is the content's, whatever the encoder."""
    return replace(record, text=before.text, text_reader=before.text_reader)
