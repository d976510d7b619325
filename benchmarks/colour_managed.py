"""Files with colours in other spaces than sRGB, and how Chromium or Little CMS shows them."""

import base64
import io
import shutil
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from benchmarks.small import png, png_chunk, saved, saved_tiff
from gallery.pictures.profiles import profile_of_codes, profile_of_gamma

Colours = NDArray[np.uint8]
COLUMNS, ROWS, PATCH = 6, 4, 16
MOST_APART = 6
"""Out of 255. JPEG decoders differ by 2, and dark colours of wide spaces by up to 5, because Chromium rounds
differently."""
D65 = (0.3127, 0.329)
ADOBE = (D65, (0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
PROPHOTO = ((0.3457, 0.3585), (0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001))
SWAPPED = (D65, (0.30, 0.60), (0.15, 0.06), (0.64, 0.33))
FORMS: dict[str, dict[str, Any]] = {"JPEG": {"quality": 100, "subsampling": 0}, "PNG": {}, "WEBP": {"lossless": True}}
PROFILES: dict[str, bytes | None] = {
    "Display P3": profile_of_codes(12, 13),
    "BT.2020": profile_of_codes(9, 13),
    "gamma 2.2": profile_of_codes(1, 4),
    "gamma 2.8": profile_of_codes(1, 5),
    "linear": profile_of_codes(1, 8),
    "Adobe RGB": profile_of_gamma(256 / 563, ADOBE),
    "ProPhoto": profile_of_gamma(1 / 1.8, PROPHOTO),
    "channels swapped": profile_of_gamma(None, SWAPPED),
    "broken": b"\0\0\2\0nonsense" + bytes(500),
    "none": None,
}
CHUNKS: dict[str, dict[bytes, bytes]] = {
    "gAMA 1": {b"gAMA": struct.pack(">I", 100_000)},
    "gAMA 1/1.8": {b"gAMA": struct.pack(">I", 55_556)},
    "gAMA, cHRM of Adobe RGB": {
        b"gAMA": struct.pack(">I", 45_455),
        b"cHRM": struct.pack(">8I", *(round(100_000 * number) for point in ADOBE for number in point)),
    },
    "sRGB before gAMA": {b"sRGB": b"\0", b"gAMA": struct.pack(">I", 100_000)},
    "cICP Display P3": {b"cICP": bytes((12, 13, 0, 1))},
    "cICP BT.2020": {b"cICP": bytes((9, 13, 0, 1))},
    "cICP before gAMA": {b"cICP": bytes((12, 13, 0, 1)), b"gAMA": struct.pack(">I", 100_000)},
}


@dataclass(frozen=True, slots=True)
class ColourFile:
    """A file of patches, and Little CMS's result for them; None if the file has no readable profile."""

    name: str
    data: bytes
    by_lcms: Colours | None


def make_files(count: int, seed: int = 0) -> list[ColourFile]:
    """Make files of `COLUMNS` by `ROWS` patches of random colours, in all formats and ways of describing colours."""
    chance = np.random.default_rng(seed)
    ways: list[Callable[[Colours], ColourFile]] = [
        *(partial(_with_profile, form, name) for name in PROFILES for form in (*FORMS, "TIFF")),
        *(partial(_with_chunks, name, depth) for name in CHUNKS for depth in (8, 16)),
    ]
    drawn = (chance.integers(0, 256, (ROWS, COLUMNS, 3), dtype=np.uint8) for _ in range(count))
    return [ways[number % len(ways)](colours) for number, colours in enumerate(drawn)]


def patches(picture: Image.Image) -> Colours:
    """Return the colours in the middles of the patches, shape `(ROWS, COLUMNS, 3)`."""
    return np.asarray(picture)[PATCH // 2 :: PATCH, PATCH // 2 :: PATCH, :3]


def shown_by_chromium(files: Sequence[ColourFile]) -> list[Colours | None] | None:
    """Return the patches as Chromium shows them, None for an unknown format; None without Chromium."""
    where = shutil.which("chromium")
    if where is None:
        return None
    from playwright.sync_api import sync_playwright

    drawn = Path(__file__).with_name("drawn.js").read_text().partition("\n")[2]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=where, args=["--no-sandbox", "--force-color-profile=srgb"])
        page = browser.new_page()
        found = [page.evaluate(drawn, base64.b64encode(file.data).decode()) for file in files]
        browser.close()
    shape = (ROWS * PATCH, COLUMNS * PATCH, 4)
    return [
        patches(Image.fromarray(np.frombuffer(base64.b64decode(each), np.uint8).reshape(shape))) if each else None
        for each in found
    ]


def _picture(colours: Colours) -> Image.Image:
    return Image.fromarray(colours.repeat(PATCH, axis=0).repeat(PATCH, axis=1))


def _with_profile(form: str, name: str, colours: Colours) -> ColourFile:
    profile, picture = PROFILES[name], _picture(colours)
    if form == "TIFF":
        extra = [(34675, 7, len(profile), profile, True)] if profile else []
        data = saved_tiff(np.asarray(picture).astype(np.uint16) * 257, photometric="rgb", extratags=extra)
    else:
        data = saved(picture, form, icc_profile=profile or b"", **FORMS[form])
    return ColourFile(f"{form}, {name}", data, _by_lcms(colours, profile if name != "broken" else None))


def _with_chunks(name: str, depth: int, colours: Colours) -> ColourFile:
    rows = np.asarray(_picture(colours)).reshape(ROWS * PATCH, -1)
    raw = b"".join(b"\0" + row.repeat(depth // 8).tobytes() for row in rows)
    chunks = b"".join(png_chunk(kind, said) for kind, said in CHUNKS[name].items())
    data = png((COLUMNS * PATCH, ROWS * PATCH, depth, 2, 0), chunks, zlib.compress(raw))
    return ColourFile(f"PNG of {depth} bits, {name}", data, None)


def _by_lcms(colours: Colours, profile: bytes | None) -> Colours:
    if profile is None:
        return colours
    source, target = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
    done = ImageCms.profileToProfile(Image.fromarray(colours), source, target)
    assert done
    return np.asarray(done)


def compared(files: Sequence[ColourFile], read: Callable[[bytes], Image.Image]) -> tuple[list[str], int, int, int]:
    """Return the wrong files, how many were compared with Chromium and with Little CMS, and how far colours differ."""
    by_browser = shown_by_chromium(files) or [None] * len(files)
    truths = [shown if shown is not None else file.by_lcms for file, shown in zip(files, by_browser, strict=True)]
    apart = [
        (file.name, int(np.abs(patches(read(file.data)).astype(int) - truth.astype(int)).max()))
        for file, truth in zip(files, truths, strict=True)
        if truth is not None
    ]
    wrong = [f"{name}: {far} of 255 apart" for name, far in apart if far > MOST_APART]
    browsers = sum(shown is not None for shown in by_browser)
    return wrong, browsers, len(apart) - browsers, max(far for _, far in apart)
