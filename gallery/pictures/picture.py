"""What a file becomes when it is decoded."""

from dataclasses import dataclass

from PIL import Image

from gallery.pictures.facts import Facts


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded image file, or a frame of a video.

    Attributes:
        rgb: The upright sRGB picture in mode RGB, transparent parts on a background; a large JPEG may be smaller than
            the file's (see `open_image`).
        width: Pixels of the whole upright picture.
        height: Pixels of the whole upright picture.
        format: Pillow's name for the file format, or `RAW`.
        orientation: The EXIF orientation that was applied, 1 to 8; 1 for a TIFF, which Pillow turns as it loads.
        facts: What the file says about it.
        notes: What a user should know about how it was read, such as `damaged: 38 % missing`.
        frame: For a frame of a video, the second at which it is shown.
    """

    rgb: Image.Image
    width: int
    height: int
    format: str
    orientation: int
    facts: Facts
    notes: tuple[str, ...] = ()
    frame: float | None = None
