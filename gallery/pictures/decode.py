"""Turns the bytes of a file into an upright sRGB picture."""

from dataclasses import replace
from functools import cache, partial
from io import BytesIO

from PIL import ExifTags, Image, JpegImagePlugin, UnidentifiedImageError

from gallery.errors import Reason, UnreadableImage
from gallery.extras import install
from gallery.pictures import bmp, gif, jpeg, png, raw, tiff, webp
from gallery.pictures.facts import facts_of
from gallery.pictures.flattening import UPRIGHT, flattened, profile_of
from gallery.pictures.picture import Picture
from gallery.pictures.salvage import damage, salvaged

MAX_PIXELS = 2**28
"""The most pixels that a header may claim; JPEGs from 200-megapixel cameras pass, as they are decoded at a reduced
scale."""
MAX_DECODED_PIXELS = 100_000_000
"""The most pixels that may be decoded, in formats that take 4 bytes per pixel."""
_DEARER = {"WEBP": 2, "AVIF": 1.5, "HEIF": 1.5}
"""How many times more memory these formats take while they are decoded."""
_WITH_ALPHA = 1.8
"""How many times more memory transparency takes."""
MOST_OF_A_SLOW_BMP = 2**22
_MOST_EXIF = 2**17
"""The most bytes of EXIF that are read: its entries may overlap, so their total can grow quadratically."""

_FORMATS = ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "DIB", "AVIF"]
_NAMES = {"MPO": "JPEG", "DIB": "BMP"}
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def decode(data: bytes, detail: int | None = None, most_pixels: int = MAX_DECODED_PIXELS) -> Picture:
    """Decode the bytes of a file in this process, at any cost; see `open_image`.

    `most_pixels` is a limit for formats that take 4 bytes for each pixel; others have a lower one.

    Raises:
        UnreadableImage: It cannot be decoded; with the reason.
    """
    try:
        if raw.is_raw(data):
            return _of_raw(data, detail)
        try:
            return _decoded(data, detail, most_pixels)
        except (UnreadableImage, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - the parsers of nine formats raise whatever they trip over
            return salvaged(data, partial(_decoded, detail=detail), error)
    except UnreadableImage:
        raise
    except UnidentifiedImageError as error:
        raise _unidentified(data) from error
    except MemoryError as error:  # perhaps because other work needs it: try again later
        raise UnreadableImage(Reason.IO_ERROR, "not enough memory") from error
    except Exception as error:
        raise UnreadableImage(Reason.DAMAGED, f"{type(error).__name__}: {error}") from error


def _opened(data: bytes) -> Image.Image:
    Image.MAX_IMAGE_PIXELS = None  # Pillow's own guard only warns, and is lower for JPEGs
    image = Image.open(BytesIO(data), formats=_formats(data))
    if image.width * image.height > MAX_PIXELS:
        raise _too_many_pixels(image.width, image.height, MAX_PIXELS)
    if isinstance(image, JpegImagePlugin.JpegImageFile) and not jpeg.is_cheap(data):
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
        data: A file's bytes.
        detail: As for `open_image`.
        most_pixels: As for `decode`.
        missing: The share of the picture that a damaged file lacks; None if that can only be seen by decoding it.
        profile: The ICC profile of the colours, if the file was made out of one that has it.
    """
    image = _opened(data)
    width, height = image.size
    packet = _packet_of(image)
    page = tiff.main_page(image)
    if page:
        image.seek(page)
        width, height = image.size
    profile = profile or profile_of(image, data)
    loaded = _loaded(image, data, detail, page, most_pixels)
    packet = packet or _packet_of(image)  # metadata can follow the pixels in PNG files
    stored = loaded.size
    exif = _exif(image)  # after loading, as Pillow turns a TIFF itself and updates this
    facts = facts_of(image, exif, packet)
    format_ = _NAMES.get(str(image.format), str(image.format))
    rgb, note = flattened(loaded, profile)
    if rgb is image and image.format != "JPEG":
        rgb = image.copy()  # images of other formats keep the file's bytes
    if rgb is not image:
        image.close()  # turning a picture needs a second one in memory; this would be a third
    del loaded
    orientation = exif.get(ExifTags.Base.Orientation)
    orientation = int(orientation) if orientation in UPRIGHT else 1
    notes = (note,) if note else ()
    if missing is None:
        missing = jpeg.missing_share(rgb)
        if missing == 1:
            raise UnreadableImage(Reason.DAMAGED, "no pixel can be read")
    if missing:
        notes = (*notes, damage(missing))
    if format_ == "TIFF":
        width, height = stored  # Pillow may have turned it
    if orientation > 1:
        rgb = rgb.transpose(UPRIGHT[orientation])
    if orientation >= 5:
        width, height = height, width
    return Picture(rgb, width, height, format_, orientation, facts, notes)


def _packet_of(image: Image.Image) -> bytes:
    """Remove the XMP packet from a picture, because Pillow would take the orientation from it, as no browser does."""
    image.info.pop("XML:com.adobe.xmp", None)
    packet = image.info.pop("xmp", b"")
    return packet if isinstance(packet, bytes) else b""


def _loaded(image: Image.Image, data: bytes, detail: int | None, page: int, most_pixels: int) -> Image.Image:
    """Return the pixels, after checking that decoding them fits the limits of memory and time."""
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


def _of_raw(data: bytes, detail: int | None) -> Picture:
    """Decode a camera's raw file: its embedded JPEG, or else the sensor's data."""
    found, whole = raw.developed(data)
    facts = raw.facts(data)
    if isinstance(found, bytes):
        inside = _decoded(found, detail)
        return replace(inside, format="RAW", facts=inside.facts if inside.facts.taken_at else facts)
    return Picture(found, *whole, format="RAW", orientation=1, facts=facts)


def _exif(image: Image.Image) -> Image.Exif:
    if len(image.info.get("exif", b"")) > _MOST_EXIF:
        return Image.Exif()
    try:
        return image.getexif()
    except Exception:  # noqa: BLE001 - broken metadata does not make the picture unreadable
        return Image.Exif()


def _formats(data: bytes) -> list[str]:
    return [*_FORMATS, "HEIF"] if data[4:8] == b"ftyp" and _reads_heic() else _FORMATS


@cache
def _reads_heic() -> bool:
    try:
        import pi_heif
    except ImportError:
        return False
    pi_heif.register_heif_opener()
    return True


def _unidentified(data: bytes) -> UnreadableImage:
    if data.startswith((jpeg.START, png.SIGNATURE, bmp.SIGNATURE, *gif.STARTS, *tiff.STARTS)) or webp.is_webp(data):
        return UnreadableImage(Reason.DAMAGED, "no pixel can be read")
    if data[4:8] != b"ftyp" or data[8:12] not in _HEIC_BRANDS:
        return UnreadableImage(Reason.NOT_AN_IMAGE, "not a known image format")
    if _reads_heic():
        return UnreadableImage(Reason.DAMAGED, "HEIC that cannot be decoded")
    return UnreadableImage(Reason.UNSUPPORTED, f"HEIC needs a package: {install('heic')}")


def _too_many_pixels(width: int, height: int, limit: int) -> UnreadableImage:
    return UnreadableImage(Reason.TOO_LARGE, f"{width} x {height} pixels; the limit is {limit}")
