"""Damaged files: decodes what is left of them, with a note on what is missing."""

from collections.abc import Callable
from dataclasses import replace

from PIL import ExifTags, Image

from gallery.errors import Reason, UnreadableImage
from gallery.pictures import bmp, gif, jpeg, png, tiff, webp
from gallery.pictures.facts import Facts, facts_of
from gallery.pictures.flattening import UPRIGHT, flattened
from gallery.pictures.picture import Picture

Decoder = Callable[..., Picture]
_DAMAGED = "damaged: "


def salvaged(data: bytes, decoded: Decoder, error: Exception) -> Picture:
    """Return what can be decoded of a damaged file.

    Args:
        data: The file's bytes.
        decoded: Decodes a repaired file; `missing` is the share of the picture that it lacks, None if only its pixels
            tell, and `profile` that of its colours where it was left out.
        error: Why the file itself cannot be decoded.

    Raises:
        UnreadableImage: Nothing can be decoded.
        Exception: The same `error`, for a format of which no damaged file can be read.
    """
    try:
        if data.startswith(jpeg.START):
            return decoded(jpeg.repaired(data), missing=None)
        if data.startswith(png.SIGNATURE):
            whole, missing = png.repaired(data)
            return decoded(whole, missing=missing, profile=png.profile_of(data))
        if data.startswith(bmp.SIGNATURE):
            whole, missing = bmp.repaired(data)
            return decoded(whole, missing=missing)
        if data.startswith(gif.STARTS):
            whole, interlaced = gif.repaired(data)
            picture = decoded(whole)
            rgb, missing = gif.without_gaps(picture.rgb, interlaced=interlaced)
            return _lacking(replace(picture, rgb=rgb), missing)
        if webp.is_webp(data):
            one, two = (decoded(whole) for whole in webp.repaired(data))
            rgb, missing = webp.shared_part(one.rgb, two.rgb)
            return _lacking(replace(one, rgb=rgb), missing)
        if data.startswith(tiff.STARTS):
            return _of_tiff(data)
    except UnreadableImage:
        raise
    except Exception as second:
        raise error from second
    raise error


def _lacking(picture: Picture, missing: float) -> Picture:
    if missing == 1:
        raise UnreadableImage(Reason.DAMAGED, "no pixel can be read")
    return replace(picture, notes=(*picture.notes, damage(missing)))


def damage(missing: float) -> str:
    """Return the note for a picture with this share missing."""
    return f"{_DAMAGED}{max(1, round(100 * missing))} % missing"


def is_damage(note: str) -> bool:
    """Return whether a picture's note says that a part is missing.

    >>> is_damage(damage(0.38)), is_damage("the colour profile is broken")
    (True, False)
    """
    return note.startswith(_DAMAGED)


def _of_tiff(data: bytes) -> Picture:
    """Decode a TIFF file that Pillow cannot read, or that has a part missing."""
    stored, missing = tiff.rescued(data)
    exif = Image.Exif()
    try:
        exif.load(data)
        facts = facts_of(stored, exif, b"")
    except Exception:  # noqa: BLE001 - broken metadata does not make the picture unreadable
        facts = Facts()
    profile = exif.get(ExifTags.Base.InterColorProfile)
    rgb, note = flattened(stored, profile if isinstance(profile, bytes) else None)
    rgb = rgb.transpose(turn) if (turn := UPRIGHT.get(exif.get(ExifTags.Base.Orientation, 1))) is not None else rgb
    picture = Picture(rgb, rgb.width, rgb.height, "TIFF", 1, facts, (note,) if note else ())
    return _lacking(picture, missing) if missing else picture
