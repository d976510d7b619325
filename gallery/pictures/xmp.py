"""XMP packets: dates, titles, descriptions and keywords."""

from collections.abc import Iterator
from xml.etree import ElementTree

from gallery.pictures.dates import read_date

MOST_BYTES = 2**22
"""Of a packet that is read."""
_DESCRIPTION = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description"
_ITEM = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}li"
_DATES = (
    "{http://ns.adobe.com/exif/1.0/}DateTimeOriginal",
    "{http://ns.adobe.com/photoshop/1.0/}DateCreated",
    "{http://ns.adobe.com/exif/1.0/}DateTimeDigitized",
    "{http://ns.adobe.com/xap/1.0/}CreateDate",
)
_WORDS = tuple(f"{{http://purl.org/dc/elements/1.1/}}{name}" for name in ("title", "description", "subject"))


def read_packet(packet: bytes) -> tuple[str, str | None, list[str]]:
    """Return `xmp`, when the picture was taken if the packet says so, and its titles, descriptions and keywords."""
    properties: dict[str, list[str]] = {}
    for name, value in _properties(packet):
        properties.setdefault(name, []).append(value)
    dates = (read_date(value) for name in _DATES for value in properties.get(name, []))
    return "xmp", next(filter(None, dates), None), [text for name in _WORDS for text in properties.get(name, [])]


def _properties(packet: bytes) -> Iterator[tuple[str, str]]:
    if len(packet) > MOST_BYTES or b"<!" in packet.replace(b"<!--", b""):  # who declares entities means harm
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
