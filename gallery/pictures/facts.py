"""The facts in a picture's file: camera, date, place and words, from EXIF, XMP, IPTC, and PNG text."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from PIL import ExifTags, Image, ImageFile, IptcImagePlugin

from gallery.pictures import xmp
from gallery.pictures.dates import read_date, read_mail_date
from gallery.printable import is_dangerous

SOURCES = ("exif", "xmp", "iptc", "gps", "png", "video", "takeout", "name", "mtime")
"""Where a date can come from, the most trusted first."""
MOST_WORDS = 2000
"""How many letters of a title or description are kept."""
MOST_SAID = 200
"""How many titles, descriptions and keywords of a picture are kept."""
_FACTORY_WORDS = frozenset(
    ("olympus digital camera", "sony dsc", "digital camera", "minolta digital camera", "default", "untitled", "dcim")
)
"""What cameras write in place of a title."""
_EXIF_DATES = (
    (ExifTags.Base.DateTimeOriginal, ExifTags.Base.OffsetTimeOriginal, ExifTags.Base.SubsecTimeOriginal),
    (ExifTags.Base.DateTimeDigitized, ExifTags.Base.OffsetTimeDigitized, ExifTags.Base.SubsecTimeDigitized),
)
_PNG_DATES = ("Creation Time", "creation time", "exif:DateTimeOriginal", "DateTimeOriginal", "CreationTime")
_PNG_WORDS = ("Title", "Description")
Location = tuple[float, float]
"""Latitude and longitude in degrees."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about a picture besides its pixels.

    Attributes:
        camera: Maker and model.
        taken_at: ISO 8601: a day, or a moment, with an offset only if one is given. None if unknown.
        date_source: Which of `SOURCES` the date is from; `mtime` if from none of the others.
        location: Latitude and longitude in degrees.
        said: Titles, descriptions and keywords.
    """

    camera: str | None = None
    taken_at: str | None = None
    date_source: str = "mtime"
    location: Location | None = None
    said: tuple[str, ...] = ()


def merged(facts: Iterable[Facts]) -> Facts:
    """Merge the facts of several sources: the date of the most trusted one, other facts of the first that has them."""
    result = Facts()
    for other in facts:
        result = replace(
            result,
            camera=result.camera or other.camera,
            location=result.location or other.location,
            said=tuple(dict.fromkeys((*result.said, *other.said)))[:MOST_SAID],
        )
        if SOURCES.index(other.date_source) < SOURCES.index(result.date_source):
            result = replace(result, taken_at=other.taken_at, date_source=other.date_source)
    return result


def facts_of(image: Image.Image, exif: Image.Exif, packet: bytes) -> Facts:
    """Return the facts in a file.

    Args:
        image: Opened, and loaded for a PNG, whose text may come last.
        exif: Its EXIF.
        packet: Its XMP; empty if it has none.
    """
    beyond = [xmp.read_packet(packet) if packet else None, _iptc(image), _png(image)]
    return merged([_exif(exif), *(_facts(*found) for found in beyond if found)])


def facts_of_xmp(packet: bytes) -> Facts:
    """Return the facts in an XMP packet, as in side-car files."""
    return _facts(*xmp.read_packet(packet))


Found = tuple[str, str | None, Sequence[str], Location | None]
"""A source, a date, words, and a point, which may be invalid."""


def _facts(source: str, date: str | None, said: Iterable[str], point: Location | None) -> Facts:
    words = tuple(text for text in (tidy(word) for word in said) if text and text.casefold() not in _FACTORY_WORDS)
    location = on_earth(*point) if point else None
    return Facts(taken_at=date, date_source=source if date else "mtime", location=location, said=words)


def tidy(text: str) -> str:
    """Return a text as one line without control characters, cut to `MOST_WORDS` letters."""
    return "".join(letter for letter in " ".join(text.split()) if not is_dangerous(letter))[:MOST_WORDS]


def _exif(exif: Image.Exif) -> Facts:
    details, gps = _directory(exif, ExifTags.IFD.Exif), _directory(exif, ExifTags.IFD.GPSInfo)
    dates = [
        read_date(*(_text(details.get(tag)) for tag in (date, offset, fraction)))
        for date, offset, fraction in _EXIF_DATES
    ]
    changed = (
        exif.get(ExifTags.Base.DateTime),
        details.get(ExifTags.Base.OffsetTime),
        details.get(ExifTags.Base.SubsecTime),
    )
    date = next(filter(None, dates), None) or read_date(*map(_text, changed))
    source = "exif"
    if not date:
        date, source = _gps_date(gps), "gps"
    return Facts(_camera(exif), date, source if date else "mtime", _location(gps))


def _directory(exif: Image.Exif, tag: int) -> Mapping[int, Any]:
    try:
        return exif.get_ifd(tag) if tag in exif else {}
    except Exception:  # noqa: BLE001 - broken metadata do not make the picture unreadable
        return {}


def _camera(exif: Image.Exif) -> str | None:
    return camera_named(_text(exif.get(ExifTags.Base.Make)), _text(exif.get(ExifTags.Base.Model)))


def camera_named(maker: str, model: str) -> str | None:
    """Return what a camera is called: its maker and model, the maker once."""
    maker, model = tidy(maker), tidy(model)
    if model.lower().startswith(maker.lower()):
        maker = ""
    return f"{maker} {model}".strip() or None


def _gps_date(gps: Mapping[int, Any]) -> str | None:
    day = _text(gps.get(ExifTags.GPS.GPSDateStamp))
    if not day:
        return None
    try:
        hour, minute, second = (int(float(part)) for part in gps[ExifTags.GPS.GPSTimeStamp])
    except (KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError):
        return read_date(day)
    return read_date(f"{day} {hour:02}:{minute:02}:{second:02}", "Z") or read_date(day)


def _location(gps: Mapping[int, Any]) -> Location | None:
    try:
        latitude = _degrees(gps[ExifTags.GPS.GPSLatitude], gps.get(ExifTags.GPS.GPSLatitudeRef), "S")
        longitude = _degrees(gps[ExifTags.GPS.GPSLongitude], gps.get(ExifTags.GPS.GPSLongitudeRef), "W")
    except (KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return on_earth(latitude, longitude)


def on_earth(latitude: float, longitude: float) -> Location | None:
    """Round a point to 11 cm if it is valid; programs write 0, 0 if they do not know one."""
    point = (round(latitude, 6), round(longitude, 6))
    return point if abs(latitude) <= 90 and abs(longitude) <= 180 and point != (0, 0) else None


def _degrees(parts: Iterable[Any], reference: object, negative: str) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    return (degrees + minutes / 60 + seconds / 3600) * (-1 if _text(reference).upper() == negative else 1)


def _iptc(image: Image.Image) -> Found | None:
    if "photoshop" not in image.info and image.format != "TIFF":
        return None
    try:
        found: Mapping[tuple[int, int], Any] = IptcImagePlugin.getiptcinfo(cast("ImageFile.ImageFile", image)) or {}
    except Exception:  # noqa: BLE001 - as above
        return None
    texts = {key: _decoded(value) for key, value in found.items()}
    day, time = (next(iter(texts.get((2, field), [])), "") for field in (55, 60))
    date = None
    if len(day) == 8 and day.isdigit():
        written = f"{day[:4]}-{day[4:6]}-{day[6:]}"
        clock = f"{time[:2]}:{time[2:4]}:{time[4:6]}" if time[:6].isdigit() and len(time) >= 6 else ""
        date = read_date(f"{written} {clock}", time[6:]) or read_date(written)
    return "iptc", date, [word for field in (5, 120, 25) for word in texts.get((2, field), [])], None


def _decoded(value: object) -> list[str]:
    return [text for each in (value if isinstance(value, list) else [value]) if (text := _text(each))]


def _png(image: Image.Image) -> Found | None:
    if image.format != "PNG":
        return None
    texts = {key: str(image.info[key]) for key in (*_PNG_DATES, *_PNG_WORDS) if key in image.info}
    dates = (read_date(texts[key]) or read_mail_date(texts[key]) for key in _PNG_DATES if key in texts)
    return "png", next(filter(None, dates), None), tuple(texts[key] for key in _PNG_WORDS if key in texts), None


def _text(value: object) -> str:
    if isinstance(value, bytes):
        try:
            return value.decode().strip(" \0")
        except UnicodeDecodeError:
            return value.decode("latin-1").strip(" \0")
    return "" if value is None else str(value).strip(" \0")
