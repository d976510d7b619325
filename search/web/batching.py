"""One thread that owns the text tower and encodes the texts of concurrent requests together."""

import queue
import threading
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gallery.encoders import TextEncoder
from gallery.errors import EncoderError
from gallery.vectors import Vectors

PATIENCE = 30.0
"""Seconds that a request waits for the model."""
LARGEST = 64
"""How many texts are encoded at once."""


@dataclass(frozen=True, slots=True)
class _Job:
    """Texts to be encoded with those of other requests, or another call to be made alone."""

    texts: Sequence[str] = ()
    call: Callable[[], Any] | None = None
    result: Future[Any] = field(default_factory=Future)


class BatchingTexts(TextEncoder):
    """A text tower for many threads. The one inside is used by its own thread only: tokenizers keep state."""

    def __init__(self, texts: TextEncoder) -> None:
        """Start the thread."""
        self.spec = texts.spec
        self.text_limit = texts.text_limit
        self._encoder = texts
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        # The thread holds the queue and the model, not this object, so both end when this object is gone.
        self._thread = threading.Thread(target=_work, args=(self._jobs, texts), name="encoder", daemon=True)
        self._thread.start()
        weakref.finalize(self, self._jobs.put, None)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector per text, shape `(n, dimension)`, encoded together with other requests' texts."""
        if not texts:
            return np.empty((0, self.spec.dimension), np.float32)
        vectors: Vectors = self._wait(_Job(texts))
        return vectors

    def count_tokens(self, text: str) -> int:
        """Return how many tokens the text has."""
        tokens: int = self._wait(_Job(call=lambda: self._encoder.count_tokens(text)))
        return tokens

    def close(self) -> None:
        """End the thread after the jobs already in its queue."""
        self._jobs.put(None)
        self._thread.join(PATIENCE)

    def _wait(self, job: _Job) -> Any:  # noqa: ANN401 - what the job's call returns
        if not self._thread.is_alive():
            raise EncoderError("the model's thread has ended; start the page again")
        self._jobs.put(job)
        try:
            return job.result.result(PATIENCE)
        except TimeoutError as error:
            raise EncoderError(f"the model did not answer within {PATIENCE:.0f} seconds; try again") from error


def _work(jobs: "queue.SimpleQueue[_Job | None]", encoder: TextEncoder) -> None:
    while _round(jobs, encoder):
        pass


def _round(jobs: "queue.SimpleQueue[_Job | None]", encoder: TextEncoder) -> bool:
    """Do the waiting jobs, all texts at once; return whether to continue."""
    job = jobs.get()
    if job is None:
        return False
    texts = [job] if job.texts else []
    others = [] if job.texts else [job]
    ending = False
    while sum(len(waiting.texts) for waiting in texts) < LARGEST:
        try:
            another = jobs.get_nowait()
        except queue.Empty:
            break
        if another is None:
            ending = True
            break
        (texts if another.texts else others).append(another)
    _encode(texts, encoder)
    for other in others:
        _settle(other, other.call)
    return not ending


def _encode(jobs: Sequence[_Job], encoder: TextEncoder) -> None:
    """Encode the texts of all jobs in one go; where that fails, each by itself, so that one cannot harm others."""
    if not jobs:
        return
    try:
        vectors = encoder.encode_texts([text for job in jobs for text in job.texts])
    except Exception as error:  # noqa: BLE001 - hostile text; the thread has to survive
        if len(jobs) == 1:
            jobs[0].result.set_exception(error)
            return
        for job in jobs:
            _encode([job], encoder)
        return
    start = 0
    for job in jobs:
        job.result.set_result(vectors[start : start + len(job.texts)])
        start += len(job.texts)


def _settle(job: _Job, call: Callable[[], Any] | None) -> None:
    try:
        job.result.set_result(call() if call else None)
    except Exception as error:  # noqa: BLE001 - hostile input; the thread has to survive, and the caller is told
        job.result.set_exception(error)
