"""Frames of videos, by PyAV. This runs only in the process with limits (see `workers.py`).

Candidate frames are evenly spaced, and keyframes where those are close, because they decode fastest. The candidates
that differ most from each other represent the video.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gallery.errors import Reason, UnreadableImage
from gallery.extras import install
from gallery.pictures.container import facts_of, format_of
from gallery.pictures.picture import Picture

if TYPE_CHECKING:
    from av import VideoFrame, VideoStream
    from av.container import InputContainer

MOST_FRAMES, LEAST_SECONDS = 12, 10.0
"""The most frames that stand for a video, and the fewest seconds for each of them."""
MOST_PIXELS = 2**25
"""The most pixels of a frame; 8K has slightly fewer."""
_CANDIDATES = 2 * MOST_FRAMES
_LEAST_DIFFERENCE = 6.0
"""The least mean difference (0 to 255) between the small versions of two frames for both to be kept."""
_FLAT = 4.0
"""A small version with a lower standard deviation shows nothing, such as a black opening."""
_SIDE = 16
_BUDGET = 3.0
"""Seconds of processor time for the search for frames; the frames found by then represent the video."""
_LEAST_DETAIL = 256
"""Enough for a perceptual hash, which is thus the same whatever detail the encoder needs."""
_LONGEST = 7 * 86_400.0
_DEMUXERS = "mov,matroska,avi,mpeg,mpegts,flv,asf"
"""Others, such as those for playlists, would open further files."""
_STARTS = (b"\x1aE\xdf\xa3", b"RIFF", b"\0\0\1\xba", b"FLV", b"0&\xb2u")
_TURNS = {
    90: (8, Image.Transpose.ROTATE_90),
    180: (3, Image.Transpose.ROTATE_180),
    270: (6, Image.Transpose.ROTATE_270),
}
"""Degrees counter-clockwise -> the EXIF orientation with the same meaning, and the operation that it asks for."""

Small = NDArray[np.float32]


def frames(path: str, detail: int) -> list[Picture]:
    """Return the frames of a video that stand for it, in the order of their seconds; at least one.

    Args:
        path: The video's path.
        detail: Pixels of the shorter side that are enough.

    Raises:
        UnreadableImage: It is no video, or no frame of it can be decoded.
    """
    with _opened(path) as (container, stream):
        # Each is shrunk at once: two dozen frames of 8K, as they are decoded, would take more than a gigabyte.
        found = [
            (_small(frame), _picture(container, stream, frame, detail)) for frame in _candidates(container, stream)
        ]
        if not found:
            raise UnreadableImage(Reason.DAMAGED, "no frame of the video can be decoded")
        chosen = _most_different([small for small, _ in found])
        return [found[number][1] for number in chosen]


def frame_at(path: str, second: float, detail: int) -> Picture:
    """Return the frame that a video shows at a second.

    Raises:
        UnreadableImage: It is no video, or has no such frame.
    """
    with _opened(path) as (container, stream):
        for frame in _from(container, stream, second):
            if _second(frame, stream) >= second - 1e-3:
                return _picture(container, stream, frame, detail)
    raise UnreadableImage(Reason.DAMAGED, f"the video shows nothing at second {second:g}")


@contextmanager
def _opened(path: str) -> Iterator[tuple["InputContainer", "VideoStream"]]:
    try:
        import av
    except ImportError as error:
        raise UnreadableImage(Reason.UNSUPPORTED, f"videos need a package: {install('video')}") from error
    av.logging.set_level(None)
    try:
        with open(path, "rb") as file:
            options = {"format_whitelist": _DEMUXERS, "max_pixels": str(MOST_PIXELS)}
            with av.open(file, "r", options=options, metadata_errors="replace") as container:
                yield container, _stream(container)
    except av.error.MemoryError as error:
        raise MemoryError from error
    except (av.FFmpegError, ValueError, OverflowError) as error:  # PyAV raises them for nonsense in a file
        if isinstance(error, OSError) and not isinstance(error, av.FFmpegError):
            raise
        raise _unreadable(path, error) from error


def _stream(container: "InputContainer") -> "VideoStream":
    from av.stream import Disposition

    for stream in container.streams.video:
        if stream.disposition & Disposition.attached_pic:  # the cover of a song
            continue
        context = stream.codec_context
        if context is None:
            raise UnreadableImage(Reason.UNSUPPORTED, "nothing here decodes this kind of video")
        _check_pixels(context.width, context.height)
        context.thread_count = 1  # the process has a limit on its processor time and memory
        return stream
    raise UnreadableImage(Reason.NOT_AN_IMAGE, "the file holds no video, only other streams")


def _candidates(container: "InputContainer", stream: "VideoStream") -> Iterator["VideoFrame"]:
    """Yield candidate frames in order of time, about `LEAST_SECONDS` apart or more."""
    ends = time.process_time() + _BUDGET
    duration, start = _duration(container, stream), _start(stream)
    step = max(LEAST_SECONDS, duration / _CANDIDATES)
    last = -step
    for number in range(max(1, min(_CANDIDATES, round(duration / step)))):
        # The middles of even parts, but for the first: a clip may be shorter than it says.
        target = start + (number + 0.5) * step if number else start
        for after, frame in enumerate(_from(container, stream, target)):
            second = _second(frame, stream)
            if second >= target or (after == 0 and second - last >= step / 2):  # a keyframe close by will do
                break
            if time.process_time() > ends:
                return
        else:
            return  # the end was reached
        last = second
        yield frame


def _from(container: "InputContainer", stream: "VideoStream", second: float) -> Iterator["VideoFrame"]:
    """Yield the frames from the last keyframe before a second on; those that cannot be decoded are left out."""
    import av

    try:
        container.seek(int(second / float(stream.time_base or 1)), stream=stream)
    except av.FFmpegError:
        if second > _start(stream):  # which some files cannot do at all
            return
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.FFmpegError):
            return
        try:
            decoded = packet.decode()
        except av.error.InvalidDataError:
            continue
        for frame in decoded:
            _check_pixels(frame.width, frame.height)
            yield frame


def _duration(container: "InputContainer", stream: "VideoStream") -> float:
    """Return how long a video says that it is; where it does not, for how long it is looked at."""
    seconds = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0
    seconds = seconds or (container.duration or 0) / 1e6
    return seconds if 0 < seconds <= _LONGEST else _CANDIDATES * LEAST_SECONDS


def _start(stream: "VideoStream") -> float:
    return float(stream.start_time * stream.time_base) if stream.start_time and stream.time_base else 0.0


def _second(frame: "VideoFrame", stream: "VideoStream") -> float:
    return round(float(frame.time), 3) if frame.time is not None else _start(stream)


def _check_pixels(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise UnreadableImage(Reason.TOO_LARGE, f"frames of {width} x {height} pixels; the limit is {MOST_PIXELS}")


def _small(frame: "VideoFrame") -> Small:
    return _rgb(frame, _SIDE, _SIDE).astype(np.float32)


def _rgb(frame: "VideoFrame", width: int, height: int) -> NDArray[np.uint8]:
    made = frame.reformat(width, height, format="rgb24", interpolation="AREA").to_ndarray()
    return np.asarray(made, np.uint8)


def _most_different(smalls: list[Small]) -> list[int]:
    """Return the numbers of the frames to keep, sorted: the first that is not blank, and those that differ most."""
    seen = [number for number, small in enumerate(smalls) if small.std() >= _FLAT] or [0]
    chosen = seen[:1]
    distances = {number: _distance(smalls[number], smalls[chosen[0]]) for number in seen}
    while len(chosen) < MOST_FRAMES:
        best = max(seen, key=lambda number: distances[number])
        if distances[best] < _LEAST_DIFFERENCE:
            break
        chosen.append(best)
        distances = {n: min(known, _distance(smalls[n], smalls[best])) for n, known in distances.items()}
    return sorted(chosen)


def _distance(one: Small, other: Small) -> float:
    return float(np.abs(one - other).mean())


def _picture(container: "InputContainer", stream: "VideoStream", frame: "VideoFrame", detail: int) -> Picture:
    aspect = float(stream.sample_aspect_ratio or 1)
    width, height = max(1, round(frame.width * (aspect if 0.1 < aspect < 10 else 1))), frame.height
    shrunk = min(1.0, 2 * max(detail, _LEAST_DETAIL) / min(width, height))
    size = max(1, round(width * shrunk)), max(1, round(height * shrunk))
    orientation, turn = _TURNS.get(frame.rotation % 360, (1, None))
    rgb = Image.fromarray(_rgb(frame, *size))
    if turn is not None:
        rgb = rgb.transpose(turn)
    if orientation > 4:
        width, height = height, width
    metadata: Any = {**stream.metadata, **container.metadata}
    format_ = format_of(container.format.name, metadata.get("major_brand", ""), stream.codec_context.name)
    return Picture(rgb, width, height, format_, orientation, facts_of(metadata), frame=_second(frame, stream))


def _unreadable(path: str, error: Exception) -> UnreadableImage:
    with open(path, "rb") as file:
        start = file.read(12)
    if not start.startswith(_STARTS) and start[4:8] not in (b"ftyp", b"moov", b"mdat", b"wide", b"free"):
        return UnreadableImage(Reason.NOT_AN_IMAGE, "no video format that is known here")
    return UnreadableImage(Reason.DAMAGED, f"the video cannot be read: {getattr(error, 'strerror', None) or error}")
