"""The one loader: files are decoded here for indexing, queries, the baseline and thumbnails alike."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from io import BytesIO

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from gallery.errors import Reason, UnreadableImage
from gallery.pictures.files import read_file

LOADER_VERSION = 1
"""Part of every vector's fingerprint: raise it when the same file would give other pixels."""

MAX_PIXELS = 2**28
"""What a header may claim; the JPEGs of 200-megapixel cameras pass, as they are decoded at a reduced scale."""
MAX_DECODED_PIXELS = 100_000_000
"""What may be decoded, in pixels; some 400 MB for a thread that decodes RGBA."""

_FORMATS = ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "DIB", "AVIF"]
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_DATE_TAGS = (
    (ExifTags.Base.DateTimeOriginal, ExifTags.Base.OffsetTimeOriginal),
    (ExifTags.Base.DateTimeDigitized, ExifTags.Base.OffsetTimeDigitized),
)
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded image file.

    Attributes:
        rgb: The upright picture in mode RGB, transparency flattened on white; smaller than the file's for
            a large JPEG (see `open_image`).
        width: Pixels of the whole upright picture.
        height: Pixels of the whole upright picture.
        format: Pillow's name of the file format.
        camera: Maker and model from EXIF.
        taken_at: ISO 8601 from EXIF.
        orientation: The EXIF orientation that was applied, 1 to 8; 1 for a TIFF, which Pillow turns as it loads.
    """

    rgb: Image.Image
    width: int
    height: int
    format: str
    camera: str | None
    taken_at: str | None
    orientation: int


def open_image(source: str | bytes, detail: int | None = None) -> Picture:
    """Decode the file at a path, or its bytes, to an upright RGB picture: the first frame of an animation.

    Args:
        source: A path or the bytes of a file. Neither is ever taken for an address to fetch.
        detail: Pixels that are enough for the shorter side. A JPEG of at least twice that is decoded at a
            half, a quarter or an eighth of its size, which takes a fraction of the time. None decodes all.

    Raises:
        UnreadableImage: With the reason why not.
    """
    data = read_file(source) if isinstance(source, str) else source
    if not data:
        raise UnreadableImage(Reason.EMPTY, "the file has no bytes")
    try:
        with _opened(data) as image:
            return _decoded(image, detail)
    except UnreadableImage:
        raise
    except UnidentifiedImageError as error:
        raise _unidentified(data) from error
    except MemoryError as error:  # perhaps for what a neighbour takes: to be tried again
        raise UnreadableImage(Reason.IO_ERROR, "not enough memory") from error
    except Exception as error:  # the parsers of nine formats raise whatever hostile bytes make them trip over
        raise UnreadableImage(Reason.DAMAGED, f"{type(error).__name__}: {error}") from error


def _opened(data: bytes) -> Image.Image:
    Image.MAX_IMAGE_PIXELS = None  # Pillow's own guard only warns where ours refuses, and is lower for JPEGs
    image = Image.open(BytesIO(data), formats=_formats())
    if image.width * image.height > MAX_PIXELS:
        raise _too_many_pixels(image.width, image.height, MAX_PIXELS)
    return image


def _decoded(image: Image.Image, detail: int | None) -> Picture:
    width, height = image.size
    name = {"MPO": "JPEG", "DIB": "BMP"}.get(str(image.format), str(image.format))
    if detail:
        image.draft("RGB", (detail, detail))
    if image.width * image.height > MAX_DECODED_PIXELS:
        raise _too_many_pixels(image.width, image.height, MAX_DECODED_PIXELS)
    image.load()
    exif = _exif(image)  # after loading: Pillow has turned a TIFF itself by then, and says so here
    orientation = exif.get(ExifTags.Base.Orientation)
    orientation = int(orientation) if orientation in _UPRIGHT else 1
    rgb = _flattened(image)
    if orientation > 1:
        rgb = rgb.transpose(_UPRIGHT[orientation])
    if orientation >= 5:
        width, height = height, width
    return Picture(
        rgb=rgb,
        width=width,
        height=height,
        format=name,
        camera=_camera(exif),
        taken_at=_taken_at(exif),
        orientation=orientation,
    )


def _flattened(image: Image.Image) -> Image.Image:
    """Return the picture in mode RGB, with white where it is transparent."""
    if image.mode.startswith(("I", "F")):
        clear = image.info.get("transparency")
        mask = Image.fromarray(np.asarray(image) == clear) if isinstance(clear, int) else None
        image = _eight_bit(image)
        if mask:
            image.paste(255, mask=mask)
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        ground = Image.new("RGB", image.size, "white")
        ground.paste(layer, mask=layer.getchannel("A"))
        return ground
    return image.convert("RGB")


def _eight_bit(image: Image.Image) -> Image.Image:
    """Scale greyscale of 16 or 32 bits, or of floats, to 8 bits; Pillow's convert would cut at 255."""
    if image.mode.startswith("I;16"):
        sixteen = np.asarray(image).astype(np.uint32)
        return Image.fromarray(((sixteen * 255 + 32767) // 65535).astype(np.uint8))
    grey = np.nan_to_num(np.asarray(image, np.float32), posinf=0, neginf=0)
    top = max(float(grey.max()), 1.0)
    full = 65535 if 255 < top <= 65535 else 255 if 1 < top <= 255 else top
    np.clip(grey, 0, full, out=grey)
    grey *= 255 / full
    return Image.fromarray((grey + 0.5).astype(np.uint8))


def _exif(image: Image.Image) -> Image.Exif:
    try:
        return image.getexif()
    except Exception:  # noqa: BLE001 - broken metadata does not make the picture unreadable
        return Image.Exif()


def _camera(exif: Image.Exif) -> str | None:
    maker, model = (
        "".join(character for character in str(exif.get(tag) or "") if character.isprintable()).strip()
        for tag in (ExifTags.Base.Make, ExifTags.Base.Model)
    )
    if model.lower().startswith(maker.lower()):
        maker = ""
    return f"{maker} {model}".strip() or None


def _taken_at(exif: Image.Exif) -> str | None:
    try:
        details = exif.get_ifd(ExifTags.IFD.Exif)
    except Exception:  # noqa: BLE001 - as above
        return None
    for date_tag, offset_tag in _DATE_TAGS:
        text, offset = (str(details.get(tag) or "").strip(" \0") for tag in (date_tag, offset_tag))
        for value, form in ((text + offset, "%Y:%m:%d %H:%M:%S%z"), (text, "%Y:%m:%d %H:%M:%S")):
            try:
                return datetime.strptime(value, form).isoformat()
            except ValueError:
                continue
    return None


@cache
def _formats() -> list[str]:
    try:
        import pi_heif
    except ImportError:
        return _FORMATS
    pi_heif.register_heif_opener()
    return [*_FORMATS, "HEIF"]


def _unidentified(data: bytes) -> UnreadableImage:
    if data[4:8] != b"ftyp" or data[8:12] not in _HEIC_BRANDS:
        return UnreadableImage(Reason.NOT_AN_IMAGE, "no image format that is known here")
    if "HEIF" in _formats():
        return UnreadableImage(Reason.DAMAGED, "HEIC that cannot be decoded")
    return UnreadableImage(Reason.UNSUPPORTED, "HEIC needs a package: pip install pi-heif")


def _too_many_pixels(width: int, height: int, limit: int) -> UnreadableImage:
    return UnreadableImage(Reason.TOO_LARGE, f"{width} x {height} pixels; the limit is {limit}")
