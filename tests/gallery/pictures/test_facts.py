"""When and where a picture was taken, and its words: from its file, its name and its side-cars."""

import json
import struct
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from gallery.pictures import Facts, facts_beside, merged
from gallery.pictures.dates import read_date, read_mail_date, read_name
from gallery.pictures.decode import decode

PHOTO = Image.new("RGB", (8, 6), "gold")
XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:exif="http://ns.adobe.com/exif/1.0/"
 xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6" {attributes}>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">A wall</rdf:li></rdf:Alt></dc:title>
<dc:subject><rdf:Bag><rdf:li>brick</rdf:li><rdf:li>می\u200cخواهم</rdf:li></rdf:Bag></dc:subject>
{elements}</rdf:Description></rdf:RDF></x:xmpmeta>"""  # noqa: RUF001


def saved(form: str, **options: object) -> bytes:
    file = BytesIO()
    PHOTO.save(file, form, **options)
    return file.getvalue()


def xmp(attributes: str = "", elements: str = "") -> bytes:
    return XMP.format(attributes=attributes, elements=elements).encode()


def exif(tags: dict[int, object], details: dict[int, object], gps: dict[int, object] | None = None) -> bytes:
    made = Image.Exif()
    made.update(tags)
    made.get_ifd(0x8769).update(details)
    made.get_ifd(0x8825).update(gps or {})
    return made.tobytes()


def iptc(*fields: tuple[int, bytes]) -> bytes:
    """Return a JPEG with IPTC fields of record 2."""
    records = b"".join(b"\x1c\x02" + struct.pack(">BH", number, len(text)) + text for number, text in fields)
    block = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(records)) + records + b"\0" * (len(records) % 2)
    segment = b"Photoshop 3.0\0" + block
    data = saved("JPEG")
    return data[:2] + b"\xff\xed" + struct.pack(">H", 2 + len(segment)) + segment + data[2:]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_an_xmp_packet_gives_date_title_and_keywords_and_turns_nothing(form: str) -> None:
    packet = xmp('exif:DateTimeOriginal="2012-05-06T07:08:09+02:00"')
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", packet.decode())
    found = decode(saved(form, **({"pnginfo": info} if form == "PNG" else {"xmp": packet})))
    assert found.facts == Facts(None, "2012-05-06T07:08:09+02:00", "xmp", None, ("A wall", "brick", "می\u200cخواهم"))  # noqa: RUF001
    assert (found.width, found.height, found.orientation) == (8, 6, 1), "as in browsers, only EXIF turns a picture"


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"<",
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        b"\xff\xfe" * 9,
        xmp()[:200],
        xmp('exif:DateTimeOriginal="?"'),
    ],
)
def test_a_broken_packet_says_nothing(packet: bytes) -> None:
    found = decode(saved("JPEG", xmp=packet))
    assert (found.facts.taken_at, found.facts.date_source) == (None, "mtime")


def test_iptc_fields_give_date_and_words() -> None:
    facts = decode(
        iptc((55, b"20110607"), (60, b"080910+0200"), (5, b"The pier"), (25, "Müller".encode()), (25, b"sea"))
    ).facts
    assert facts == Facts(None, "2011-06-07T08:09:10+02:00", "iptc", None, ("The pier", "Müller", "sea"))


@pytest.mark.parametrize(("day", "time"), [(b"20111307", b"080910"), (b"00000000", b""), (b"someday", b"")])
def test_iptc_days_that_are_none_say_nothing(day: bytes, time: bytes) -> None:
    assert decode(iptc((55, day), (60, time))).facts.taken_at is None


def test_the_text_of_a_png_gives_date_and_words() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Creation Time", "Wed, 30 Jun 2021 21:30:00 -0500")
    info.add_text("Title", "A pier")
    facts = decode(saved("PNG", pnginfo=info)).facts
    assert (facts.taken_at, facts.date_source, facts.said) == ("2021-06-30T21:30:00-05:00", "png", ("A pier",))


@pytest.mark.parametrize(
    ("tags", "details", "gps", "taken_at", "source"),
    [
        ({0x132: "2004:03:04 05:06:07"}, {}, {}, "2004-03-04T05:06:07", "exif"),
        ({0x132: "2004:03:04 05:06:07"}, {0x9003: "0000:00:00 00:00:00"}, {}, "2004-03-04T05:06:07", "exif"),
        (
            {},
            {0x9003: "2021:06:30 21:30:00", 0x9011: "-05:00", 0x9291: "25"},
            {},
            "2021-06-30T21:30:00.250000-05:00",
            "exif",
        ),
        ({}, {}, {29: "2018:07:08", 7: (12.0, 30.0, 15.0)}, "2018-07-08T12:30:15+00:00", "gps"),
        ({}, {}, {29: "2018:07:08", 7: (99.0, 0.0, 0.0)}, "2018-07-08", "gps"),
        ({}, {0x9003: "0001:01:01 00:00:00", 0x9011: "+10:00"}, {}, None, "mtime"),
        ({}, {0x9003: "9999:12:31 23:59:59", 0x9011: "-10:00"}, {}, None, "mtime"),
        ({}, {0x9003: "2021:06:30 21:30:00", 0x9011: "+99:99"}, {}, "2021-06-30T21:30:00", "exif"),
        ({}, {0x9003: "2006:07:08 24:04:20"}, {}, "2006-07-08T00:04:20", "exif"),
    ],
)
def test_the_dates_of_exif(
    tags: dict[int, object], details: dict[int, object], gps: dict[int, object], taken_at: str | None, source: str
) -> None:
    facts = decode(saved("JPEG", exif=exif(tags, details, gps))).facts
    assert (facts.taken_at, facts.date_source) == (taken_at, source)


@pytest.mark.parametrize(
    ("latitude", "longitude", "location"),
    [
        ("38,43.2N", "9,8.4W", (38.72, -9.14)),
        ("38,43,12N", "9,8,24w", (38.72, -9.14)),
        ("-33.85", "151.21", (-33.85, 151.21)),
        ("0,0.0N", "0,0.0E", None),
        ("91,0.0N", "9,8.4W", None),
        ("38,43.2N", "", None),
        ("north", "9,8.4W", None),
    ],
)
def test_the_location_of_xmp(latitude: str, longitude: str, location: object) -> None:
    packet = xmp(f'exif:GPSLatitude="{latitude}" exif:GPSLongitude="{longitude}"')
    assert decode(saved("JPEG", xmp=packet)).facts.location == location


@pytest.mark.parametrize(
    ("latitude", "longitude", "place"),
    [
        ((48.0, 30.0, 36.0), (9.0, 0.0, 0.0), (48.51, -9.0)),
        ((0, 0, 0), (0, 0, 0), None),
        ((91, 0, 0), (9, 0, 0), None),
        ((0, 0, 0), (0, 0, 0.0001), None),
    ],
)
def test_a_place_is_on_earth(latitude: tuple[float, ...], longitude: tuple[float, ...], place: object) -> None:
    tags = exif({}, {}, {1: "N", 2: tuple(map(float, latitude)), 3: "W", 4: tuple(map(float, longitude))})
    assert decode(saved("JPEG", exif=tags)).facts.location == place


@pytest.mark.parametrize(
    ("name", "date"),
    [
        ("IMG-20161224-WA0014.jpg", "2016-12-24"),
        ("PXL_20210504_123310123.jpg", "2021-05-04T12:33:10+00:00"),
        ("Screenshot 2023-03-12 at 3.45.12 PM.png", "2023-03-12T15:45:12"),
        ("Screenshot 2024-03-01 at 3.45.12\u202fPM.png", "2024-03-01T15:45:12"),
        ("2021-05-04 12.33.10.jpg", "2021-05-04T12:33:10"),
        ("IMG_20191231_235959.jpg", "2019-12-31T23:59:59"),
        ("signal-2020-02-29-101112.jpg", "2020-02-29T10:11:12"),
        ("IMG_1234.jpg", None),
        ("20211399_101010.jpg", None),
        ("12345678901234567890.jpg", None),
        ("phone 0170 1234567.jpg", None),
        ("2019.jpg", None),
    ],
)
def test_the_dates_in_names(name: str, date: str | None) -> None:
    assert read_name(name) == date


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2021",
        "2021:13:01",
        "2021:02:29",
        "10000:01:01",
        "0999:01:01",
        "-021:01:01",
        "\u0662\u0660\u0662\u0661:01:01",
    ],
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert read_date(text) is None
    assert read_mail_date(text) is None


def test_side_cars_are_read(tmp_path: Path) -> None:
    photo = tmp_path / "a.jpg"
    (tmp_path / "a.jpg.xmp").write_bytes(xmp('exif:DateTimeOriginal="2012-05-06T07:08:09"'))
    facts = facts_beside(str(photo))
    assert (facts.taken_at, facts.date_source, facts.said[0]) == ("2012-05-06T07:08:09", "xmp", "A wall")


def takeout(**changes: object) -> str:
    said = {
        "title": "a.jpg",
        "description": "grandmother in the garden",
        "photoTakenTime": {"timestamp": "1625106600", "formatted": "somewhen"},
        "geoData": {"latitude": 0.0, "longitude": 0.0, "altitude": 0.0},
        "geoDataExif": {"latitude": 48.5, "longitude": 9.0, "altitude": 0.0},
    }
    return json.dumps(said | changes)


@pytest.mark.parametrize(
    ("photo", "beside"),
    [
        ("a.jpg", "a.jpg.json"),
        ("a.jpg", "a.jpg.supplemental-metadata.json"),
        ("a(1).jpg", "a.jpg(1).json"),
        ("a(1).jpg", "a.jpg.supplemental-metadata(1).json"),
        ("a-edited.jpg", "a.jpg.json"),
        ("a" * 30 + ".jpg", "a" * 30 + ".jpg.supplementa.json"),
        ("a" * 60 + ".jpg", "a" * 46 + ".json"),
    ],
)
def test_google_takeout_gives_date_place_and_description(tmp_path: Path, photo: str, beside: str) -> None:
    (tmp_path / beside).write_text(takeout())
    facts = facts_beside(str(tmp_path / photo))
    assert facts == Facts(None, "2021-07-01T02:30:00+00:00", "takeout", (48.5, 9.0), ("grandmother in the garden",))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "[" * 100_000,
        "{}",
        takeout(photoTakenTime={"timestamp": "1e999"}),
        takeout(photoTakenTime={"timestamp": "nan"}),
        takeout(photoTakenTime=7),
        takeout(photoTakenTime={"timestamp": 10**30}),
    ],
)
def test_a_broken_side_car_gives_no_date(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.jpg.json").write_text(text)
    assert facts_beside(str(tmp_path / "a.jpg")).taken_at is None


def test_the_most_trusted_source_of_a_date_counts() -> None:
    of_name, of_exif = (
        Facts(taken_at="2016-12-24", date_source="name"),
        Facts(taken_at="2015-01-01", date_source="exif"),
    )
    assert merged([of_name, of_exif]) == merged([of_exif, of_name]) == of_exif
    assert merged([Facts(), of_name]).date_source == "name"


def test_beside_nothing_nothing_is_known(tmp_path: Path) -> None:
    (tmp_path / "a.xmp").mkdir()
    assert facts_beside(str(tmp_path / "a.jpg")) == Facts()
