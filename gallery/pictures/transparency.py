"""Puts transparent pictures on a background on which the drawing is visible."""

import numpy as np
from PIL import Image, ImageChops

WHITE, BLACK = (255, 255, 255), (0, 0, 0)
LEAST_CONTRAST = 48
"""How far a drawing must differ from white to be visible on it: the root mean square, 0 to 255."""
_SIDE = 512


def on_ground(image: Image.Image) -> Image.Image:
    """Convert a picture from RGBA to RGB: on white, or on black if it would be invisible on white."""
    alpha = image.getchannel("A")
    rgb = image.convert("RGB")
    if alpha.getextrema() != (255, 255):
        rgb.paste(_ground(rgb, alpha), mask=ImageChops.invert(alpha))
    return rgb


def _ground(rgb: Image.Image, alpha: Image.Image) -> tuple[int, int, int]:
    step = max(1, min(rgb.size) // _SIDE)
    weights = np.asarray(alpha)[::step, ::step].astype(np.float32)
    grey = np.asarray(rgb.convert("L"))[::step, ::step].astype(np.float32)
    seen = float(weights.sum())
    contrast = float(np.sqrt((weights * (255 - grey) ** 2).sum() / seen)) if seen else 255.0
    return WHITE if contrast >= LEAST_CONTRAST else BLACK
