"""Turns an upright RGB picture into a network's input, with only Pillow and numpy."""

from typing import TYPE_CHECKING

import numpy as np

from gallery.encoders.manifest import PicturePreparation
from gallery.vectors import Vectors

if TYPE_CHECKING:
    from PIL import Image

PREPARED = "loader 1"
"""The end of every space's fingerprint, in a wording kept from earlier versions because collections store it: raise the
number when `prepare` gives other values for the same picture."""
MOST_ELONGATED = 8
"""Beyond this aspect ratio, a picture's far ends are cut off first, so that scaling fits into memory."""


def prepare(picture: "Image.Image", how: PicturePreparation) -> Vectors:
    """Return the input for one picture, shape `(3, side, side)`."""
    from PIL.Image import Resampling  # a search by text does not need it

    filter_ = Resampling[how.interpolation.upper()]
    if how.fit == "squash":
        scaled = picture.resize((how.side, how.side), filter_)
    elif how.fit == "square":
        side = min(picture.size) * how.side / how.resize
        left, top = ((length - side) / 2 for length in picture.size)
        scaled = picture.resize((how.side, how.side), filter_, box=(left, top, left + side, top + side))
    else:
        scaled = _centre(_shortest_side(_without_far_ends(picture), how.resize, filter_), how.side)
    values = np.asarray(scaled).transpose(2, 0, 1).astype(np.float32, order="C")  # planes are faster than pixels
    values /= np.float32(255)
    values -= np.array(how.mean, np.float32).reshape(3, 1, 1)
    values /= np.array(how.std, np.float32).reshape(3, 1, 1)
    return values


def _without_far_ends(picture: "Image.Image") -> "Image.Image":
    """Cut off the ends that the crop would discard: otherwise, a picture of 60 000 x 1 pixels would take gigabytes."""
    most = MOST_ELONGATED * min(picture.size)
    return _centre_box(picture, min(picture.width, most), min(picture.height, most))


def _shortest_side(picture: "Image.Image", length: int, filter_: "Image.Resampling") -> "Image.Image":
    """Scale the shorter side to `length`, as transformers rounds the longer one: down."""
    short, long = sorted(picture.size)
    longer = int(length * long / short)
    size = (length, longer) if picture.width <= picture.height else (longer, length)
    return picture.resize(size, filter_)


def _centre(picture: "Image.Image", side: int) -> "Image.Image":
    return _centre_box(picture, side, side)


def _centre_box(picture: "Image.Image", width: int, height: int) -> "Image.Image":
    if (width, height) == picture.size:
        return picture
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    return picture.crop((left, top, left + width, top + height))
