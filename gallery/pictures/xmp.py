"""XMP packets: dates, titles, descriptions, keywords, and where a picture was taken."""

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from gallery.pictures.dates import read_date

MOST_BYTES = 2**22
"""The most bytes of a packet that are read."""
_DESCRIPTION = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description"
_ITEM = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}li"
_DATES = (
    "{http://ns.adobe.com/exif/1.0/}DateTimeOriginal",
    "{http://ns.adobe.com/photoshop/1.0/}DateCreated",
    "{http://ns.adobe.com/exif/1.0/}DateTimeDigitized",
    "{http://ns.adobe.com/xap/1.0/}CreateDate",
)
_WORDS = tuple(f"{{http://purl.org/dc/elements/1.1/}}{name}" for name in ("title", "description", "subject"))


_POINT = tuple(f"{{http://ns.adobe.com/exif/1.0/}}GPS{name}" for name in ("Latitude", "Longitude"))
_DEGREES = re.compile(
    r"(?P<sign>[+-]?)(?P<degrees>\d{1,3}(?:\.\d+)?)(?:,(?P<minutes>\d{1,2}(?:\.\d+)?))?(?:,(?P<seconds>\d{1,2}(?:\.\d+)?))?"
    r"(?P<side>[NSEW]?)",
    re.ASCII | re.I,
)
"""38,43.2N or 38,43,12N as in the standard, 38.72 as some programs write it."""


def read_packet(packet: bytes) -> tuple[str, str | None, list[str], tuple[float, float] | None]:
    """Return `xmp`, the picture's date and coordinates if the packet has them, and its words.

    Words are titles, descriptions and keywords. Coordinates are latitude and longitude in degrees, and may be invalid.
    """
    properties: dict[str, list[str]] = {}
    for name, value in _properties(packet):
        properties.setdefault(name, []).append(value)
    dates = (read_date(value) for name in _DATES for value in properties.get(name, []))
    words = [text for name in _WORDS for text in properties.get(name, [])]
    latitude, longitude = (_degrees(properties.get(name, [""])[0]) for name in _POINT)
    point = None if latitude is None or longitude is None else (latitude, longitude)
    return "xmp", next(filter(None, dates), None), words, point


def _degrees(text: str) -> float | None:
    found = _DEGREES.fullmatch(text.strip())
    if not found:
        return None
    degrees = float(found["degrees"]) + float(found["minutes"] or 0) / 60 + float(found["seconds"] or 0) / 3600
    return -degrees if found["sign"] == "-" or found["side"].upper() in ("S", "W") else degrees


def _properties(packet: bytes) -> Iterator[tuple[str, str]]:
    if len(packet) > MOST_BYTES or b"<!" in packet.replace(b"<!--", b""):  # entity declarations are a sign of an attack
        return
    try:
        root = ElementTree.fromstring(packet.strip(b" \r\n\t\0"))  # noqa: S314 - without declarations it cannot grow
    except (ElementTree.ParseError, ValueError, LookupError):
        return
    for description in root.iter(_DESCRIPTION):
        yield from description.attrib.items()
        for element in description:
            if element.text and element.text.strip():
                yield element.tag, element.text
            for item in element.iter(_ITEM):
                yield element.tag, item.text or ""
