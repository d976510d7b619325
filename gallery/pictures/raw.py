"""Raw files of cameras: the picture that the camera embedded, or else one developed from the sensor's data."""

from io import BytesIO
from typing import Literal

from PIL import Image

from gallery.errors import Reason, UnreadableImage
from gallery.extras import install
from gallery.pictures.facts import Facts, facts_of

SUFFIXES = frozenset(
    f".{name}"
    for name in """3fr arw cr2 cr3 crw dcr dng erf iiq kdc mef mos mrw nef nrw orf pef raf raw rw2 rwl sr2 srf srw x3f
    """.split()  # noqa: SIM905 - a list of them would be 24 lines
)
LEAST_PREVIEW = 1000
"""From this many pixels of the longer side, the embedded picture is good enough."""
MOST_PIXELS = 60_000_000
"""The most pixels of a sensor whose data are developed here, at half the width and height."""
_STARTS = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"\0MRM", b"FOVb")
_CR3 = b"ftypcrx "
_DNG_VERSION = 50706
_RAW_PHOTOMETRIC = (32803, 34892)
_MOST_TAGS = 1000
_PHOTOMETRIC, _SUB_IFDS, _XMP = 262, 330, 700


def is_raw(data: bytes) -> bool:
    """Return whether a file is in a camera's raw format."""
    if data.startswith(_STARTS) or data[4:12] == _CR3 or data[8:10] == b"CR":
        return True
    return data[:4] in (b"II*\0", b"MM\0*") and _has_raw_directory(data)


def developed(data: bytes) -> tuple[bytes | Image.Image, tuple[int, int]]:
    """Return a raw file's embedded JPEG if it is large enough, or else an sRGB picture from the sensor's data.

    The full size of the upright picture is also returned, because sensor data are developed at half size.

    Raises:
        UnreadableImage: The package for raw files is not installed, or cannot read this one.
    """
    try:
        import rawpy
    except ImportError as error:
        raise UnreadableImage(Reason.UNSUPPORTED, f"raw files need a package: {install('raw')}") from error
    try:
        with rawpy.imread(BytesIO(data)) as file:
            try:
                preview = file.extract_thumb()
            except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError):
                preview = None
            sizes = file.sizes
            whole = (sizes.width, sizes.height) if sizes.flip < 5 else (sizes.height, sizes.width)
            if preview and preview.format == rawpy.ThumbFormat.JPEG and _is_large(bytes(preview.data)):
                return bytes(preview.data), whole
            pixels = sizes.raw_width * sizes.raw_height
            if pixels > MOST_PIXELS:
                raise UnreadableImage(Reason.TOO_LARGE, f"{pixels} pixels of a sensor; the limit is {MOST_PIXELS}")
            return Image.fromarray(file.postprocess(use_camera_wb=True, half_size=True)), whole
    except rawpy.LibRawError as error:
        raise UnreadableImage(Reason.DAMAGED, f"a raw file that cannot be read: {error}") from error


def facts(data: bytes) -> Facts:
    """Return the facts in a raw file of the TIFF family; none for others."""
    exif = Image.Exif()
    try:
        exif.load(data)
        packet = exif.get(_XMP)
        return facts_of(Image.new("RGB", (1, 1)), exif, packet if isinstance(packet, bytes) else b"")
    except Exception:  # noqa: BLE001 - broken metadata does not make the picture unreadable
        return Facts()


def _is_large(preview: bytes) -> bool:
    try:
        with Image.open(BytesIO(preview), formats=["JPEG"]) as image:
            return max(image.size) >= LEAST_PREVIEW
    except Exception:  # noqa: BLE001 - a broken preview: the sensor's data are developed then
        return False


def _has_raw_directory(data: bytes) -> bool:
    """Return whether one of a TIFF file's first directories, or one below them, holds a sensor's data."""
    order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"
    todo, seen = [int.from_bytes(data[4:8], order)], set[int]()
    while todo and len(seen) < 16:
        at = todo.pop()
        count = int.from_bytes(data[at : at + 2], order)
        if at in seen or not 0 < count < _MOST_TAGS:
            continue
        seen.add(at)
        for entry in range(at + 2, at + 2 + 12 * count, 12):
            tag, kind = (int.from_bytes(data[entry + n : entry + n + 2], order) for n in (0, 2))
            number, value = (int.from_bytes(data[entry + n : entry + n + 4], order) for n in (4, 8))
            short = int.from_bytes(data[entry + 8 : entry + 10], order) if kind == 3 else value
            if tag == _DNG_VERSION or (tag == _PHOTOMETRIC and short in _RAW_PHOTOMETRIC):
                return True
            if tag == _SUB_IFDS:
                where = (
                    [value]
                    if number == 1
                    else [int.from_bytes(data[value + 4 * n : value + 4 * n + 4], order) for n in range(min(number, 8))]
                )
                todo += where
    return False
