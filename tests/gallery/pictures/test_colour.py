"""Colours of other spaces become sRGB: compared with Little CMS, and with what Chromium shows."""

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageCms

from gallery.pictures import Picture
from gallery.pictures.colour import BROKEN_PROFILE
from gallery.pictures.decode import decode
from gallery.pictures.profiles import profile_of_codes, profile_of_gamma

D65 = (0.3127, 0.329)
ADOBE = (D65, (0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
PROFILES = {
    "Display P3": profile_of_codes(12, 13),
    "BT.2020": profile_of_codes(9, 13),
    "Adobe RGB": profile_of_gamma(256 / 563, ADOBE),
    "linear": profile_of_codes(1, 8),
    "channels swapped": profile_of_gamma(None, (D65, (0.30, 0.60), (0.15, 0.06), (0.64, 0.33))),
}
DRAWN = np.random.default_rng(3).integers(0, 256, (8, 8, 3), dtype=np.uint8)


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    file = BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def png(row: bytes, width: int, depth: int, chunks: dict[str, bytes]) -> bytes:
    header = struct.pack(">IIBBBBB", width, 1, depth, 2, 0, 0, 0)
    parts = {"IHDR": header} | chunks | {"IDAT": zlib.compress(b"\0" + row), "IEND": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name.encode() + data + struct.pack(">I", zlib.crc32(name.encode() + data))
        for name, data in parts.items()
    )


def by_lcms(image: Image.Image, profile: bytes) -> NDArray[np.int64]:
    done = ImageCms.profileToProfile(image, ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.createProfile("sRGB"))
    return np.asarray(done).astype(int)


def values(picture: Picture) -> NDArray[np.int64]:
    return np.asarray(picture.rgb).astype(int)


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF", "deep TIFF"])
def test_a_profile_is_applied_as_little_cms_does(form: str, name: str) -> None:
    profile = PROFILES[name]
    assert profile
    if form == "deep TIFF":
        file = BytesIO()
        tags = [(34675, 7, len(profile), profile, True)]
        tifffile.imwrite(file, DRAWN.astype(np.uint16) * 257, photometric="rgb", extratags=tags)
        data = file.getvalue()
    else:
        options = {"lossless": True} if form == "WEBP" else {}
        data = saved(Image.fromarray(DRAWN), form, icc_profile=profile, **options)
    assert np.abs(values(decode(data)) - by_lcms(Image.fromarray(DRAWN), profile)).max() <= 1


def test_the_red_of_a_telephone_is_as_chromium_shows_it() -> None:
    data = saved(Image.new("RGB", (8, 8), (201, 40, 30)), "PNG", icc_profile=PROFILES["Display P3"])
    assert np.abs(values(decode(data))[0, 0] - (219, 0, 4)).max() <= 1


def test_transparency_outlives_a_profile() -> None:
    image = Image.new("RGBA", (2, 1), (201, 40, 30, 255))
    image.putpixel((1, 0), (0, 0, 0, 0))
    found = values(decode(saved(image, "PNG", icc_profile=PROFILES["Display P3"])))[0]
    assert np.abs(found - [(219, 0, 4), (255, 255, 255)]).max() <= 1


@pytest.mark.parametrize("profile", [b"no profile", bytes(600), (PROFILES["linear"] or b"")[:200]])
def test_a_broken_profile_is_ignored_with_a_note(profile: bytes) -> None:
    found = decode(saved(Image.fromarray(DRAWN), "PNG", icc_profile=profile))
    assert (values(found) == DRAWN).all()
    assert found.notes == (BROKEN_PROFILE,)


def test_a_profile_of_another_space_is_ignored_with_a_note() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert decode(saved(Image.fromarray(DRAWN), "PNG", icc_profile=lab)).notes == (BROKEN_PROFILE,)


@pytest.mark.parametrize(
    ("chunks", "stored", "shown"),
    [
        ({"gAMA": struct.pack(">I", 100_000)}, (55, 128, 255), (128, 188, 255)),  # light as it is
        ({"gAMA": struct.pack(">I", 45_455)}, (55, 128, 255), (55, 128, 255)),
        ({"sRGB": b"\0", "gAMA": struct.pack(">I", 100_000)}, (55, 128, 255), (55, 128, 255)),
        ({"cICP": bytes((12, 13, 0, 1)), "gAMA": struct.pack(">I", 100_000)}, (201, 40, 30), (219, 0, 4)),
        ({"cICP": bytes((1, 13, 0, 1)), "gAMA": struct.pack(">I", 100_000)}, (55, 128, 255), (55, 128, 255)),
        ({"gAMA": bytes(4)}, (55, 128, 255), (55, 128, 255)),
        ({"gAMA": struct.pack(">I", 45_455), "cHRM": bytes(32)}, (55, 128, 255), (55, 128, 255)),
    ],
)
@pytest.mark.parametrize("depth", [8, 16])
def test_what_a_png_says_in_numbers_counts(
    chunks: dict[str, bytes], stored: tuple[int, ...], shown: tuple[int, ...], depth: int
) -> None:
    row = b"".join(bytes([value]) * (depth // 8) for value in stored)
    assert np.abs(values(decode(png(row, 1, depth, chunks)))[0, 0] - shown).max() <= 1


def test_a_clear_colour_of_sixteen_bits_is_compared_in_all_of_them() -> None:
    clear, near = b"\x10\x01\x20\x02\x30\x03", b"\x10\x01\x20\x02\x30\x04"
    assert values(decode(png(clear + near, 2, 16, {"tRNS": clear})))[0].tolist() == [[255] * 3, [16, 32, 48]]


@pytest.mark.parametrize(("drawing", "ground"), [(255, 0), (230, 0), (0, 255), (120, 255)])
def test_the_ground_lets_the_drawing_be_seen(drawing: int, ground: int) -> None:
    image = Image.new("RGBA", (40, 40), (drawing, drawing, drawing, 0))
    image.paste((drawing, drawing, drawing, 255), (10, 10, 30, 30))
    found = values(decode(saved(image, "PNG")))
    assert (found[0, 0] == ground).all()
    assert (found[20, 20] == drawing).all()
