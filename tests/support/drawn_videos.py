"""Small videos, drawn here: each colour fills the picture for some seconds, with a white corner that shows its turn."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from letter_encoder import COLOURS

SIZE, RATE = (96, 64), 2


def draw_video(
    path: Path,
    colours: Sequence[str] = ("red", "green", "blue"),
    *,
    seconds: int = 10,
    codec: str = "mpeg4",
    turned: int = 0,
    keyframes: int = 4,
    said: Mapping[str, str] | None = None,
) -> Path:
    """Draw a video that shows each colour for so many seconds.

    Args:
        path: Its suffix says which container it is.
        colours: One after another.
        seconds: Of each.
        codec: FFmpeg's name of it.
        turned: Degrees counter-clockwise by which players have to turn it.
        keyframes: A keyframe comes after so many frames, of which there are two a second.
        said: What the container says of it.
    """
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"movflags": "use_metadata_tags"} if path.suffix in (".mp4", ".mov") else {}
    with av.open(str(path), "w", options=options) as container:
        container.metadata.update(said or {})
        stream = container.add_stream(codec, rate=RATE)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.gop_size = keyframes
        if turned:
            stream.set_display_rotation(turned)
        for colour in colours:
            drawn = np.full((SIZE[1], SIZE[0], 3), COLOURS[colour], np.uint8)
            drawn[:8, :8] = 255
            for _ in range(seconds * RATE):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(drawn, format="rgb24")))
        container.mux(stream.encode())
    return path


def draw_sound(path: Path) -> Path:
    """Write a file of a video's kind that holds sound alone."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000, layout="mono")
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
