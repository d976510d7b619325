"""Decodes costly files in other processes, so that one that takes too long can be killed.

Nothing else can limit the decoders, which are C code without a clock and Python loops over millions of parts.
ARCHITECTURE.md has measurements. Photos of most cameras are decoded in this process (`cost.py`); a process starts at
the first file that is not, and runs until this one ends.
"""

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from queue import Empty, LifoQueue
from typing import IO, Any

from PIL import Image

from gallery.errors import Reason, UnreadableImage
from gallery.pictures.facts import Facts
from gallery.pictures.picture import Picture
from gallery.pictures.worker import ANSWER, REQUEST

SECONDS = 6
"""Seconds of processor time per file."""
MEMORY = 850_000_000
"""Bytes of memory per file, besides the 60 MB of a process."""
MOST_WAITED = 60 if os.name == "posix" else 10
"""Seconds by the clock, for a busy machine, or a system that cannot limit processor time."""
MOST_WORKERS = 4


class Workers:
    """Decodes files in other processes: one per processor, but at most `MOST_WORKERS`."""

    def __init__(self, seconds: int = SECONDS, memory: int = MEMORY, waited: float = MOST_WAITED) -> None:
        """Start nothing yet.

        Args:
            seconds: Seconds of processor time per file.
            memory: Bytes for a file.
            waited: Seconds by the clock for a file.
        """
        self._command = [sys.executable, "-P", "-m", "gallery.pictures.worker", str(seconds), str(memory)]
        self._seconds, self._waited = seconds, waited
        self._places = threading.Semaphore(min(MOST_WORKERS, os.cpu_count() or 1))
        self._idle: LifoQueue[subprocess.Popen[bytes]] = LifoQueue()
        atexit.register(self.close)

    def decode(self, data: bytes, detail: int | None) -> Picture:
        """Decode a file as `decode` does; a huge picture may be smaller, but no less than twice `detail`.

        Raises:
            UnreadableImage: It cannot be decoded within the limits.
        """
        return self._answered({"detail": detail}, data)[0]

    def frames(self, path: str, detail: int, at: float | None = None) -> list[Picture]:
        """Return the frames of a video that stand for it, or the one that is shown at a second, as `frames` does.

        Raises:
            UnreadableImage: It cannot be decoded, or not within the limits.
        """
        return self._answered({"detail": detail, "video": path, "at": at}, b"")

    def _answered(self, asked: dict[str, Any], data: bytes) -> list[Picture]:
        with self._places:
            worker = self._taken()
            timer = threading.Timer(self._waited, worker.kill)
            timer.start()
            try:
                answer = _asked(worker, asked, data)
            except Exception as error:  # whatever an answer lacks that is cut off, or of a decoder gone wrong
                raise self._died(worker) from error
            except BaseException:
                _ended(worker)
                raise
            finally:
                timer.cancel()
            self._idle.put(worker)
            return _raise(answer) if isinstance(answer, UnreadableImage) else answer

    def close(self) -> None:
        """End the idle processes."""
        with contextlib.suppress(Empty):
            while True:
                _ended(self._idle.get_nowait())

    def _taken(self) -> "subprocess.Popen[bytes]":
        while True:
            try:
                worker = self._idle.get_nowait()
            except Empty:
                break
            if worker.poll() is None:
                return worker
            _ended(worker)
        try:
            return subprocess.Popen(  # noqa: S603 - fixed words
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        except OSError as error:
            raise UnreadableImage(Reason.IO_ERROR, f"no process can be started to decode it: {error}") from error

    def _died(self, worker: "subprocess.Popen[bytes]") -> UnreadableImage:
        """Return why a process has not answered; if it is not the file's fault, the next run tries again."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            worker.wait(1)
        _ended(worker)
        if worker.returncode == -getattr(signal, "SIGXCPU", 0):
            return UnreadableImage(Reason.TOO_LARGE, f"decoding it takes more than {self._seconds} s")
        if worker.returncode >= 0 or worker.returncode == -getattr(signal, "SIGKILL", 0):
            return UnreadableImage(Reason.IO_ERROR, "the process that was decoding it was killed")
        return UnreadableImage(Reason.DAMAGED, "the decoder crashed")


def _asked(worker: "subprocess.Popen[bytes]", asked: dict[str, Any], data: bytes) -> "list[Picture] | UnreadableImage":
    assert worker.stdin
    assert worker.stdout
    words = json.dumps(asked).encode()
    worker.stdin.write(REQUEST.pack(len(words), len(data)) + words)
    worker.stdin.write(data)
    worker.stdin.flush()
    (length,) = ANSWER.unpack(_exactly(worker.stdout, ANSWER.size))
    values: dict[str, Any] = json.loads(_exactly(worker.stdout, length))
    if "reason" in values:
        return UnreadableImage(Reason(values["reason"]), values["detail"])
    return [_picture(worker.stdout, each) for each in values["pictures"]]


def _picture(pipe: IO[bytes], values: dict[str, Any]) -> Picture:
    width, height = values.pop("size")
    rgb = Image.frombytes("RGB", (width, height), _exactly(pipe, 3 * width * height))
    facts, notes = values.pop("facts"), tuple(values.pop("notes"))
    facts |= {"said": tuple(facts["said"]), "location": tuple(facts["location"]) if facts["location"] else None}
    return Picture(rgb=rgb, facts=Facts(**facts), notes=notes, **values)


def _exactly(pipe: IO[bytes], length: int) -> bytes:
    data = pipe.read(length)
    if len(data) != length:
        raise EOFError
    return data


def _raise(error: UnreadableImage) -> list[Picture]:
    raise error


def _ended(worker: "subprocess.Popen[bytes]") -> None:
    worker.kill()
    for pipe in (worker.stdin, worker.stdout):
        with contextlib.suppress(OSError):
            if pipe:
                pipe.close()
    worker.wait()
