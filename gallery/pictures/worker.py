"""The process that decodes costly files one by one; `workers.py` starts it.

    stdin:  bytes of the JSON (4), bytes of the file (8), the JSON: what is asked; the file, but for videos, which are
            read by their path: they are larger than memory
    stdout: bytes of the JSON (4), the JSON, and the pixels of its pictures, three bytes each

An answer is JSON and pixels, never code: a decoder compromised by a file can only lie about that picture.
"""

import dataclasses
import json
import os
import signal
import struct
import sys
import time
from typing import Any, BinaryIO

from gallery.errors import Reason, UnreadableImage
from gallery.pictures.decode import decode
from gallery.pictures.frames import frame_at, frames
from gallery.pictures.picture import Picture

REQUEST, ANSWER = struct.Struct(">IQ"), struct.Struct(">I")
ENOUGH = 25_000_000
"""Above this many pixels, a picture much larger than requested is reduced before it is sent."""


def main(seconds: int, memory: int) -> None:
    """Decode the files from stdin until it ends.

    Args:
        seconds: Processor time for each file; the system kills the process if a file takes more.
        memory: How many bytes of memory a file may take.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent process
    source, target = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # keeps decoders' own output out of the answers
    _bound_memory(memory)
    while head := source.read(REQUEST.size):
        words, length = REQUEST.unpack(head)
        asked = json.loads(source.read(words))
        _bound_time(seconds)
        _answer(target, asked, source.read(length))
        target.flush()


def _answer(target: BinaryIO, asked: dict[str, Any], data: bytes) -> None:
    try:
        described = [_described(picture, asked["detail"]) for picture in _decoded(asked, data)]
        values: dict[str, Any] = {"pictures": [fields for fields, _ in described]}
        pixels = b"".join(each for _, each in described)
    except UnreadableImage as error:
        is_memory = error.reason == Reason.IO_ERROR
        reason, detail_ = (Reason.TOO_LARGE, "it takes too much memory") if is_memory else (error.reason, error.detail)
        values, pixels = {"reason": reason, "detail": detail_}, b""
    except MemoryError:
        values, pixels = {"reason": Reason.TOO_LARGE, "detail": "it takes too much memory"}, b""
    text = json.dumps(values).encode()
    target.write(ANSWER.pack(len(text)) + text)
    target.write(pixels)


def _decoded(asked: dict[str, Any], data: bytes) -> list[Picture]:
    if "video" not in asked:
        return [decode(data, asked["detail"])]
    if asked["at"] is None:
        return frames(asked["video"], asked["detail"])
    return [frame_at(asked["video"], asked["at"], asked["detail"])]


def _described(picture: Picture, detail: int | None) -> tuple[dict[str, Any], bytes]:
    fields = {field.name: getattr(picture, field.name) for field in dataclasses.fields(Picture)}
    rgb = _reduced(fields.pop("rgb"), detail)
    return fields | {"facts": dataclasses.asdict(picture.facts), "size": rgb.size}, rgb.tobytes()


def _reduced(rgb: Any, detail: int | None) -> Any:  # noqa: ANN401 - a picture
    """Return a huge picture at a half, a third, … of its size, at least twice the detail, as JPEGs are decoded."""
    factor = min(rgb.size) // (2 * detail) if detail else 1
    return rgb.reduce(factor) if factor > 1 and rgb.width * rgb.height > ENOUGH else rgb


def _bound_time(seconds: int) -> None:
    try:
        import resource
    except ImportError:  # on Windows, the parent stops waiting
        return
    soft = int(time.process_time()) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _bound_memory(memory: int) -> None:
    """Limit what else this process may allocate; on Linux only, as other systems do not enforce it."""
    try:
        import resource

        with open("/proc/self/statm") as file:
            held = int(file.read().split()[5]) * resource.getpagesize()
    except (ImportError, OSError):
        return
    resource.setrlimit(resource.RLIMIT_DATA, (held + memory, resource.getrlimit(resource.RLIMIT_DATA)[1]))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
