"""TIFF files from scanners and scientific programs: decoded correctly, or an error."""

from io import BytesIO
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from gallery.errors import Reason, UnreadableImage
from gallery.pictures.decode import decode

GREY = np.linspace(0, 255, 48).round().astype(np.uint8).reshape(6, 8)
RGB = np.stack([GREY, GREY[::-1], GREY.T.reshape(6, 8)], axis=-1)


def written(values: NDArray[np.generic], **options: Any) -> bytes:  # noqa: ANN401 - of all sorts
    file = BytesIO()
    tifffile.imwrite(file, values, **options)
    return file.getvalue()


def shown(data: bytes) -> NDArray[np.int64]:
    return np.asarray(decode(data).rgb).astype(int)


@pytest.mark.parametrize(
    ("values", "options"),
    [
        (RGB, {"photometric": "rgb"}),
        (RGB.transpose(2, 0, 1).copy(), {"photometric": "rgb", "planarconfig": "separate"}),
        (RGB.astype(np.uint16) * 257, {"photometric": "rgb"}),
        (RGB.astype(np.uint16).transpose(2, 0, 1) * 257, {"photometric": "rgb", "planarconfig": "separate"}),
        (RGB.astype(np.uint16) * 257, {"photometric": "rgb", "byteorder": ">", "compression": "zlib"}),
        (RGB.astype(np.float32) / 255, {"photometric": "rgb"}),
        (RGB.astype(np.float64) / 255, {"photometric": "rgb"}),
        (RGB.astype(np.float16) / 255, {"photometric": "rgb"}),
    ],
)
def test_colours_of_any_depth_and_order(values: NDArray[np.generic], options: dict[str, object]) -> None:
    assert np.abs(shown(written(values, **options)) - RGB).max() <= 1


@pytest.mark.parametrize(
    ("values", "options"),
    [
        (GREY.astype(np.uint16) * 257, {}),
        (65535 - GREY.astype(np.uint16) * 257, {"photometric": "miniswhite"}),
        (255 - GREY, {"photometric": "miniswhite"}),
        (GREY.astype(np.uint32) * 16_843_009, {}),
        (GREY.astype(np.float32), {}),
        (GREY.astype(np.float64) / 255, {}),
    ],
)
def test_greys_of_any_depth_and_sign(values: NDArray[np.generic], options: dict[str, object]) -> None:
    found = shown(written(values, **options))
    assert np.abs(found - GREY[..., None]).max() <= 1


def test_a_smaller_version_that_comes_first_is_not_the_picture() -> None:
    large = Image.fromarray(np.kron(RGB, np.ones((10, 10, 1), np.uint8)))
    file = BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(np.asarray(large.resize((20, 15))), photometric="rgb", subfiletype=1)
        writer.write(np.asarray(large), photometric="rgb")
    found = decode(file.getvalue())
    assert (found.width, found.height) == large.size
    assert (np.asarray(found.rgb) == np.asarray(large)).all()


def test_of_several_pages_the_first_is_the_picture() -> None:
    file = BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(RGB, photometric="rgb")
        writer.write(255 - RGB, photometric="rgb")
    assert (shown(file.getvalue()) == RGB).all()


def test_a_volume_is_refused() -> None:
    data = written(np.zeros((16, 32, 32), np.uint16), volumetric=True, tile=(16, 16, 16))
    with pytest.raises(UnreadableImage) as caught:
        decode(data)
    assert caught.value.reason == Reason.UNSUPPORTED


NOISE = np.random.default_rng(0).integers(0, 256, (200, 150, 3), dtype=np.uint8)


@pytest.mark.parametrize("kept", [0.4, 0.75, 0.98])
@pytest.mark.parametrize("options", [{"compression": "zlib", "rowsperstrip": 4}, {"rowsperstrip": 4}, {}])
def test_a_cut_file_is_what_is_left_of_it(options: dict[str, object], kept: float) -> None:
    data = written(NOISE, photometric="rgb", **options)
    found = decode(data[: int(len(data) * kept)])
    there = int(200 * kept) - 10
    assert (np.asarray(found.rgb)[:there] == NOISE[:there]).all()
    (note,) = found.notes
    assert abs(int(note.split()[1]) - 100 * (1 - kept)) <= 5


def test_a_file_that_lacks_a_colour_is_refused() -> None:
    data = written(NOISE.transpose(2, 0, 1).copy(), photometric="rgb", planarconfig="separate")
    with pytest.raises(UnreadableImage) as caught:
        decode(data[: len(data) * 3 // 4])
    assert caught.value.reason == Reason.DAMAGED
