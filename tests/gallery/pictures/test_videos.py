"""Videos become a few frames, within the limits of the processes that decode what is costly."""

import time
from pathlib import Path

import numpy as np
import pytest
from drawn_videos import SIZE, draw_sound, draw_video
from letter_encoder import COLOURS

from gallery.errors import Reason, UnreadableImage
from gallery.pictures import Facts, Picture, find_images, open_frames
from gallery.pictures.loader import open_frame
from gallery.pictures.workers import Workers

pytest.importorskip("av", reason="videos are read with PyAV, of the extra `video`")


def colours_of(pictures: list[Picture]) -> list[str]:
    """Return which colours pictures are full of."""
    values = np.array(list(COLOURS.values()))
    return [
        list(COLOURS)[
            int(np.abs(values - np.asarray(picture.rgb.resize((9, 9)))[4, 4].astype(int)).sum(axis=1).argmin())
        ]
        for picture in pictures
    ]


@pytest.mark.parametrize(
    ("name", "codec", "format"),
    [
        ("a.mp4", "mpeg4", "MP4"),
        ("a.mov", "mpeg4", "MOV"),
        ("a.mkv", "mpeg4", "MKV"),
        ("a.webm", "libvpx", "WEBM"),
        ("a.avi", "mjpeg", "AVI"),
        ("a.flv", "flv1", "FLV"),
    ],
)
def test_a_video_of_any_kind_is_a_few_frames(tmp_path: Path, name: str, codec: str, format: str) -> None:
    frames = open_frames(str(draw_video(tmp_path / name, codec=codec)), 32)
    assert colours_of(frames) == ["red", "green", "blue"]
    assert [frame.frame // 10 for frame in frames if frame.frame is not None] == [0, 1, 2]
    assert {(frame.width, frame.height, frame.format) for frame in frames} == {(*SIZE, format)}


def test_what_looks_the_same_is_one_frame_and_a_black_beginning_is_none(tmp_path: Path) -> None:
    path = draw_video(tmp_path / "a.mp4", ("black", "red", "red", "gold", "red"))
    frames = open_frames(str(path), 32)
    assert sorted(colours_of(frames)) == ["black", "gold", "red"], "the corner is seen on black"
    path = draw_video(tmp_path / "long.mp4", ("red", "green", "blue", "gold") * 5)
    assert colours_of(open_frames(str(path), 32)) == ["red", "green", "blue", "gold"]


def test_a_video_of_one_keyframe_is_read_on_from_there(tmp_path: Path) -> None:
    path = draw_video(tmp_path / "a.mp4", codec="libx264", keyframes=1000)
    assert colours_of(open_frames(str(path), 32)) == ["red", "green", "blue"]


def test_a_frame_can_be_had_again_by_its_second(tmp_path: Path) -> None:
    path = str(draw_video(tmp_path / "a.mkv"))
    for frame in open_frames(path, 32):
        assert frame.frame is not None
        assert open_frame(path, frame.frame, 32).rgb.tobytes() == frame.rgb.tobytes()


@pytest.mark.parametrize(("turned", "corner", "orientation"), [(90, (2, -3), 8), (180, (-3, -3), 3), (270, (-3, 2), 6)])
def test_a_video_is_upright(tmp_path: Path, turned: int, corner: tuple[int, int], orientation: int) -> None:
    """White is stored at the top left; turned 90 degrees counter-clockwise, it is at the bottom left."""
    (frame, *_) = open_frames(str(draw_video(tmp_path / "a.mp4", ["red"], turned=turned)), 64)
    assert frame.rgb.size == (frame.width, frame.height) == (SIZE if turned == 180 else SIZE[::-1])
    x, y = (place % side for place, side in zip(corner, frame.rgb.size, strict=True))
    assert int(np.asarray(frame.rgb)[y, x].min()) > 200
    assert frame.orientation == orientation


def test_a_video_says_when_and_where_it_was_taken(tmp_path: Path) -> None:
    said = {
        "com.apple.quicktime.creationdate": "2021-06-30T21:30:00+0100",
        "creation_time": "2021-06-30T20:30:00.000000Z",
        "com.apple.quicktime.location.ISO6709": "+38.7200-009.1400+012.300/",
        "com.apple.quicktime.make": "Apple",
        "com.apple.quicktime.model": "iPhone 12",
        "title": "The beach",
    }
    (frame,) = open_frames(str(draw_video(tmp_path / "a.mov", ["red"], said=said)), 32)
    wanted = Facts("Apple iPhone 12", "2021-06-30T21:30:00+01:00", "video", (38.72, -9.14), ("The beach",))
    assert frame.facts == wanted
    (frame,) = open_frames(str(draw_video(tmp_path / "b.mp4", ["red"], said={"creation_time": "1904-01-01"})), 32)
    assert frame.facts == Facts()


def damaged(tmp_path: Path, kind: str) -> Path:
    whole = draw_video(tmp_path / "whole.mp4").read_bytes()
    path = tmp_path / "bad.mp4"
    if kind == "sound alone":
        return draw_sound(path)
    made = {
        "cut off": whole[:3000],
        "a playlist": b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n",
        "a picture": b"\x89PNG\r\n\x1a\n" + bytes(200),
        "text": b"no video\n" * 50,
        "no frames": whole.replace(b"mdat", b"free", 1)[: whole.index(b"mdat")] + bytes(len(whole)),
        "another kind's bytes": whole[:8] + bytes(range(256)) * 40,
        "zeros": bytes(100_000),
    }
    path.write_bytes(made[kind])
    return path


@pytest.mark.parametrize(
    "kind", ["sound alone", "cut off", "a playlist", "a picture", "text", "no frames", "another kind's bytes", "zeros"]
)
def test_what_is_no_video_is_a_sentence(tmp_path: Path, kind: str) -> None:
    with pytest.raises(UnreadableImage) as error:
        open_frames(str(damaged(tmp_path, kind)), 32)
    assert error.value.reason in (Reason.DAMAGED, Reason.NOT_AN_IMAGE)
    assert error.value.reason.lasting, "it is not opened again by every run"


def test_a_video_that_is_cut_off_is_what_is_there(tmp_path: Path) -> None:
    whole = draw_video(tmp_path / "whole.mkv", ("red", "green", "blue", "gold"))
    path = tmp_path / "cut.mkv"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size * 5 // 8])
    assert colours_of(open_frames(str(path), 32))[:2] == ["red", "green"]


def test_a_video_that_says_to_last_for_ever_ends(tmp_path: Path) -> None:
    path = draw_video(tmp_path / "a.avi", codec="mjpeg")
    data = bytearray(path.read_bytes())
    for start in (data.index(b"avih") + 24, data.index(b"strh") + 40):  # how many frames the file and the stream have
        data[start : start + 4] = b"\xff\xff\xff\x7f"
    path.write_bytes(data)
    began = time.process_time()
    assert "red" in colours_of(open_frames(str(path), 32))
    assert time.process_time() - began < 2


def test_frames_of_giants_are_refused(tmp_path: Path) -> None:
    path = draw_video(tmp_path / "a.avi", codec="mjpeg")
    start = b"\xff\xc0\0\x11\x08"  # of a JPEG's height and width
    width, height = (side.to_bytes(2, "big") for side in SIZE)
    assert start + height + width in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(start + height + width, start + 2 * (60_000).to_bytes(2, "big")))
    with pytest.raises(UnreadableImage) as error:
        open_frames(str(path), 32)
    assert error.value.reason in (Reason.TOO_LARGE, Reason.DAMAGED)


def test_a_process_that_takes_too_long_over_a_video_is_ended(tmp_path: Path) -> None:
    path = draw_video(tmp_path / "a.mp4")
    workers = Workers(waited=0.01)
    with pytest.raises(UnreadableImage, match="was killed"):
        workers.frames(str(path), 32)
    workers.close()


def test_videos_are_found_by_their_suffix(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.MOV", "c.ts", "d.txt"):
        (tmp_path / name).write_bytes(b"-")
    assert [Path(file.path).name for file in find_images(tmp_path, lambda *_: None)] == ["a.mp4", "b.MOV"]
