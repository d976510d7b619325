"""A file becomes an upright sRGB picture, its facts, and its thumbnail.

Inside, files are found and read, decoded, converted to sRGB and put on a background; facts are read from six kinds of
metadata. How this is done may change freely, as long as ordinary files give the same pixels.
"""

from gallery.pictures.facts import Facts, merged
from gallery.pictures.files import look_at, read_file
from gallery.pictures.finding import SUFFIXES, find_images
from gallery.pictures.hashing import perceptual_hash
from gallery.pictures.ignoring import IGNORE_FILE, LeftOut
from gallery.pictures.loader import open_image
from gallery.pictures.originals import read_original
from gallery.pictures.picture import Picture
from gallery.pictures.sidecars import facts_beside
from gallery.pictures.thumbnails import THUMB, VIEW, Thumbnails, shrunk_jpeg, small_jpeg

__all__ = [
    "IGNORE_FILE",
    "SUFFIXES",
    "THUMB",
    "VIEW",
    "Facts",
    "LeftOut",
    "Picture",
    "Thumbnails",
    "facts_beside",
    "find_images",
    "look_at",
    "merged",
    "open_image",
    "perceptual_hash",
    "read_file",
    "read_original",
    "shrunk_jpeg",
    "small_jpeg",
]
