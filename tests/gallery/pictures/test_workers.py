"""Costly files are decoded in processes with limits."""

import os
import struct
import threading
import zlib
from collections.abc import Iterator
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from gallery.errors import Reason, UnreadableImage
from gallery.pictures import open_image
from gallery.pictures.cost import is_cheap
from gallery.pictures.decode import decode
from gallery.pictures.workers import Workers

PHOTO = Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8))


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    file = BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def with_segments(count: int, part: bytes = b"\xff\xec\0\2") -> bytes:
    data = saved(PHOTO, "JPEG")
    return data[:2] + part * count + data[2:]


def with_scans(side: int, count: int) -> bytes:
    data = saved(Image.new("L", (side, side), 90), "JPEG", progressive=True)
    return data[:-2] + data[data.rindex(b"\xff\xda") : -2] * count + b"\xff\xd9"


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    made = Workers()
    yield made
    made.close()


@pytest.mark.parametrize("form", ["TIFF", "AVIF", "PNG", "JPEG"])
def test_a_process_decodes_as_this_one_does(workers: Workers, form: str) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Maker", 6
    exif.get_ifd(0x8769)[0x9003] = "2021:05:06 07:08:09"
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 30.0, 0.0), 3: "E", 4: (9.0, 0.0, 0.0)})
    data = saved(PHOTO, form, exif=exif.tobytes())
    here, there = decode(data), workers.decode(data, None)
    assert here.rgb.tobytes() == there.rgb.tobytes()
    for name in ("width", "height", "format", "orientation", "facts", "notes"):
        assert getattr(here, name) == getattr(there, name), name
    assert here.facts.location == (48.5, 9.0)


def test_an_error_of_a_process_is_that_of_the_decoder(workers: Workers) -> None:
    for data in (b"a text", saved(PHOTO, "AVIF")[:400]):
        with pytest.raises(UnreadableImage) as here:
            decode(data)
        with pytest.raises(UnreadableImage) as there:
            workers.decode(data, None)
        assert (there.value.reason, there.value.detail) == (here.value.reason, here.value.detail)


def test_what_takes_too_long_is_too_large_and_the_next_file_is_decoded() -> None:
    workers = Workers(seconds=1)
    with pytest.raises(UnreadableImage, match="more than 1 s") as caught:
        workers.decode(with_segments(4_000_000), None)
    assert caught.value.reason == Reason.TOO_LARGE
    assert workers.decode(saved(PHOTO, "PNG"), None).width == 40
    workers.close()


def test_what_waits_too_long_is_tried_again_another_time() -> None:
    workers = Workers(waited=0.5)
    with pytest.raises(UnreadableImage) as caught:
        workers.decode(with_segments(4_000_000), None)
    assert not caught.value.reason.lasting
    workers.close()


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="memory is bounded on Linux alone")  # noqa: PTH110
def test_what_takes_too_much_memory_is_too_large() -> None:
    workers = Workers(memory=50_000_000)
    with pytest.raises(UnreadableImage) as caught:
        workers.decode(saved(Image.new("RGB", (6000, 5000)), "PNG"), None)
    assert caught.value.reason == Reason.TOO_LARGE
    workers.close()


def test_a_huge_picture_comes_back_at_no_less_than_twice_the_detail(workers: Workers) -> None:
    found = workers.decode(saved(Image.new("RGB", (6000, 5000), "red"), "PNG"), 448)
    assert (found.width, found.height, found.rgb.size) == (6000, 5000, (1200, 1000))
    assert found.rgb.getpixel((600, 500)) == (255, 0, 0)


def test_several_threads_share_the_processes(workers: Workers) -> None:
    data = saved(PHOTO, "TIFF")
    widths: list[int] = []
    threads = [threading.Thread(target=lambda: widths.append(workers.decode(data, None).width)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert widths == [40] * 8


@pytest.mark.parametrize(
    "data",
    [
        saved(Image.new("L", (6000, 4000)), "JPEG"),
        saved(Image.new("L", (4000, 3000)), "JPEG", progressive=True),
        saved(Image.new("L", (5000, 4000)), "PNG"),
        saved(Image.new("RGB", (4000, 3000)), "WEBP", method=0),
        saved(Image.new("RGB", (4000, 3000)), "WEBP", lossless=True, method=0),
        saved(Image.new("P", (800, 600)), "GIF"),
        saved(Image.new("L", (4000, 3000)), "BMP"),
        b"a text",
        b"",
    ],
)
def test_ordinary_pictures_are_decoded_in_this_process(data: bytes) -> None:
    assert is_cheap(data)


@pytest.mark.parametrize(
    "data",
    [
        with_scans(4000, 60),
        saved(Image.new("L", (8000, 5000)), "JPEG", progressive=True),
        with_segments(300_000),
        with_segments(300_000, b"\xff"),
        with_segments(2, b"\xff\xe1\0\x0aExif\0\0\0\0"),
        saved(Image.new("L", (6000, 5000)), "PNG"),
        saved(Image.new("L", (9, 9)), "PNG")[:33] + chunk(b"abCd") * 30_000,
        saved(Image.new("RGB", (6000, 5000)), "WEBP", lossless=True, method=0),
        saved(Image.new("P", (6000, 5000)), "GIF"),
        saved(Image.new("L", (6000, 5000)), "BMP"),
        saved(PHOTO, "TIFF"),
        saved(PHOTO, "AVIF"),
        b"II+\0",
        b"FUJIFILMCCD-RAW",
    ],
)
def test_costly_ones_are_not(data: bytes) -> None:
    assert not is_cheap(data)


def test_scans_beyond_what_can_be_paid_for_are_left_out() -> None:
    found = open_image(with_scans(2000, 600), 448)
    assert found.rgb.size == (500, 500)
