"""Facts in a video's container: date, place, camera and title."""

import re
from collections.abc import Mapping

from gallery.pictures.dates import read_date
from gallery.pictures.facts import Facts, Location, camera_named, on_earth, tidy

_FORMATS = {"avi": "AVI", "mpeg": "MPEG", "mpegts": "MTS", "flv": "FLV", "asf": "WMV"}
_DATES = ("com.apple.quicktime.creationdate", "creation_time")
"""The first is in local time, the second in UTC."""
_PLACES = ("com.apple.quicktime.location.iso6709", "location", "location-eng")
_MAKERS = ("com.apple.quicktime.make", "com.android.manufacturer", "make")
_MODELS = ("com.apple.quicktime.model", "com.android.model", "model")
_WORDS = ("title", "description", "com.apple.quicktime.title", "com.apple.quicktime.description")
_NO_DATES = ("1904-01-01", "1970-01-01")
"""Written by cameras whose clock was never set."""
_POINT = re.compile(r"([+-]\d{1,2}(?:\.\d+)?)([+-]\d{1,3}(?:\.\d+)?)(?=[+-/]|$)", re.ASCII)
"""ISO 6709 in degrees, as phones write it: +38.7223-009.1393+012.3/"""


def facts_of(metadata: Mapping[str, str]) -> Facts:
    """Return the facts in the metadata of a container.

    >>> facts_of({"creation_time": "2021-06-30T21:30:00.000000Z", "location": "+38.7223-009.1393/"})
    Facts(camera=None, taken_at='2021-06-30T21:30:00+00:00', date_source='video', location=(38.7223, -9.1393), said=())
    """
    known = {key.lower(): value for key, value in metadata.items()}
    dates = (read_date(known.get(key, "")) for key in _DATES)
    date = next((date for date in dates if date and not date.startswith(_NO_DATES)), None)
    words = (tidy(known.get(key, "")) for key in _WORDS)
    return Facts(
        camera=camera_named(_first(known, _MAKERS), _first(known, _MODELS)),
        taken_at=date,
        date_source="video" if date else "mtime",
        location=_point(_first(known, _PLACES)),
        said=tuple(dict.fromkeys(word for word in words if word)),
    )


def format_of(demuxer: str, brand: str, codec: str) -> str:
    """Return the name of a video's format.

    Args:
        demuxer: FFmpeg's name for the container, or for all that it might be.
        brand: What an MP4 or MOV file says it is.
        codec: FFmpeg's name for the codec.

    >>> format_of("mov,mp4,m4a,3gp,3g2,mj2", "qt  ", "hevc"), format_of("matroska,webm", "", "libdav1d")
    ('MOV', 'WEBM')
    """
    if demuxer.startswith("mov"):
        return "MOV" if brand.startswith("qt") else "MP4"
    if demuxer.startswith("matroska"):
        return "WEBM" if codec.startswith(("vp8", "vp9", "libvpx", "av1", "libdav1d", "libaom")) else "MKV"
    return _FORMATS.get(demuxer, demuxer.upper())


def _first(known: Mapping[str, str], keys: tuple[str, ...]) -> str:
    return next((known[key] for key in keys if key in known), "")


def _point(text: str) -> Location | None:
    found = _POINT.match(text.strip())
    return on_earth(float(found[1]), float(found[2])) if found else None
