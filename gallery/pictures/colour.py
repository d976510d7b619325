"""Converts colours to sRGB: Little CMS applies a file's ICC profile, or its numeric description of colours."""

from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

BROKEN_PROFILE = "its colour profile is broken and was ignored"
MOST_PROFILE_BYTES = 2**24
_SPACES = {"RGB": "RGB ", "L": "GRAY", "CMYK": "CMYK", "LAB": "Lab "}
"""Modes of Pillow -> the colour space that a profile for them names."""
_SAME = 2
"""Out of 255: a profile that changes no colour by more than this counts as sRGB, and is skipped."""


def to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, str | None]:
    """Return an 8-bit sRGB picture in mode RGB, or RGBA if it has transparency; and a note.

    Args:
        image: In mode RGB, RGBA, L, LA, CMYK or LAB.
        profile: The ICC profile of its colours. None stands for sRGB, and for the usual meaning of CMYK and Lab.

    Returns:
        The picture, which may be the same, and `BROKEN_PROFILE` if the profile cannot be used.
    """
    note = None
    has_alpha = image.mode in ("RGBA", "LA")
    space = {"RGBA": "RGB", "LA": "L"}.get(image.mode, image.mode)
    if profile or space == "LAB":
        try:
            transform = _transform(profile, space)
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError, OverflowError):
            note, transform = BROKEN_PROFILE, None if space != "LAB" else _transform(None, "LAB")
        if transform:
            return _applied(image, space, transform, has_alpha=has_alpha), note
    wanted = "RGBA" if has_alpha else "RGB"
    return (image if image.mode == wanted else image.convert(wanted)), note


def _applied(image: Image.Image, space: str, transform: ImageCms.ImageCmsTransform, *, has_alpha: bool) -> Image.Image:
    colours = image.convert(space) if image.mode != space else image
    done = transform.apply(colours)
    del done.info["icc_profile"]
    if has_alpha:
        done.putalpha(image.getchannel("A"))
    return done


@lru_cache(maxsize=64)
def _transform(profile: bytes | None, space: str) -> ImageCms.ImageCmsTransform | None:
    """Return the transform from `space` to sRGB; None if it changes nothing.

    Raises:
        PyCMSError, OSError, ValueError, TypeError: The profile is broken, or describes another space.
    """
    if profile is None:
        source = ImageCms.createProfile("LAB")
    else:
        if len(profile) > MOST_PROFILE_BYTES:
            raise ValueError("too large")
        source = ImageCms.ImageCmsProfile(BytesIO(profile)).profile
    if profile and source.xcolor_space != _SPACES[space]:
        raise ValueError(f"a profile for {source.xcolor_space}")
    transform = ImageCms.buildTransform(source, _srgb_profile(), space, "RGB")
    if space in ("RGB", "L") and _changes_nothing(transform, space):
        return None
    return transform


@lru_cache(maxsize=1)
def _srgb_profile() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _changes_nothing(transform: ImageCms.ImageCmsTransform, space: str) -> bool:
    steps = np.linspace(0, 255, 18).round().astype(np.uint8)
    if space == "L":
        probe = np.arange(256, dtype=np.uint8)[None]
        wanted = np.repeat(probe[..., None], 3, axis=2)
    else:
        probe = wanted = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    found = np.asarray(transform.apply(Image.fromarray(probe)))
    return int(np.abs(found.astype(int) - wanted).max()) <= _SAME
