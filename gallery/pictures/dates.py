"""Parses the many ways of writing when a picture was taken, into ISO 8601; None if it makes no sense."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

FIRST_YEAR, LAST_YEAR = 1000, 2999
"""Other years come from clocks and programs that do not know the date."""
_MOST_OFFSET = 15 * 60
_WRITTEN = re.compile(
    r"\s*(?P<year>\d{4})[:/.\-](?P<month>\d{1,2})[:/.\-](?P<day>\d{1,2})"
    r"(?:[T\s]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d+))?)?"
    r"\s*(?P<offset>Z|[+-]\d{1,2}:?\d{2})?)?[\s\0]*",
    re.ASCII | re.IGNORECASE,
)
_OFFSET = re.compile(r"(?P<sign>[+-])(?P<hours>\d{1,2}):?(?P<minutes>\d{2})", re.ASCII)
_IN_NAME = re.compile(
    r"(?<![0-9])(?P<year>[0-9]{4})(?P<mark>[-_.]?)(?P<month>[0-9]{2})(?P=mark)(?P<day>[0-9]{2})(?![0-9])"
    r"(?:(?:[-_ T]|\s[^0-9]{1,4}\s|_at_)(?P<hour>[0-9]{1,2})[-_.:h]?(?P<minute>[0-9]{2})[-_.:m]?(?P<second>[0-9]{2})"
    r"(?:[0-9]{3})?(?![0-9])(?:\s?(?P<half>[AP])M\b)?)?",
    re.IGNORECASE,
)
_SECONDS_IN_NAME = re.compile(r"(?<!\d)1\d{12}(?!\d)", re.ASCII)
"""Milliseconds since 1970, a file name used by several programs."""
_FIRST_YEAR_OF_NAMES = 1990
"""Eight digits in a row are not a date before this year: hardly any camera wrote such names."""


def read_date(text: str, offset: str = "", fraction: str = "") -> str | None:
    """Convert a date from metadata to ISO 8601.

    Args:
        text: Such as `2021:06:30 21:30:00`, as in EXIF, an ISO date, or a date without a time.
        offset: How far the clock is from UTC, if that is written elsewhere.
        fraction: The digits of the second's fraction, if any.

    >>> read_date("2021:06:30 21:30:00", "-05:00", "25"), read_date("2021/06/30")
    ('2021-06-30T21:30:00.250000-05:00', '2021-06-30')
    >>> read_date("0001:01:01 00:00:00", "+10:00"), read_date("2021:02:30 10:00:00")
    (None, None)
    """
    found = _WRITTEN.fullmatch(text)
    if not found:
        return None
    fields = found.groupdict()
    return _iso(fields, fields["offset"] or offset.strip(" \0"), fields["fraction"] or fraction.strip(" \0"))


def read_mail_date(text: str) -> str | None:
    """Convert a date in e-mail form, `Wed, 30 Jun 2021 21:30:00 -0500`, to ISO 8601."""
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return read_date(found.isoformat())


def read_name(name: str) -> str | None:
    """Return the date in a file's name, as cameras, phones and programs write it, in ISO 8601.

    >>> read_name("IMG-20161224-WA0014.jpg"), read_name("Screenshot 2023-03-12 at 3.45.12 PM.png")
    ('2016-12-24', '2023-03-12T15:45:12')
    >>> read_name("PXL_20210504_123310123.jpg"), read_name("IMG_0001.jpg"), read_name("DSC20231399.jpg")
    ('2021-05-04T12:33:10+00:00', None, None)
    """
    for found in _IN_NAME.finditer(name):
        fields = found.groupdict()
        half = (fields.pop("half") or "").upper()
        if half and fields["hour"]:
            fields["hour"] = str(int(fields["hour"]) % 12 + 12 * (half == "P"))
        if fields["mark"] or int(fields["year"]) >= _FIRST_YEAR_OF_NAMES:
            offset = "+00:00" if name.startswith("PXL_") else ""  # Pixel phones name files by UTC
            if date := _iso(fields, offset, ""):
                return date
    stamp = _SECONDS_IN_NAME.search(name)
    return from_seconds(int(stamp[0]) / 1000) if stamp else None


def from_seconds(seconds: float) -> str | None:
    """Convert seconds since 1970 to ISO 8601, in UTC.

    >>> from_seconds(1625106600), from_seconds(1e18)
    ('2021-07-01T02:30:00+00:00', None)
    """
    try:
        found = datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return found.isoformat() if FIRST_YEAR <= found.year <= LAST_YEAR else None


def has_time(date: str) -> bool:
    """Return whether a date from this module has a time."""
    return len(date) > len("2021-06-30")


def _iso(fields: dict[str, str | None], offset: str, fraction: str) -> str | None:
    year, month, day = (int(fields[name] or 0) for name in ("year", "month", "day"))
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return None
    try:
        if fields.get("hour") is None:
            return datetime(year, month, day).date().isoformat()
        hour, minute, second = (int(fields[name] or 0) for name in ("hour", "minute", "second"))
        hour = 0 if hour == 24 else hour  # Nokia phones write the first hour of a day like this
        micro = int(fraction[:6].ljust(6, "0")) if fraction.isascii() and fraction.isdigit() else 0
        date = datetime(year, month, day, hour, minute, min(second, 59), micro)
    except ValueError:
        return None
    return date.isoformat() + _offset(offset)


def _offset(text: str) -> str:
    if text.upper() == "Z":
        return "+00:00"
    found = _OFFSET.fullmatch(text)
    if not found:
        return ""
    hours, minutes = int(found["hours"]), int(found["minutes"])
    return f"{found['sign']}{hours:02}:{minutes:02}" if minutes < 60 and hours * 60 + minutes <= _MOST_OFFSET else ""
