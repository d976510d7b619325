"""How a model's own processor prepares pictures, as a manifest states it."""

from typing import Any

from gallery.encoders.manifest import Interpolation, PicturePreparation
from gallery.errors import EncoderError

_INTERPOLATIONS: dict[int, Interpolation] = {1: "lanczos", 2: "bilinear", 3: "bicubic"}
"""Keyed by Pillow's numbers."""


def preparation_of(processor: Any, name: str) -> PicturePreparation:  # noqa: ANN401 - transformers has no type for it
    """Translate the settings of an image processor of transformers.

    Raises:
        EncoderError: It does something that a manifest cannot express.
    """
    says = processor.to_dict()
    fit, resize, side = _sizes(says, name)
    interpolation = _INTERPOLATIONS.get(int(says.get("resample") or 0))
    if interpolation is None:
        raise _unknown(name, f"scales by method {says.get('resample')}")
    if not says.get("do_rescale", True) or abs(float(says.get("rescale_factor", 1 / 255)) - 1 / 255) > 1e-9:
        raise _unknown(name, "does not take values from 0 to 1")
    normal = says.get("do_normalize", True)
    mean = tuple(map(float, says["image_mean"])) if normal else (0.0, 0.0, 0.0)
    std = tuple(map(float, says["image_std"])) if normal else (1.0, 1.0, 1.0)
    if len(mean) != 3 or len(std) != 3:
        raise _unknown(name, "does not take three channels")
    return PicturePreparation(side, fit, resize, interpolation, mean, std)


def _sizes(says: dict[str, Any], name: str) -> tuple[Any, int, int]:
    """Return fit, resize and side."""
    if not says.get("do_resize", True):
        raise _unknown(name, "does not scale pictures")
    size = {key: value for key, value in dict(says.get("size") or {}).items() if value}
    crop = dict(says.get("crop_size") or {}) if says.get("do_center_crop") else {}
    sides = {crop.get("height"), crop.get("width")} if crop else {size.get("height"), size.get("width")}
    if set(size) == {"shortest_edge"} and len(sides) == 1 and crop and crop["height"] <= size["shortest_edge"]:
        return "shortest", int(size["shortest_edge"]), int(crop["height"])
    squashed = {size.get("height"), size.get("width")}
    if set(size) == {"height", "width"} and sides == squashed and len(sides) == 1:
        return "squash", int(size["height"]), int(size["height"])
    raise _unknown(name, f"makes sizes of {size}" + (f" cropped to {crop}" if crop else ""))


def _unknown(name: str, does: str) -> EncoderError:
    return EncoderError(f"{name} cannot be exported: its image processor {does}; choose another --encoder")
