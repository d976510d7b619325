"""Turns a decoded picture of any mode into an upright one of mode RGB, in sRGB."""

from PIL import Image

from gallery.pictures import png
from gallery.pictures.colour import to_srgb
from gallery.pictures.depth import eight_bit
from gallery.pictures.profiles import profile_of_codes
from gallery.pictures.transparency import on_ground

UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientations -> how to turn the stored pixels upright; 1 is upright already."""
_CODES_AHEAD = 2**16
"""How many bytes of an AVIF or HEIC file are searched for its colour codes."""


def flattened(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, str | None]:
    """Return the picture in mode RGB and in sRGB, and a note on its colour profile."""
    image = eight_bit(image)
    if image.mode == "RGB" and not profile and "transparency" not in image.info:
        return image, None  # the case of most photos
    if image.mode not in ("RGB", "L", "CMYK", "LAB", "RGBA", "LA") or "transparency" in image.info:
        grey = image.mode in ("1", "L", "LA", "La")
        alpha = image.has_transparency_data
        image = image.convert(("LA" if alpha else "L") if grey else ("RGBA" if alpha else "RGB"))
    image, note = to_srgb(image, profile)
    image = on_ground(image) if image.mode == "RGBA" else image
    return image, note


def profile_of(image: Image.Image, data: bytes) -> bytes | None:
    """Return a picture's ICC profile, or one made from its colour codes; None for sRGB."""
    if image.format == "PNG":
        return png.profile_of(data)
    profile = image.info.get("icc_profile")
    if isinstance(profile, bytes) and profile:
        return profile
    if image.format in ("AVIF", "HEIF"):
        at = data.find(b"colrnclx", 0, _CODES_AHEAD)
        if at >= 0:
            return profile_of_codes(*(int.from_bytes(data[at + n : at + n + 2]) for n in (8, 10)))
    return None
