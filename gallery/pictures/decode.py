"""The bytes of a file become an upright sRGB picture."""

from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache
from io import BytesIO

from PIL import ExifTags, Image, JpegImagePlugin, UnidentifiedImageError

from gallery.errors import Reason, UnreadableImage
from gallery.pictures import bmp, gif, jpeg, png, raw, tiff, webp
from gallery.pictures.colour import to_srgb
from gallery.pictures.depth import eight_bit
from gallery.pictures.facts import Facts, facts_of
from gallery.pictures.profiles import profile_of_codes
from gallery.pictures.transparency import on_ground

MAX_PIXELS = 2**28
"""What a header may claim; the JPEGs of 200-megapixel cameras pass, as they are decoded at a reduced scale."""
MAX_DECODED_PIXELS = 100_000_000
"""What may be decoded, in pixels, of formats that take 4 bytes for each."""
_DEARER = {"WEBP": 2, "AVIF": 1.5, "HEIF": 1.5}
"""How many times more memory these formats take while they are decoded."""
_WITH_ALPHA = 1.8
"""How many times more memory transparency takes."""
MOST_OF_A_SLOW_BMP = 2**22
_MOST_EXIF = 2**17
"""Bytes of EXIF that are read: its entries may overlap, so that their sum grows with the square."""

_FORMATS = ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "DIB", "AVIF"]
_NAMES = {"MPO": "JPEG", "DIB": "BMP"}
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_CODES_AHEAD = 2**16
"""Bytes of an AVIF or HEIC file in which the codes of its colours are looked for."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded image file.

    Attributes:
        rgb: The upright picture in mode RGB and in sRGB, on a ground where it is transparent; smaller than the
            file's for a large JPEG (see `open_image`).
        width: Pixels of the whole upright picture.
        height: Pixels of the whole upright picture.
        format: Pillow's name of the file format, or `RAW`.
        orientation: The EXIF orientation that was applied, 1 to 8; 1 for a TIFF, which Pillow turns as it loads.
        facts: What the file says of it.
        notes: What a user should know of how it was read, such as `damaged: 38 % missing`.
    """

    rgb: Image.Image
    width: int
    height: int
    format: str
    orientation: int
    facts: Facts
    notes: tuple[str, ...] = ()


def decode(data: bytes, detail: int | None = None, most_pixels: int = MAX_DECODED_PIXELS) -> Picture:
    """Decode the bytes of a file in this process, whatever that costs; as `open_image` says.

    `most_pixels` is a limit for formats that take 4 bytes for each pixel; others have a lower one.

    Raises:
        UnreadableImage: With the reason why not.
    """
    try:
        if raw.is_raw(data):
            return _of_raw(data, detail)
        try:
            return _decoded(data, detail, most_pixels)
        except (UnreadableImage, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - the parsers of nine formats raise whatever they trip over
            return _salvaged(data, detail, error)
    except UnreadableImage:
        raise
    except UnidentifiedImageError as error:
        raise _unidentified(data) from error
    except MemoryError as error:  # perhaps for what a neighbour takes: to be tried again
        raise UnreadableImage(Reason.IO_ERROR, "not enough memory") from error
    except Exception as error:
        raise UnreadableImage(Reason.DAMAGED, f"{type(error).__name__}: {error}") from error


def _salvaged(data: bytes, detail: int | None, error: Exception) -> Picture:
    """Return what can be decoded of a damaged file.

    Raises:
        UnreadableImage: That is nothing.
        Exception: The same `error`, for a format of which no damaged file can be read.
    """
    try:
        if data.startswith(jpeg.START):
            return _decoded(jpeg.repaired(data), detail, missing=None)
        if data.startswith(png.SIGNATURE):
            whole, missing = png.repaired(data)
            return _decoded(whole, detail, missing=missing, profile=png.profile_of(data))
        if data.startswith(bmp.SIGNATURE):
            whole, missing = bmp.repaired(data)
            return _decoded(whole, detail, missing=missing)
        if data.startswith(gif.STARTS):
            whole, interlaced = gif.repaired(data)
            picture = _decoded(whole, detail)
            rgb, missing = gif.without_gaps(picture.rgb, interlaced=interlaced)
            return _lacking(replace(picture, rgb=rgb), missing)
        if webp.is_webp(data):
            one, two = (_decoded(whole, detail) for whole in webp.repaired(data))
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
    return replace(picture, notes=(*picture.notes, _damage(missing)))


def _damage(missing: float) -> str:
    return f"damaged: {max(1, round(100 * missing))} % missing"


def _of_tiff(data: bytes) -> Picture:
    """Decode a TIFF file that Pillow does not know, or of which a part is missing."""
    stored, missing = tiff.rescued(data)
    exif = Image.Exif()
    try:
        exif.load(data)
        facts = facts_of(stored, exif, b"")
    except Exception:  # noqa: BLE001 - broken metadata does not make the picture unreadable
        facts = Facts()
    profile = exif.get(ExifTags.Base.InterColorProfile)
    rgb, note = _flattened(stored, profile if isinstance(profile, bytes) else None)
    rgb = rgb.transpose(turn) if (turn := _UPRIGHT.get(exif.get(ExifTags.Base.Orientation, 1))) is not None else rgb
    picture = Picture(rgb, rgb.width, rgb.height, "TIFF", 1, facts, (note,) if note else ())
    return _lacking(picture, missing) if missing else picture


def _opened(data: bytes) -> Image.Image:
    Image.MAX_IMAGE_PIXELS = None  # Pillow's own guard only warns where ours refuses, and is lower for JPEGs
    image = Image.open(BytesIO(data), formats=_formats())
    if image.width * image.height > MAX_PIXELS:
        raise _too_many_pixels(image.width, image.height, MAX_PIXELS)
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        if image.info.get("progressive") and jpeg.coefficient_bytes(image.size, image.layer) > jpeg.MOST_COEFFICIENTS:
            raise UnreadableImage(Reason.TOO_LARGE, f"a progressive JPEG of {image.width} x {image.height} pixels")
        shorter = jpeg.bounded(data, image.width * image.height)
        if shorter is not data:
            image.close()
            return Image.open(BytesIO(shorter), formats=["JPEG"])
    return image


def _decoded(
    data: bytes,
    detail: int | None,
    most_pixels: int = MAX_DECODED_PIXELS,
    *,
    missing: float | None = 0.0,
    profile: bytes | None = None,
) -> Picture:
    """Decode what Pillow can open.

    Args:
        data: Of a file.
        detail: As for `open_image`.
        most_pixels: As for `decode`.
        missing: The share of the picture that a damaged file lacks; None if that can only be seen by decoding it.
        profile: The ICC profile of the colours, if the file was made out of one that has it.
    """
    with closing(_opened(data)) as image:
        width, height = image.size
        packet = _packet_of(image)
        page = tiff.main_page(image)
        if page:
            image.seek(page)
            width, height = image.size
        profile = profile or _profile_of(image, data)
        loaded = _loaded(image, data, detail, page, most_pixels)
        packet = packet or _packet_of(image)  # which lies behind the pixels in some PNG files
        stored = loaded.size
        exif = _exif(image)  # after loading: Pillow has turned a TIFF itself by then, and says so here
        facts = facts_of(image, exif, packet)
        format_ = _NAMES.get(str(image.format), str(image.format))
        rgb, note = _flattened(loaded, profile)
    orientation = exif.get(ExifTags.Base.Orientation)
    orientation = int(orientation) if orientation in _UPRIGHT else 1
    notes = (note,) if note else ()
    if missing is None:
        missing = jpeg.missing_share(rgb)
        if missing == 1:
            raise UnreadableImage(Reason.DAMAGED, "no pixel can be read")
    if missing:
        notes = (*notes, _damage(missing))
    if format_ == "TIFF":
        width, height = stored  # which Pillow may have turned
    if orientation > 1:
        rgb = rgb.transpose(_UPRIGHT[orientation])
    if orientation >= 5:
        width, height = height, width
    return Picture(rgb, width, height, format_, orientation, facts, notes)


def _packet_of(image: Image.Image) -> bytes:
    """Take the XMP packet out of a picture, before Pillow takes the orientation from it, as no browser does."""
    image.info.pop("XML:com.adobe.xmp", None)
    packet = image.info.pop("xmp", b"")
    return packet if isinstance(packet, bytes) else b""


def _loaded(image: Image.Image, data: bytes, detail: int | None, page: int, most_pixels: int) -> Image.Image:
    """Return the pixels, once it is sure that they fit into memory and time."""
    if detail:
        image.draft("RGB", (detail, detail))
    price = _DEARER.get(str(image.format), _WITH_ALPHA if image.mode in ("RGBA", "LA", "PA") else 1.0)
    if image.width * image.height * price > most_pixels:
        raise _too_many_pixels(image.width, image.height, int(most_pixels / price))
    is_slow = image.info.get("compression") in (1, 2) and image.format in ("BMP", "DIB")  # decoded in Python
    if is_slow and image.width * image.height > MOST_OF_A_SLOW_BMP:
        raise _too_many_pixels(image.width, image.height, MOST_OF_A_SLOW_BMP)
    if not tiff.is_plain(image):
        return tiff.read_page(data, page)
    clear = png.clear_pixels(image, data)
    image.load()
    if clear:
        image.info.pop("transparency")
        image.putalpha(clear)
    return image


def _flattened(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, str | None]:
    """Return the picture in mode RGB and in sRGB, and a note on its colour profile."""
    loaded, image = image, eight_bit(image)
    if image.mode == "RGB" and not profile and "transparency" not in image.info:
        return image.copy(), None  # most photos
    if image.mode not in ("RGB", "L", "CMYK", "LAB", "RGBA", "LA") or "transparency" in image.info:
        grey = image.mode in ("1", "L", "LA", "La")
        alpha = image.has_transparency_data
        image = image.convert(("LA" if alpha else "L") if grey else ("RGBA" if alpha else "RGB"))
    image, note = to_srgb(image, profile)
    image = on_ground(image) if image.mode == "RGBA" else image
    return (image.copy() if image is loaded else image), note


def _profile_of(image: Image.Image, data: bytes) -> bytes | None:
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


def _of_raw(data: bytes, detail: int | None) -> Picture:
    """Decode a camera's raw file: the JPEG inside it, else the sensor's data."""
    found = raw.developed(data)
    if isinstance(found, bytes):
        inside = _decoded(found, detail)
        facts = inside.facts if inside.facts.taken_at else raw.facts(data)
        return Picture(inside.rgb, inside.width, inside.height, "RAW", inside.orientation, facts, inside.notes)
    return Picture(found, found.width, found.height, "RAW", 1, raw.facts(data))


def _exif(image: Image.Image) -> Image.Exif:
    if len(image.info.get("exif", b"")) > _MOST_EXIF:
        return Image.Exif()
    try:
        return image.getexif()
    except Exception:  # noqa: BLE001 - broken metadata does not make the picture unreadable
        return Image.Exif()


@cache
def _formats() -> list[str]:
    try:
        import pi_heif
    except ImportError:
        return _FORMATS
    pi_heif.register_heif_opener()
    return [*_FORMATS, "HEIF"]


def _unidentified(data: bytes) -> UnreadableImage:
    if data.startswith((jpeg.START, png.SIGNATURE, bmp.SIGNATURE, *gif.STARTS, *tiff.STARTS)) or webp.is_webp(data):
        return UnreadableImage(Reason.DAMAGED, "no pixel can be read")
    if data[4:8] != b"ftyp" or data[8:12] not in _HEIC_BRANDS:
        return UnreadableImage(Reason.NOT_AN_IMAGE, "no image format that is known here")
    if "HEIF" in _formats():
        return UnreadableImage(Reason.DAMAGED, "HEIC that cannot be decoded")
    return UnreadableImage(Reason.UNSUPPORTED, "HEIC needs a package: pip install pi-heif")


def _too_many_pixels(width: int, height: int, limit: int) -> UnreadableImage:
    return UnreadableImage(Reason.TOO_LARGE, f"{width} x {height} pixels; the limit is {limit}")
