"""A file becomes an upright sRGB picture, its facts, and its thumbnail.

Inside, files are found and read, decoded, converted to sRGB and put on a background; facts are read from six kinds of
metadata. How this is done may change freely, as long as ordinary files give the same pixels.
"""

from gallery.pictures.facts import Facts, merged
from gallery.pictures.files import digest_of, look_at, read_file
from gallery.pictures.finding import SUFFIXES, find_images, status_of
from gallery.pictures.hashing import are_alike, perceptual_hash
from gallery.pictures.ignoring import IGNORE_FILE, LeftOut
from gallery.pictures.loader import open_frames, open_image
from gallery.pictures.originals import find_video, open_original, read_original
from gallery.pictures.picture import Picture
from gallery.pictures.salvage import is_damage
from gallery.pictures.sidecars import facts_beside
from gallery.pictures.thumbnails import THUMB, VIEW, Thumbnails, shrunk_jpeg
from gallery.pictures.videos import TYPES, is_video

__all__ = [
    "IGNORE_FILE",
    "SUFFIXES",
    "THUMB",
    "TYPES",
    "VIEW",
    "Facts",
    "LeftOut",
    "Picture",
    "Thumbnails",
    "are_alike",
    "digest_of",
    "facts_beside",
    "find_images",
    "find_video",
    "is_damage",
    "is_video",
    "look_at",
    "merged",
    "open_frames",
    "open_image",
    "open_original",
    "perceptual_hash",
    "read_file",
    "read_original",
    "shrunk_jpeg",
    "status_of",
]
