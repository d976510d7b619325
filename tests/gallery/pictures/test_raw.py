"""Raw files of cameras, drawn as DNG."""

from io import BytesIO

import numpy as np
import pytest
import tifffile
from PIL import Image

from gallery.errors import Reason, UnreadableImage
from gallery.pictures.decode import decode
from gallery.pictures.raw import is_raw

pytest.importorskip("rawpy")
WIDTH, HEIGHT = 640, 480
_ONE, _ZERO = (1, 1), (0, 1)
IDENTITY = (*_ONE, *_ZERO, *_ZERO, *_ZERO, *_ONE, *_ZERO, *_ZERO, *_ZERO, *_ONE)


def dng(orientation: int = 1) -> bytes:
    """Return a raw file, red above and blue below, of a sensor whose colours are those of XYZ."""
    sensor = np.full((HEIGHT, WIDTH), 300, np.uint16)
    sensor[0 : HEIGHT // 2 : 2, 0::2] = 3000
    sensor[HEIGHT // 2 + 1 :: 2, 1::2] = 3000
    tags = [
        (271, 2, 0, "Maker", True),
        (272, 2, 0, "Drawn", True),
        (274, 3, 1, orientation, True),
        (306, 2, 20, "2021:05:06 07:08:09", True),
        (33421, 3, 2, (2, 2), True),
        (33422, 1, 4, bytes((0, 1, 1, 2)), True),
        (50706, 1, 4, bytes((1, 4, 0, 0)), True),
        (50708, 2, 0, "Drawn", True),
        (50717, 4, 1, 4095, True),
        (50721, 10, 9, IDENTITY, True),
        (50728, 5, 3, (1, 1) * 3, True),
        (50778, 3, 1, 21, True),
    ]
    file = BytesIO()
    tifffile.imwrite(file, sensor, photometric=32803, extratags=tags, metadata=None, software=None)
    return file.getvalue()


def test_a_raw_file_is_developed_and_says_what_its_camera_wrote() -> None:
    assert is_raw(dng())
    found = decode(dng(), 200)
    assert (found.format, found.width, found.height) == ("RAW", WIDTH, HEIGHT)
    assert (found.facts.camera, found.facts.taken_at) == ("Maker Drawn", "2021-05-06T07:08:09")
    pixels = np.asarray(found.rgb).astype(int)
    above, below = pixels[len(pixels) // 4].mean(axis=0), pixels[len(pixels) * 3 // 4].mean(axis=0)
    assert above[0] > above[2] + 50
    assert below[2] > below[0] + 50


def test_a_raw_file_of_a_turned_camera_is_upright() -> None:
    found = decode(dng(orientation=6), 200)
    assert (found.width, found.height) == (HEIGHT, WIDTH)
    assert found.rgb.width < found.rgb.height


def test_a_damaged_raw_file_is_damaged() -> None:
    with pytest.raises(UnreadableImage) as caught:
        decode(dng()[:2000])
    assert caught.value.reason == Reason.DAMAGED


def test_a_plain_tiff_is_not_raw() -> None:
    file = BytesIO()
    Image.new("RGB", (9, 9)).save(file, "TIFF")
    assert not is_raw(file.getvalue())
