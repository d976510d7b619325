"""TIFF files whose pixels Pillow would read wrongly: of more than 8 bits, planar, of floats, or after a thumbnail."""

import contextlib
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from gallery.errors import Reason, UnreadableImage
from gallery.extras import install
from gallery.pictures.depth import scaled

if TYPE_CHECKING:
    from tifffile import TiffPage

STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
MOST_BYTES = 256_000_000
"""The most bytes of samples of a picture that is read here; scaling takes about three times as much."""
MOST_PAGES = 32
"""How many pages are searched for the picture behind a thumbnail."""
_SUBFILE, _BITS, _SAMPLE_FORMAT = 254, 258, 339
_REDUCED = 1
_ASSOCIATED = 1
_MODES = {("GREY", 1): "L", ("GREY", 2): "LA", ("RGB", 3): "RGB", ("RGB", 4): "RGBA", ("CMYK", 4): "CMYK"}


def is_plain(image: Image.Image) -> bool:
    """Return whether Pillow reads this frame of a TIFF correctly: unsigned samples of at most 8 bits."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return True
    bits = _numbers(image, _BITS, 1)
    return set(bits) <= {1, 2, 4, 8} and set(_numbers(image, _SAMPLE_FORMAT, 1)) <= {1}


def main_page(image: Image.Image) -> int:
    """Return the number of the page that is the picture: the first, unless that is a smaller version of another."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return 0
    sizes = [image.size]
    is_reduced = bool(_numbers(image, _SUBFILE, 0)[0] & _REDUCED)
    try:
        for page in range(1, MOST_PAGES):
            image.seek(page)
            sizes.append(image.size)
    except EOFError:
        pass
    finally:
        image.seek(0)
    largest = max(range(len(sizes)), key=lambda page: (sizes[page][0] * sizes[page][1], -page))
    return largest if is_reduced or _is_version(sizes[0], sizes[largest]) else 0


def read_page(source: bytes, page: int) -> Image.Image:
    """Return a page of a TIFF file in mode L, LA, RGB, RGBA, CMYK or LAB, as it is stored, with 8 bits a sample.

    Raises:
        UnreadableImage: It is too large, or of an unsupported kind.
    """
    import tifffile

    with tifffile.TiffFile(BytesIO(source)) as file:
        found = file.pages[page]
        if not isinstance(found, tifffile.TiffPage):
            found = found.aspage()
        if found.nbytes > MOST_BYTES:
            raise UnreadableImage(Reason.TOO_LARGE, f"{found.nbytes} bytes of samples; the limit is {MOST_BYTES}")
        try:
            values = found.asarray()
        except ValueError as error:
            if "imagecodecs" in str(error):
                kind = getattr(found.compression, "name", found.compression)
                why = f"{kind} compression needs a package: {install('tiff')}"
                raise UnreadableImage(Reason.UNSUPPORTED, why) from error
            raise
        return _image(found, values)


def rescued(source: bytes) -> tuple[Image.Image, float]:
    """Return what can be read of a TIFF file that Pillow cannot read, as `read_page` does, and the share missing.

    Raises:
        UnreadableImage: It is too large, or of an unsupported kind.
        Exception: It has no directory, or no pixels.
    """
    import tifffile

    with tifffile.TiffFile(BytesIO(source)) as file:
        page = file.pages.first
        if page.nbytes > MOST_BYTES:
            raise UnreadableImage(Reason.TOO_LARGE, f"{page.nbytes} bytes of samples; the limit is {MOST_BYTES}")
        values = np.zeros(page.shaped, page.dtype)
        parts = list(zip(page.dataoffsets, page.databytecounts, strict=True))
        read = 0.0
        for index, (offset, count) in enumerate(parts):
            with contextlib.suppress(Exception):  # one of many parts; any error
                read += _put(page, index, source[offset : offset + count], count, values)
        if not read or (len(values) > 1 and read < len(parts)):  # a colour is missing
            raise UnreadableImage(Reason.DAMAGED, "no pixel can be read")
        return _image(page, values), 1 - read / len(parts)


def _put(page: "TiffPage", index: int, part: bytes, count: int, values: NDArray[Any]) -> float:
    """Decode what is left of a strip or tile into the page's values, and return its share."""
    there = len(part) / max(1, count)
    plain = getattr(page.compression, "name", "") == "NONE"
    segment, (sample, depth, row, column, _), shape = page.decode(part.ljust(count, b"\0") if plain else part, index)
    if segment is None:
        return 0
    place = values[sample, depth : depth + shape[0], row : row + shape[1], column : column + shape[2]]
    place[...] = segment[: place.shape[0], : place.shape[1], : place.shape[2]]
    return there


def _image(page: "TiffPage", values: NDArray[Any]) -> Image.Image:
    values = values.reshape(page.shaped)  # samples apart, depth, height, width, samples
    if values.shape[1] != 1:
        raise UnreadableImage(Reason.UNSUPPORTED, "a TIFF with a depth is not a picture")
    height, width = values.shape[2:4]
    values = values[:, 0].transpose(1, 2, 0, 3).reshape(height, width, -1)
    photometric = str(getattr(page.photometric, "name", page.photometric))
    if photometric == "CIELAB" and values.shape[2] == 3:
        return Image.frombytes("LAB", (width, height), _lab(values).tobytes())
    bits = page.bitspersample if values.dtype.kind == "u" else None
    eight = scaled(values, bits)
    if photometric == "MINISWHITE":
        eight[..., 0] = 255 - eight[..., 0]
    family = {"MINISBLACK": "GREY", "MINISWHITE": "GREY", "RGB": "RGB", "SEPARATED": "CMYK"}.get(photometric, "")
    colours = {"GREY": 1, "RGB": 3, "CMYK": 4}.get(family, 0)
    if not colours or eight.shape[2] < colours:
        raise UnreadableImage(Reason.UNSUPPORTED, f"a TIFF of the kind {photometric} with {eight.shape[2]} samples")
    alpha = next((n for n, kind in enumerate(page.extrasamples) if kind in (1, 2)), None)
    if alpha is None or family == "CMYK":
        return _from(eight[..., :colours], family)
    if page.extrasamples[alpha] == _ASSOCIATED:
        eight = _divided(eight, eight[..., colours + alpha])
    return _from(np.concatenate([eight[..., :colours], eight[..., colours + alpha, None]], axis=2), family)


def _from(values: NDArray[np.uint8], family: str) -> Image.Image:
    mode = _MODES[family, values.shape[2]]
    size = (values.shape[1], values.shape[0])
    return Image.frombytes(mode, size, np.ascontiguousarray(values).tobytes())


def _divided(values: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Undo the multiplication of colours by their alpha."""
    whole = values.astype(np.float32) * 255 / np.maximum(alpha, 1)[..., None]
    return np.minimum(whole + 0.5, 255).astype(np.uint8)


def _lab(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Return 16-bit Lab as Pillow stores 8-bit Lab: L from 0, and a and b as signed numbers."""
    if values.dtype.itemsize != 2 or values.dtype.kind not in "ui":
        raise UnreadableImage(Reason.UNSUPPORTED, f"a TIFF of Lab colours in {values.dtype}")
    light = scaled(values[..., 0].astype(np.uint16))
    ab = np.rint(values[..., 1:].astype(np.uint16).view(np.int16) / 256).astype(np.int8).view(np.uint8)
    return np.dstack([light, ab])


def _is_version(small: tuple[int, int], large: tuple[int, int]) -> bool:
    """Return whether a page is a much smaller version of another."""
    if small[0] * small[1] * 4 > large[0] * large[1]:
        return False
    return abs(small[0] * large[1] - small[1] * large[0]) <= max(large)


def _numbers(image: TiffImagePlugin.TiffImageFile, tag: int, default: int) -> tuple[int, ...]:
    found = image.tag_v2.get(tag, default)
    return tuple(found) if isinstance(found, tuple) else (int(found),)
