"""Which files are videos, and whether they can be read here, which takes PyAV (the extra `video`)."""

import os
from importlib.util import find_spec

from gallery.extras import install

_SUFFIXES = ".mp4 .m4v .mov .3gp .3g2 .mkv .webm .avi .mpg .mpeg .vob .mts .m2ts .wmv .flv .insv .lrv"
SUFFIXES = frozenset(_SUFFIXES.split())
"""Without `.ts`, because TypeScript programs have that suffix, too."""
NEEDED = f"{install('video')} to index them"
TYPES = {
    "MP4": "video/mp4",
    "MOV": "video/quicktime",
    "WEBM": "video/webm",
    "MKV": "video/x-matroska",
    "AVI": "video/x-msvideo",
    "MPEG": "video/mpeg",
    "MTS": "video/mp2t",
    "FLV": "video/x-flv",
    "WMV": "video/x-ms-wmv",
}
"""What formats are called, and the content type of each."""


def is_video(path: str) -> bool:
    """Return whether a file's name is that of a video; its content is checked when it is read."""
    return os.path.splitext(path)[1].lower() in SUFFIXES


def can_read_videos() -> bool:
    """Return whether PyAV is installed."""
    return find_spec("av") is not None
