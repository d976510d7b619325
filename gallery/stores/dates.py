"""The dates in payloads."""

from datetime import UTC, datetime

from gallery.records import ImageRecord

_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799  # of the years 1 and 9999


def moment(record: ImageRecord) -> datetime:
    """Return the date of a picture as engines compare it: as if the camera's clock were in UTC."""
    return in_utc(date_of(record))


def in_utc(date: str) -> datetime:
    """Parse the date in a payload; without an offset it counts as UTC, as for the engines."""
    parsed = datetime.fromisoformat(date)
    return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def date_of(record: ImageRecord) -> str:
    """Return when a picture was taken, or else the oldest mtime of its files, as in its payload.

    This is the time on the camera's clock, so a picture's day is the photographer's. Points of earlier versions, which
    have no `date_source`, include the offset, and engines compare them in UTC.
    """
    if not record.taken_at:
        return rfc3339(min(file.mtime_ns for file in record.files))
    if record.date_source is None:
        return record.taken_at
    return datetime.fromisoformat(record.taken_at).replace(tzinfo=None).isoformat()


def now() -> str:
    """Return the time, in UTC, to the second, as RFC 3339."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def rfc3339(nanoseconds: int) -> str:
    """Return a time since 1970, in UTC, to the second, as RFC 3339; one outside the calendar is clamped."""
    seconds = min(max(nanoseconds // 10**9, _FIRST_SECOND), _LAST_SECOND)  # file systems allow any number
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
