"""The contents of a point.

A point is one picture. Its id is the UUIDv5 of the SHA-256 of the file's bytes, so the same bytes are one point,
however many files hold them. A video has a few points, one for each of its frames: the first has the id that a picture
would have, and the others the UUIDv5 of digest and number. A vector is a unit vector; distance is
cosine. A payload has these keys; embedded collections keep their order, and a server keeps none, as a payload that
travels by gRPC is a map:

    thumbnail   absolute http(s) URL ending in .jpg; only where PUBLIC_URL is set, and then the only top-level URL
    path        all its places, sorted, letters and accents composed (NFC)
    folder      the folders of these, sorted
    date        when it was taken, by the camera's clock, without an offset; else the oldest mtime of its files;
                RFC 3339; always there
    year        of that date
    width       pixels of the upright picture
    height
    format      JPEG, PNG, …
    camera      maker and model
    captions    sentences from a captions file, then titles, descriptions and keywords of the files
    place       names of the place where it was taken, smallest first: Belém, Lisbon, Portugal
    location    {lat, lon} in degrees, where it was taken
    text        the words of the text in it, without case and accents
    stack       the smallest id among its near-duplicates, itself included
    kind        videos only: `video` for the first frame, `frame` for the others, so that each video counts once
    sha256
    indexed_at  when the vector was made
    origin      {files: [{path, size, mtime in ns, captions}], taken_at, date_source, said, notes, orientation, phash,
                text: [{text, confidence, box}], text_reader, frame: its second of the video, frames: those of all,
                checksum: CRC-32 of all of the payload but itself; points of earlier versions have none}

A path that is not UTF-8 is stored percent-encoded, with raw: true in its file and in origin. Keys without a
value are left out. Numbers have at most six decimals, because the engine reads those of 16 and more digits back with
another last one.
"""

import json
import os
import unicodedata
import zlib
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_from_bytes, unquote_to_bytes
from uuid import UUID, uuid5

from gallery.folding import folded_words
from gallery.records import ImageFile, ImageRecord, TextLine
from gallery.stores.dates import date_of

if TYPE_CHECKING:
    from gallery.pictures import Facts, Picture

NAMESPACE = UUID("7a3c5f0e-54d0-5c6b-9a57-0b8f3f1f6f2d")
INDEXED_KEYS = {
    "path": "keyword",
    "folder": "keyword",
    "date": "datetime",
    "year": "integer",
    "width": "integer",
    "height": "integer",
    "format": "keyword",
    "camera": "keyword",
    "captions": "keyword",
    "place": "keyword",
    "location": "geo",
    "text": "text",
    "stack": "keyword",
    "kind": "keyword",
    "sha256": "keyword",
    "indexed_at": "datetime",
}
"""The payload keys that can be filtered by, and their index in Qdrant's words."""
OPTIONAL_KEYS = frozenset({"camera", "captions", "place", "location", "text", "kind"})
"""The indexed keys that a whole collection may lack."""
COUNTED_KEYS = ("path", "folder", "year", "width", "format", "camera", "place", "stack", "kind")
"""The payload keys whose values can be counted."""
_NORTHERNMOST = 89.999999
_CANONICAL = json.JSONEncoder(sort_keys=True, check_circular=False)

Payload = dict[str, Any]


def point_id(sha256: str, number: int = 0) -> str:
    """Return the id of the picture whose file has this digest, or of one of a video's frames, counted from 0.

    >>> point_id("0" * 64), point_id("0" * 64, 0) == point_id("0" * 64, 1)
    ('bcb4ccbc-4e7d-5059-b88a-122052939318', False)
    """
    return str(uuid5(NAMESPACE, f"{sha256} {number}" if number else sha256))


def ids_of_content(sha256: str, points: int) -> list[str]:
    """Return the ids of all points of the file with this digest: one of a picture, and one of each frame of a video."""
    return [point_id(sha256, number) for number in range(points)]


def point_ids(record: ImageRecord) -> list[str]:
    """Return the ids of all points of a record's file: its own, and those of the other frames of a video."""
    return ids_of_content(record.sha256, record.points)


def record_of(
    picture: "Picture", sha256: str, file: ImageFile, indexed_at: str = "", facts: "Facts | None" = None
) -> ImageRecord:
    """Return the record of a decoded file, with one place, no captions, and in a stack of its own.

    Args:
        picture: What the file holds.
        sha256: Digest of the file's bytes.
        file: The file.
        indexed_at: The time from `now`; empty if no vector was made.
        facts: Its facts, if more is known than its file says.
    """
    facts = facts or picture.facts
    return ImageRecord(
        id=point_id(sha256),
        sha256=sha256,
        files=(file,),
        width=picture.width,
        height=picture.height,
        format=picture.format,
        camera=facts.camera,
        taken_at=facts.taken_at,
        orientation=picture.orientation,
        captions=facts.said,
        indexed_at=indexed_at,
        date_source=facts.date_source,
        location=facts.location,
        said=facts.said,
        notes=picture.notes,
        frame=picture.frame,
    )


def to_payload(record: ImageRecord, public_url: str | None = None) -> Payload:
    """Return a picture's payload, in the order of the contract."""
    date = date_of(record)
    files = [_to_place(file) for file in record.files]
    paths = sorted(_composed(file["path"]) for file in files)
    origin: Payload = {"files": files, "taken_at": record.taken_at, "orientation": record.orientation}
    more: Payload = {"phash": record.phash, "date_source": record.date_source}
    more |= {"said": list(record.said), "notes": list(record.notes)}
    more |= {"frames": list(map(_short, record.frames))}
    more |= {"text": [_from_line(line) for line in record.text], "text_reader": record.text_reader}
    origin |= {key: value for key, value in more.items() if value}
    if record.frame is not None:
        origin["frame"] = _short(record.frame)
    if any("raw" in file for file in files):
        origin["raw"] = True
    payload = {
        "thumbnail": f"{public_url.rstrip('/')}/thumbs/{record.id}.jpg" if public_url else None,
        "path": paths,
        "folder": sorted({str(PurePath(path).parent) for path in paths}),
        "date": date,
        "year": int(date[:4]),
        "width": record.width,
        "height": record.height,
        "format": record.format,
        "camera": record.camera and record.camera.replace("://", " "),  # the dashboard would draw an address
        "captions": list(record.captions) or None,
        "place": list(record.place) or None,
        "location": _to_point(record.location) if record.location else None,
        "text": folded_words("\n".join(line.text for line in record.text)).replace("://", " ") or None,
        "stack": record.stack,
        "kind": kind_of(record),
        "sha256": record.sha256,
        "indexed_at": record.indexed_at,
        "origin": origin,
    }
    payload = {key: value for key, value in payload.items() if value is not None}
    origin["checksum"] = _checksum(payload)
    return payload


def to_record(id: str, payload: Payload) -> ImageRecord:
    """Read what `to_payload` wrote.

    Raises:
        KeyError, ValueError, TypeError: It is not such a payload, or no longer complete.
    """
    origin = payload["origin"]
    point = payload.get("location")
    return ImageRecord(
        id=id,
        sha256=payload["sha256"],
        files=tuple(_to_file(place) for place in origin["files"]),
        width=payload["width"],
        height=payload["height"],
        format=payload["format"],
        camera=payload.get("camera"),
        taken_at=origin["taken_at"],
        orientation=origin["orientation"],
        captions=tuple(payload.get("captions", ())),
        indexed_at=payload["indexed_at"],
        phash=origin.get("phash"),
        stack=payload.get("stack"),
        date_source=origin.get("date_source"),
        location=(point["lat"], point["lon"]) if point else None,
        place=tuple(payload.get("place", ())),
        said=tuple(origin.get("said", ())),
        notes=tuple(origin.get("notes", ())),
        text=tuple(_to_line(line) for line in origin.get("text", ())),
        text_reader=origin.get("text_reader"),
        frame=origin.get("frame"),
        frames=tuple(origin.get("frames", ())),
    )


def to_checked_record(id: str, payload: Payload) -> ImageRecord:
    """Read what `to_payload` wrote, and compare it with its checksum.

    Raises:
        KeyError, ValueError, TypeError: It is not what was written.
    """
    record = to_record(id, payload)
    origin = dict(payload["origin"])
    checksum = origin.pop("checksum", None)
    if checksum is None:  # from an earlier version
        to_payload(record)  # raises if a value has another type
    elif checksum != _checksum({**payload, "origin": origin}):
        raise ValueError("its payload is not what was written")
    return record


def kind_of(record: ImageRecord) -> str | None:
    """Return `video` for the first frame of a video, `frame` for another one, None for a picture."""
    if record.frame is None:
        return None
    return "video" if record.frames[:1] == (record.frame,) else "frame"


def folder_values(folder: str) -> list[str]:
    r"""Return the forms of a folder in payloads: percent-encoded if the folder or a file in it is not UTF-8.

    >>> folder_values("/my photos"), folder_values("/\udcff")
    (['/my photos', '/my%20photos'], ['/%FF'])
    """
    encoded = quote_from_bytes(os.fsencode(folder))
    return list(dict.fromkeys([folder, _composed(folder), encoded] if _is_unicode(folder) else [encoded]))


def public_url_of(payload: Payload) -> str | None:
    """Return the `public_url` with which `to_payload` made a payload."""
    thumbnail = payload.get("thumbnail")
    return str(thumbnail).rpartition("/thumbs/")[0] if thumbnail else None


def _to_point(location: tuple[float, float]) -> Payload:
    """Return a point for Qdrant, whose index never finds the exact north pole."""
    return {"lat": min(_short(location[0]), _NORTHERNMOST), "lon": _short(location[1])}


def _to_place(file: ImageFile) -> Payload:
    place: Payload = {"path": file.path, "size": file.size, "mtime": file.mtime_ns}
    if file.captions:
        place["captions"] = list(file.captions)
    if not _is_unicode(file.path):
        place |= {"path": quote_from_bytes(os.fsencode(file.path)), "raw": True}
    return place


def _from_line(line: TextLine) -> Payload:
    return {"text": line.text, "confidence": _short(line.confidence), "box": list(map(_short, line.box))}


def _to_line(line: Payload) -> TextLine:
    left, top, right, bottom = line["box"]
    return TextLine(line["text"], line["confidence"], (left, top, right, bottom))


def _short(number: float) -> float:
    return round(number, 6)


def _checksum(payload: Payload) -> int:
    return zlib.crc32(_CANONICAL.encode(payload).encode())


def _is_unicode(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _to_file(place: Payload) -> ImageFile:
    path = os.fsdecode(unquote_to_bytes(place["path"])) if place.get("raw") else place["path"]
    return ImageFile(path, place["size"], place["mtime"], captions=tuple(place.get("captions", ())))


def _composed(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)
