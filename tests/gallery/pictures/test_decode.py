import os
import struct
import sys
import zlib
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from itertools import islice
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageFile

from gallery.errors import BadInput, Reason, UnreadableImage
from gallery.pictures import Picture, find_images, open_image, read_file
from gallery.pictures.decode import _reads_heic, decode
from gallery.records import ImageFile as Found

FORMATS = ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"]
NOISE = Image.fromarray(np.random.default_rng(1).integers(0, 256, (40, 50, 3), dtype=np.uint8))
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0\0\1\0meta" + bytes(99)
DATE, OFFSET = ExifTags.Base.DateTimeOriginal, ExifTags.Base.OffsetTimeOriginal
not_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")


def saved(image: Image.Image, format: str, **options: object) -> bytes:
    file = BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def red_corner(width: int, height: int) -> Image.Image:
    image = Image.new("RGB", (width, height), "blue")
    image.paste("red", (0, 0, width // 2, height // 2))
    return image


def exif(tags: dict[int, object], details: dict[int, object] | None = None) -> bytes:
    made = Image.Exif()
    made.update(tags)
    made.get_ifd(ExifTags.IFD.Exif).update(details or {})
    return made.tobytes()


def pixels(source: bytes) -> list[list[int]]:
    """Return the first row."""
    found: list[list[int]] = np.asarray(open_image(source).rgb)[0].tolist()
    return found


def reason(source: str | bytes, read: Callable[..., Picture] = open_image, **options: int) -> Reason:
    with pytest.raises(UnreadableImage) as caught:
        read(source, **options)
    return caught.value.reason


def png(width: int, height: int, depth: int = 8, kind: int = 0, **chunks: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    parts = [(name.encode(), data) for name, data in ({"IHDR": header} | chunks | {"IEND": b""}).items()]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The formats of the pictures that Pillow started to decode."""
    begun: list[str | None] = []
    prepare = ImageFile.ImageFile.load_prepare

    def noted(self: ImageFile.ImageFile) -> None:
        begun.append(self.format)
        prepare(self)

    monkeypatch.setattr(ImageFile.ImageFile, "load_prepare", noted)
    return begun


@pytest.mark.parametrize("format", FORMATS)
def test_the_content_tells_the_format_whatever_the_name(tmp_path: Path, format: str) -> None:
    path = tmp_path / "picture.txt"
    path.write_bytes(saved(Image.new("RGB", (32, 16), (200, 100, 50)), format))
    found = open_image(str(path))
    assert (found.format, found.width, found.height, found.orientation) == (format, 32, 16, 1)
    assert (found.rgb.mode, found.rgb.size, found.facts.camera, found.facts.taken_at) == ("RGB", (32, 16), None, None)
    assert np.abs(np.asarray(found.rgb).astype(int) - (200, 100, 50)).max() <= 4


@pytest.mark.parametrize("format", FORMATS)
def test_one_pixel_is_a_picture(format: str) -> None:
    found = open_image(saved(Image.new("RGB", (1, 1)), format), 448)
    assert (found.rgb.size, found.width, found.height) == ((1, 1), 1, 1)


def test_a_jpeg_with_several_pictures_is_a_jpeg() -> None:
    found = open_image(saved(red_corner(64, 32), "MPO", save_all=True, append_images=[NOISE]))
    assert (found.format, found.rgb.size) == ("JPEG", (64, 32))


@pytest.mark.parametrize("detail", [None, 8])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
@pytest.mark.parametrize(("orientation", "corner"), [*enumerate(["tl", "tr", "br", "bl"] * 2, 1)])
def test_a_rotated_photo_comes_out_upright(format: str, orientation: int, corner: str, detail: int | None) -> None:
    tags = exif({ExifTags.Base.Orientation: orientation})
    found = open_image(saved(red_corner(64, 32), format, exif=tags), detail)
    width, height = (64, 32) if orientation < 5 else (32, 64)
    applied = 1 if format == "TIFF" else orientation  # Pillow turns a TIFF itself
    assert (found.width, found.height, found.orientation) == (width, height, applied)
    scale = 4 if detail and format == "JPEG" else 1
    assert found.rgb.size == (width // scale, height // scale)
    corners = np.asarray(found.rgb.resize((4, 4), Image.Resampling.NEAREST))[::3, ::3, 0].reshape(4)
    assert [name for name, red in zip(["tl", "tr", "bl", "br"], corners, strict=True) if red > 127] == [corner]


@pytest.mark.parametrize("number", [(11, struct.pack("<f", 6)), (5, struct.pack("<III", 26, 6, 1))])
def test_an_orientation_in_another_type_of_number_is_an_int(number: tuple[int, bytes]) -> None:
    kind, value = number
    tags = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHI", 0x112, kind, 1) + value[:4] + bytes(4) + value[4:]
    found = open_image(saved(red_corner(64, 32), "JPEG", exif=tags))
    assert (type(found.orientation), found.orientation, found.width) == (int, 6, 32)


def clear_and_red(mode: str) -> Image.Image:
    """A transparent black pixel, a half transparent one and a red (or grey) one."""
    image = Image.new("RGBA", (3, 1))
    image.putdata([(0, 0, 0, 0), (0, 0, 0, 128), (255, 0, 0, 255)])
    return image.convert(mode)


@pytest.mark.parametrize(
    ("data", "row"),
    [
        (saved(clear_and_red("RGBA"), "PNG"), [255, 127, (255, 0, 0)]),
        (saved(clear_and_red("RGBA"), "TIFF"), [255, 127, (255, 0, 0)]),
        (saved(clear_and_red("RGBA"), "WEBP", lossless=True, exact=True), [255, 127, (255, 0, 0)]),
        (saved(clear_and_red("LA"), "PNG"), [255, 127, 76]),
        (png(2, 1, 8, 3, PLTE=b"\0\0\0\xff\0\0", tRNS=b"\0", IDAT=zlib.compress(b"\0\0\1")), [255, (255, 0, 0)]),
        (png(2, 1, 8, 2, tRNS=bytes(6), IDAT=zlib.compress(b"\0\0\0\0\1\2\3")), [255, (1, 2, 3)]),
        (png(2, 1, 8, 0, tRNS=bytes(2), IDAT=zlib.compress(b"\0\0\x64")), [255, 100]),
        (png(2, 1, 16, 0, tRNS=bytes(2), IDAT=zlib.compress(b"\0\0\0\x80\0")), [255, 128]),
        (saved(Image.frombytes("L", (2, 1), b"\0\x64"), "GIF", transparency=0), [255, 100]),
    ],
    ids=["RGBA", "TIFF", "WebP", "LA", "palette", "RGB", "L", "16-bit", "GIF"],
)
def test_a_transparent_black_pixel_comes_out_white(data: bytes, row: list[int | tuple[int, int, int]]) -> None:
    assert pixels(data) == [[value] * 3 if isinstance(value, int) else list(value) for value in row]


@pytest.mark.parametrize(
    ("format", "row"),
    [
        ("PNG", np.array([0, 32768, 65535], np.uint16)),
        ("TIFF", np.array([0, 32768, 65535], np.uint16)),
        ("TIFF", np.array([-9, 32768, 65535], np.int32)),
        ("TIFF", np.array([0, 128, 255], np.int32)),
        ("TIFF", np.array([0, 2**30, 2**31 - 2], np.int32)),
        ("TIFF", np.array([0, 0.5, 1], np.float32)),
        ("TIFF", np.array([np.nan, 128, 255], np.float32)),
    ],
)
def test_deep_grey_is_scaled_to_eight_bits(format: str, row: np.ndarray) -> None:
    assert pixels(saved(Image.fromarray(row[None]), format)) == [[0] * 3, [128] * 3, [255] * 3]


def test_a_dark_picture_of_sixteen_bits_stays_dark() -> None:
    assert pixels(saved(Image.fromarray(np.array([[0, 200]], np.uint16)), "PNG")) == [[0] * 3, [1] * 3]


@pytest.mark.parametrize(
    ("image", "format", "colour"),
    [
        (Image.new("RGB", (8, 8), "red").quantize(2), "PNG", (255, 0, 0)),
        (Image.new("RGB", (8, 8), "red").quantize(2), "BMP", (255, 0, 0)),
        (Image.new("1", (8, 8), 1), "PNG", (255, 255, 255)),
        (Image.new("1", (8, 8), 1), "TIFF", (255, 255, 255)),
        (Image.new("L", (8, 8), 100), "JPEG", (100, 100, 100)),
        (Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", (255, 0, 0)),
        (Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "TIFF", (255, 0, 0)),
    ],
)
def test_every_mode_comes_out_as_rgb(image: Image.Image, format: str, colour: tuple[int, int, int]) -> None:
    assert np.abs(np.array(pixels(saved(image, format))) - colour).max() <= 2


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_an_animation_is_its_first_frame(format: str) -> None:
    first, second = (Image.new("RGB", (8, 8), colour) for colour in ("red", "blue"))
    red, _, blue = pixels(saved(first, format, save_all=True, append_images=[second]))[0]
    assert red > 240
    assert blue < 15


@pytest.mark.parametrize(
    ("detail", "size"),
    [(None, (4000, 3000)), (1501, (4000, 3000)), (1500, (2000, 1500)), (448, (1000, 750)), (9, (500, 375))],
)
def test_a_large_jpeg_is_decoded_no_larger_than_needed(detail: int | None, size: tuple[int, int]) -> None:
    found = open_image(saved(Image.new("L", (4000, 3000)), "JPEG"), detail)
    assert (found.rgb.size, found.width, found.height) == (size, 4000, 3000)


@pytest.mark.parametrize(
    "data",
    [
        png(60000, 60000),
        saved(NOISE, "JPEG").replace(struct.pack(">HH", 40, 50), struct.pack(">HH", 60000, 60000)),
        b"GIF89a" + struct.pack("<HH", 60000, 60000) + saved(NOISE, "GIF")[10:],
        saved(NOISE, "BMP")[:18] + struct.pack("<ii", 60000, 60000) + saved(NOISE, "BMP")[26:],
    ],
    ids=["PNG", "JPEG", "GIF", "BMP"],
)
def test_a_header_that_claims_too_much_is_refused_before_decoding(data: bytes, loads: list[str | None]) -> None:
    with pytest.raises(UnreadableImage, match="60000 x 60000 pixels") as caught:
        open_image(data, 448)
    assert (caught.value.reason, loads) == (Reason.TOO_LARGE, [])


@pytest.mark.parametrize("format", FORMATS)
def test_what_would_take_too_much_memory_is_never_decoded(format: str, loads: list[str | None]) -> None:
    data = saved(NOISE, format)
    price = {"WEBP": 2, "AVIF": 1.5}.get(format, 1)  # in memory, compared with others
    assert (reason(data, decode, most_pixels=int(2000 * price) - 1), loads) == (Reason.TOO_LARGE, [])
    assert decode(data, most_pixels=int(2000 * price)).width == 50


def test_a_jpeg_above_the_limit_is_decoded_at_a_reduced_scale() -> None:
    assert decode(saved(NOISE, "JPEG"), 20, most_pixels=1999).rgb.size == (25, 20)


@pytest.mark.parametrize("kept", [0.5, 0.75, 0.99])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "BMP"])
def test_a_truncated_picture_is_what_is_left_of_it(format: str, kept: float) -> None:
    photo = Image.fromarray(np.random.default_rng(1).integers(0, 256, (400, 300, 3), dtype=np.uint8))
    data = saved(photo, format)
    found = open_image(data[: int(len(data) * kept)])
    whole, left = np.asarray(open_image(data).rgb), np.asarray(found.rgb)
    there = int(400 * kept) - 32
    rows = slice(400 - there, None) if format == "BMP" else slice(there)  # from the bottom up
    assert (left[rows] == whole[rows]).all()
    note = "".join(found.notes)  # none for what is less than a row
    missing = int(note.removeprefix("damaged: ").removesuffix(" % missing") or 0)
    assert abs(missing - 100 * (1 - kept)) <= 5


@pytest.mark.parametrize("form", [{}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_rows": 1}])
@pytest.mark.parametrize("lost", [1, 2, 3])
def test_a_jpeg_without_its_last_bytes_is_whole(form: dict[str, object], lost: int) -> None:
    data = saved(red_corner(64, 48), "JPEG", **form)
    found = open_image(data[:-lost])
    assert np.abs(np.asarray(found.rgb)[:40].astype(int) - np.asarray(open_image(data).rgb)[:40]).max() <= 2


@pytest.mark.parametrize("format", ["JPEG", "PNG", "BMP"])
def test_a_header_without_a_pixel_is_damaged(format: str) -> None:
    data = saved(NOISE, format, **({"quality": 5} if format == "JPEG" else {}))
    start = {"JPEG": data.find(b"\xff\xda"), "PNG": data.find(b"IDAT") - 4, "BMP": 54}[format]
    assert reason(data[:start]) == Reason.DAMAGED


def test_a_damaged_header_that_claims_too_much_is_not_repaired() -> None:
    data = bytearray(png(60_000, 60_000, IDAT=zlib.compress(bytes(99)), pHYs=bytes(9)))
    data[data.index(b"pHYs") + 13] ^= 1  # its checksum
    assert reason(bytes(data)) in (Reason.DAMAGED, Reason.TOO_LARGE)


def test_a_deflated_tiff_with_a_flipped_byte_is_damaged() -> None:
    data = bytearray(saved(NOISE, "TIFF", compression="tiff_adobe_deflate"))
    data[len(data) // 2] ^= 255
    assert reason(bytes(data)) == Reason.DAMAGED


@pytest.mark.filterwarnings("ignore:::PIL")
@pytest.mark.parametrize("format", FORMATS)
def test_no_bytes_raise_anything_but_unreadable_image(format: str) -> None:
    good, dice = saved(NOISE, format, exif=exif({ExifTags.Base.Make: "Canon"}, {DATE: "?"})), np.random.default_rng(7)
    for case in range(30):
        data = bytearray(good)
        for place in dice.integers(0, [len(data), 200, 200], 3):
            data[place] = dice.integers(256)
        try:
            found = decode(bytes(data[: dice.integers(len(data))] if case % 2 else data), most_pixels=10**6)
        except UnreadableImage:
            continue
        assert (type(found), found.rgb.mode) == (Picture, "RGB")


@pytest.mark.parametrize("source", ["file", "bytes"])
def test_no_bytes_at_all_are_empty(tmp_path: Path, source: str) -> None:
    (tmp_path / "a.jpg").touch()
    assert reason(str(tmp_path / "a.jpg") if source == "file" else b"") == Reason.EMPTY


@pytest.mark.parametrize("data", [b"Dear diary,\n", b"%PDF-1.7\n", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\0"])
def test_another_file_renamed_to_jpg_is_not_an_image(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(data)
    assert reason(str(tmp_path / "a.jpg")) == Reason.NOT_AN_IMAGE


def test_heic_without_its_extra_is_unsupported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    _reads_heic.cache_clear()
    assert reason(HEIC, decode) == Reason.UNSUPPORTED
    _reads_heic.cache_clear()


def test_a_damaged_heic_with_the_extra_is_damaged() -> None:
    pytest.importorskip("pi_heif")
    assert reason(HEIC) == Reason.DAMAGED


@pytest.mark.filterwarnings("ignore:::PIL")
@pytest.mark.parametrize(
    "tags",
    [
        b"",
        b"no tags",
        b"II*\0\xff\xff\xff\xff",
        b"II*\0\x08\0\0\0\xff\xff\1",
        b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHIiI", ExifTags.IFD.Exif, 9, 1, -1, 0),
    ],
    ids=["none", "text", "far away", "too many", "points before itself"],
)
@pytest.mark.parametrize("format", ["JPEG", "WEBP", "PNG"])
def test_broken_exif_leaves_the_picture_readable(tags: bytes, format: str) -> None:
    found = open_image(saved(NOISE, format, exif=b"Exif\0\0" + tags))
    assert (found.rgb.size, found.orientation, found.facts.camera, found.facts.taken_at) == ((50, 40), 1, None, None)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize(
    ("details", "taken_at"),
    [
        ({DATE: "2024:05:06 07:08:09"}, "2024-05-06T07:08:09"),
        ({DATE: "2024:05:06 07:08:09", OFFSET: "+03:00"}, "2024-05-06T07:08:09+03:00"),
        ({DATE: "2024:05:06 07:08:09", OFFSET: "   :  "}, "2024-05-06T07:08:09"),
        ({ExifTags.Base.DateTimeDigitized: "2024:05:06 07:08:09"}, "2024-05-06T07:08:09"),
        ({DATE: "2024:02:30 07:08:09"}, None),
        ({DATE: "0000:00:00 00:00:00"}, None),
        ({DATE: "yesterday"}, None),
    ],
)
def test_the_date_is_iso_or_none(details: dict[int, object], taken_at: str | None, format: str) -> None:
    assert open_image(saved(NOISE, format, exif=exif({}, details))).facts.taken_at == taken_at


@pytest.mark.parametrize(
    ("maker", "model", "camera"),
    [
        ("Canon", "Canon EOS 5D", "Canon EOS 5D"),
        ("Apple", "iPhone 15", "Apple iPhone 15"),
        ("SONY ", "ILCE-7\0\0", "SONY ILCE-7"),
        ("Le\x1bica\n", "", "Leica"),
        ("", "X100", "X100"),
        ("", " ", None),
    ],
)
def test_the_camera_is_named_once(maker: str, model: str, camera: str | None) -> None:
    tags = exif({ExifTags.Base.Make: maker, ExifTags.Base.Model: model})
    assert open_image(saved(NOISE, "JPEG", exif=tags)).facts.camera == camera


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("missing.jpg", Reason.VANISHED),
        ("file/a.jpg", Reason.VANISHED),
        ("http://127.0.0.1/a.jpg", Reason.VANISHED),
        (".", Reason.NOT_A_FILE),
        ("/dev/null", Reason.NOT_A_FILE),
        ("a\0.jpg", Reason.IO_ERROR),
        ("a" * 300, Reason.IO_ERROR),
    ],
)
def test_a_path_that_is_no_file_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, expected: Reason
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    assert reason(name) == expected


@not_root
def test_a_file_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(saved(NOISE, "JPEG"))
    (tmp_path / "a.jpg").chmod(0)
    assert reason(str(tmp_path / "a.jpg")) == Reason.NO_PERMISSION


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    reasons: list[Reason] = []
    thread = Thread(target=lambda: reasons.append(reason(str(tmp_path / "a.jpg"))), daemon=True)
    thread.start()
    thread.join(5)
    assert reasons == [Reason.NOT_A_FILE]


@pytest.mark.parametrize("name", ["folder", "missing", "good.png", "damaged.jpg"])
def test_no_descriptor_stays_open(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "good.png").write_bytes(saved(NOISE, "PNG"))
    (tmp_path / "damaged.jpg").write_bytes(saved(NOISE, "JPEG")[:999])
    next_free = os.dup(0)
    os.close(next_free)
    for _ in range(100):
        with suppress(UnreadableImage):
            open_image(str(tmp_path / name))
    after = os.dup(0)
    os.close(after)
    assert after < next_free + 50, "threads of other tests may hold a few"


def test_a_file_above_the_limit_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"12345")
    assert read_file(str(tmp_path / "a.jpg"), 5) == b"12345"
    with pytest.raises(UnreadableImage, match="too-large"):
        read_file(str(tmp_path / "a.jpg"), 4)


def grown(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def found_below(root: Path) -> tuple[list[str], list[str]]:
    """Return the paths of the images and of the errors, both relative to the root."""
    errors: list[str] = []
    found = [file.path for file in islice(find_images(root, lambda path, _: errors.append(path)), 20)]
    return [os.path.relpath(path, root) for path in found], [os.path.relpath(path, root) for path in errors]


def test_images_come_folder_by_folder_sorted_by_name(tmp_path: Path) -> None:
    grown(tmp_path, "b/2.png", "b/10.png", "b.jpg", "a/z/1.jpg", "a/y.gif", "Z.png", "é.jpg", "a.b/1.jpg")
    expected = ["Z.png", "b.jpg", "é.jpg", "a/y.gif", "a/z/1.jpg", "a.b/1.jpg", "b/10.png", "b/2.png"]
    assert found_below(tmp_path) == (expected, [])


def test_suffixes_tell_images_in_any_case(tmp_path: Path) -> None:
    grown(
        tmp_path, "1.JPG", "2.jPeG", "3.Heic", "4.TIF", "5.avif", "6.webp", "a.txt", "b.jpg.part", "c", "jpg", "d.svg"
    )
    assert found_below(tmp_path) == (["1.JPG", "2.jPeG", "3.Heic", "4.TIF", "5.avif", "6.webp"], [])


def test_hidden_files_and_folders_are_left_out_but_not_a_hidden_root(tmp_path: Path) -> None:
    root = grown(tmp_path / ".hidden", "a.jpg", ".b.jpg", ".c/d.jpg", "e/.f/g.jpg", "e/h.jpg")
    assert found_below(root) == (["a.jpg", "e/h.jpg"], [])


def test_a_root_that_is_a_file_is_yielded_whatever_its_suffix(tmp_path: Path) -> None:
    assert found_below(grown(tmp_path, ".notes.txt") / ".notes.txt") == (["."], [])


def test_a_found_file_has_an_absolute_path_its_size_and_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.jpg").write_bytes(b"12345")
    os.utime(tmp_path / "a.jpg", ns=(1, 1_700_000_000_123_456_700))
    monkeypatch.chdir(tmp_path)
    for root in (".", "a.jpg"):
        found = list(find_images(Path(root), lambda *_: None))
        assert found == [Found(str(tmp_path / "a.jpg"), 5, 1_700_000_000_123_456_700)]


@pytest.mark.parametrize("name", ["missing", "a.jpg/b", "a\0b"])
def test_a_missing_root_is_bad_input(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match=r"there is no folder or file|embedded null byte"):
        found_below(grown(tmp_path, "a.jpg") / name)


def test_links_are_followed_and_loops_end(tmp_path: Path) -> None:
    root = grown(tmp_path / "root", "a/1.jpg", "x.jpg/2.jpg")
    grown(tmp_path / "outside", "3.jpg")
    (root / "a" / "up").symlink_to(root)
    (root / "b").symlink_to(root / "a")
    (root / "c").symlink_to(tmp_path / "outside")
    (root / "d.jpg").symlink_to(root / "a" / "1.jpg")
    assert found_below(root) == (["d.jpg", "a/1.jpg", "c/3.jpg", "x.jpg/2.jpg"], [])
    (tmp_path / "link").symlink_to(root)
    assert found_below(tmp_path / "link") == found_below(root)


def test_broken_links_are_reported(tmp_path: Path) -> None:
    grown(tmp_path, "b.jpg")
    (tmp_path / "a.jpg").symlink_to(tmp_path / "missing.jpg")
    (tmp_path / "c.jpg").symlink_to(tmp_path / "c.jpg")
    assert found_below(tmp_path) == (["b.jpg"], ["a.jpg", "c.jpg"])


def test_a_pipe_is_no_image(tmp_path: Path) -> None:
    os.mkfifo(grown(tmp_path, "b.jpg") / "a.jpg")
    assert found_below(tmp_path) == (["b.jpg"], [])


def test_a_folder_that_cannot_be_read_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grown(tmp_path, "a/1.jpg", "b/2.jpg", "c/3.jpg")
    scan = os.scandir

    def refusing(path: str) -> "os._ScandirIterator[str]":
        if path.endswith("b"):  # as chmod would do, but for root too
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert found_below(tmp_path) == (["a/1.jpg", "c/3.jpg"], ["b"])


@pytest.mark.skipif(sys.platform != "linux", reason="names are Unicode elsewhere")
def test_a_name_that_is_not_utf8_is_found_and_opened(tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/\xff.png", "wb") as file:
        file.write(saved(NOISE, "PNG"))
    (found,) = find_images(tmp_path, lambda *_: None)
    assert found.path == f"{tmp_path}/\udcff.png"
    assert open_image(found.path).width == 50


def test_a_date_beyond_what_databases_hold_is_cut_to_it(tmp_path: Path) -> None:
    (tmp_path / "far.jpg").touch()
    os.utime(tmp_path / "far.jpg", (13_569_465_600, 13_569_465_600))  # of the year 2400
    if (tmp_path / "far.jpg").stat().st_mtime_ns < 2**63:
        pytest.skip("this file system holds no such date")
    assert [file.mtime_ns for file in find_images(tmp_path, lambda *_: None)] == [2**63 - 1]
