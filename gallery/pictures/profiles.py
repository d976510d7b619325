"""ICC profiles for files that describe their colours in numbers: PNG's gAMA and cHRM, the codes of cICP and nclx."""

import struct
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

Chromaticities = tuple[tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]]
"""The xy coordinates of white, red, green and blue."""
Floats = NDArray[np.float64]

_D65 = (0.3127, 0.3290)
SRGB: Chromaticities = (_D65, (0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
_PRIMARIES: dict[int, Chromaticities] = {
    1: SRGB,
    4: ((0.310, 0.316), (0.67, 0.33), (0.21, 0.71), (0.14, 0.08)),
    5: (_D65, (0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
    6: (_D65, (0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    7: (_D65, (0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    9: (_D65, (0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    11: ((0.314, 0.351), (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    12: (_D65, (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
"""Keyed by the codes of ITU-T H.273, which PNG's cICP, AVIF and HEIC use."""
_D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_STEPS = 4096
WHITE_NITS = 203
"""The brightness of HDR pictures that is shown as white, by ITU-R BT.2408; anything brighter is clipped."""


def _srgb(value: Floats) -> Floats:
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def _bt709(value: Floats) -> Floats:
    return np.where(value < 0.081, value / 4.5, ((value + 0.099) / 1.099) ** (1 / 0.45))


def _smpte240(value: Floats) -> Floats:
    return np.where(value < 0.0913, value / 4, ((value + 0.1115) / 1.1115) ** (1 / 0.45))


def _pq(value: Floats) -> Floats:
    root = value ** (1 / 78.84375)
    light = (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125)
    return np.minimum(light * 10_000 / WHITE_NITS, 1)


def _hlg(value: Floats) -> Floats:
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(value <= 0.5, value**2 / 3, (np.exp((value - c) / a) + b) / 12)
    return np.minimum(scene**1.2 * 1000 / WHITE_NITS, 1)


_TRANSFERS: dict[int, Callable[[Floats], Floats]] = {
    1: _bt709,
    4: lambda value: value**2.2,
    5: lambda value: value**2.8,
    6: _bt709,
    7: _smpte240,
    8: lambda value: value,
    13: _srgb,
    14: _bt709,
    15: _bt709,
    16: _pq,
    18: _hlg,
}


@cache
def profile_of_codes(primaries: int, transfer: int) -> bytes | None:
    """Return an ICC profile for the codes of ITU-T H.273, or None for sRGB and for codes that say nothing.

    >>> profile_of_codes(1, 13) is None, profile_of_codes(2, 2) is None, len(profile_of_codes(12, 13) or b"") > 8000
    (True, True, True)
    """
    points, curve = _PRIMARIES.get(primaries), _TRANSFERS.get(transfer)
    if points is None or curve is None or (points is SRGB and curve in (_srgb, _bt709)):
        return None  # pictures marked as BT.709 are shown as sRGB
    return _profile(points, curve)


@cache
def profile_of_gamma(gamma: float | None, chromaticities: Chromaticities | None) -> bytes | None:
    """Return an ICC profile for a PNG's gAMA (`gamma`, such as 0.45455) and cHRM, or None for sRGB.

    >>> profile_of_gamma(0.45455, None) is None, profile_of_gamma(1.0, None) is None
    (True, False)
    """
    points = chromaticities or SRGB
    is_usual = gamma is None or abs(gamma - 1 / 2.2) < 0.01
    if is_usual and np.abs(np.array(points) - np.array(SRGB)).max() < 0.002:
        return None
    exponent = 1 / gamma if gamma else 2.2
    return _profile(points, lambda value: value**exponent) if 0.1 < exponent < 10 else None


def _profile(points: Chromaticities, curve: Callable[[Floats], Floats]) -> bytes | None:
    """Return an ICC profile of three primaries and one curve, or None if the primaries are degenerate."""
    try:
        colorants = _to_d50(points)
    except (np.linalg.LinAlgError, ZeroDivisionError):
        return None
    if not np.isfinite(colorants).all() or np.abs(colorants).max() > 10:
        return None
    table = np.rint(np.clip(curve(np.linspace(0, 1, _STEPS)), 0, 1) * 65535).astype(">u2").tobytes()
    tags = {b"wtpt": _xyz(_D50), b"cprt": _text("none"), b"desc": _text("as the file says")}
    tags |= {name: _xyz(colorants[:, n]) for n, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), b"curv" + bytes(4) + struct.pack(">I", _STEPS) + table)
    return _assembled(tags)


def _to_d50(points: Chromaticities) -> Floats:
    """Return the XYZ coordinates of red, green and blue, one a column, adapted to the white of ICC profiles."""
    white, *primaries = (np.array([x / y, 1, (1 - x - y) / y]) for x, y in points)
    columns = np.stack(primaries, axis=1)
    columns = columns * np.linalg.solve(columns, white)
    adapted = np.linalg.solve(_BRADFORD, np.diag((_BRADFORD @ _D50) / (_BRADFORD @ white)) @ _BRADFORD)
    return np.asarray(adapted @ columns)


def _xyz(values: Floats) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(struct.pack(">i", round(float(value) * 65536)) for value in values)


def _text(text: str) -> bytes:
    letters = text.encode("utf-16-be")
    return b"mluc" + bytes(4) + struct.pack(">II", 1, 12) + b"enUS" + struct.pack(">II", len(letters), 28) + letters


def _assembled(tags: dict[bytes, bytes]) -> bytes:
    """Return an ICC profile of version 4: a header, a table of tags, and their data without repetition."""
    start = 128 + 4 + 12 * len(tags)
    places: dict[bytes, int] = {}
    body = bytearray()
    for data in tags.values():
        if data not in places:
            places[data] = start + len(body)
            body += data + bytes(-len(data) % 4)
    table = b"".join(name + struct.pack(">II", places[data], len(data)) for name, data in tags.items())
    header = struct.pack(">I4s4B4s4s4s", start + len(body), b"none", 4, 0x40, 0, 0, b"mntr", b"RGB ", b"XYZ ")
    header = header.ljust(36, b"\0") + b"acsp"
    header = header.ljust(68, b"\0") + _xyz(_D50)[8:]
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + bytes(body)
