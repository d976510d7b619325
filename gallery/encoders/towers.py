"""The two halves of an encoder: a picture tower and a text tower, each an ONNX graph with its preparation."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from gallery.encoders.manifest import PICTURE_GRAPH, TEXT_GRAPH, TOKENIZER, Manifest, TextPreparation
from gallery.encoders.preparation import prepare
from gallery.encoders.sessions import Device, open_session, processors
from gallery.errors import EncoderError
from gallery.spec import Spec
from gallery.vectors import Vectors, unit_rows

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from PIL import Image
    from tokenizers import Tokenizer

TEXTS_AT_ONCE = 64
PICTURES_AT_ONCE = 8
"""On the processor, larger batches are no faster and take more memory."""
PICTURES_AT_ONCE_ON_A_GPU = 64


class TextEncoder(Protocol):
    """Turns texts into vectors.

    Attributes:
        spec: Names the encoder; a collection keeps it.
        text_limit: How many tokens of a text are read; 0 for all.
    """

    spec: Spec
    text_limit: int

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector per text, shape `(n, dimension)`. A text is never treated as a path or an address."""
        ...

    def count_tokens(self, text: str) -> int:
        """Return how many tokens the text has, for comparison with `text_limit`."""
        ...


class PictureEncoder(Protocol):
    """Turns pictures into vectors of the same space.

    Attributes:
        spec: Names the encoder; a collection keeps it.
        detail: Pixels of a picture's shorter side that are enough, for `open_image`.
        at_once: How many pictures are best encoded together.
    """

    spec: Spec
    detail: int
    at_once: int = PICTURES_AT_ONCE

    def pack(self) -> None:
        """Prepare for many pictures, before the first; for a few, this is not worth its time."""
        return

    def pixels(self, picture: "Image.Image") -> Vectors:
        """Return the network's input for one RGB picture, shape `(3, height, width)`."""
        ...

    def encode_pixels(self, pixels: Vectors) -> Vectors:
        """Return one unit vector per input, shape `(n, dimension)`. May be called from several threads at once.

        Raises:
            EncoderError: The graph, opened for the first pictures, cannot be opened.
        """
        ...

    def encode_images(self, pictures: Sequence["Image.Image"]) -> Vectors:
        """Return one unit vector per RGB picture, shape `(n, dimension)`."""
        if not pictures:
            return np.empty((0, self.spec.dimension), np.float32)
        return self.encode_pixels(np.stack([self.pixels(picture) for picture in pictures]))


class PictureTower(PictureEncoder):
    """The picture tower of an encoder folder."""

    def __init__(self, folder: Path, manifest: Manifest, device: Device, *, for_one: bool = False) -> None:
        """Prepare to open the graph.

        Args:
            folder: The encoder folder, whose files have been verified.
            manifest: The folder's manifest.
            device: Where the graph is computed.
            for_one: Whether to encode a single picture fast. If so, all processors share the work, and the graph is
                opened now. Otherwise, every processor works on its own pictures, and the first one opens the graph.

        Raises:
            EncoderError: The graph cannot be opened.
        """
        self.spec = manifest.spec
        self._how = manifest.picture
        self.detail = 2 * self._how.resize
        self.at_once = PICTURES_AT_ONCE if device.is_cpu else PICTURES_AT_ONCE_ON_A_GPU
        self._graph, self._device = folder / PICTURE_GRAPH, device
        self._threads = processors() if for_one else 1
        self._packed = False
        self._session: InferenceSession | None = None
        self._opening = threading.Lock()
        if for_one:
            self._opened()

    def pack(self) -> None:
        if self._device.is_cpu and not self._packed:
            self._packed = True
            self._session = None

    def pixels(self, picture: "Image.Image") -> Vectors:
        return prepare(picture, self._how)

    def encode_pixels(self, pixels: Vectors) -> Vectors:
        parts = [pixels[start : start + self.at_once] for start in range(0, len(pixels), self.at_once)]
        session = self._opened()
        rows = [session.run(["vectors"], {"pixels": part})[0] for part in parts]
        return unit_rows(np.concatenate(rows)) if rows else np.empty((0, self.spec.dimension), np.float32)

    def _opened(self) -> "InferenceSession":
        with self._opening:
            if self._session is None:
                self._session = open_session(self._graph, self._device, threads=self._threads, packed=self._packed)
            return self._session


class TextTower(TextEncoder):
    """The text tower of an encoder folder."""

    def __init__(self, folder: Path, manifest: Manifest, *, for_many: bool = False) -> None:
        """Begin to open graph and tokenizer, on the processor: a short query gains nothing from another device.

        This goes on in the background until the first text comes. What cannot be opened then raises `EncoderError`.

        Args:
            folder: The encoder folder, whose files have been verified.
            manifest: The folder's manifest.
            for_many: Whether every processor is to encode texts of its own, and many of them. Otherwise all processors
                share the work on one text, soon.
        """
        self.spec = manifest.spec
        self._how = manifest.text
        self.text_limit = self._how.limit
        pool = ThreadPoolExecutor(2)  # for 50 and 100 ms that do not hold the interpreter
        threads = 1 if for_many else processors()
        open_graph = partial(open_session, threads=threads, packed=for_many, fused=for_many)
        self._session = pool.submit(open_graph, folder / TEXT_GRAPH, Device())
        self._tokenizer = pool.submit(_open_tokenizer, folder / TOKENIZER, self._how)
        pool.shutdown(wait=False)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self.spec.dimension), np.float32)
        parts = [texts[start : start + TEXTS_AT_ONCE] for start in range(0, len(texts), TEXTS_AT_ONCE)]
        return unit_rows(np.concatenate([self._encode(part) for part in parts]))

    def count_tokens(self, text: str) -> int:
        tokenizer = self._tokenizer.result()
        tokenizer.no_truncation()
        return sum(tokenizer.encode(self._cleaned(text)).attention_mask)

    def _encode(self, texts: Sequence[str]) -> Vectors:
        tokenizer = self._tokenizer.result()
        if self.text_limit:
            tokenizer.enable_truncation(self.text_limit)
        encodings = tokenizer.encode_batch([self._cleaned(text) for text in texts])
        given = {
            "ids": np.array([encoding.ids for encoding in encodings], np.int64),
            "mask": np.array([encoding.attention_mask for encoding in encodings], np.int64),
        }
        session = self._session.result()
        (vectors,) = session.run(["vectors"], {each.name: given[each.name] for each in session.get_inputs()})
        rows: Vectors = vectors
        return rows

    def _cleaned(self, text: str) -> str:
        text = text.encode("utf-8", "replace").decode()
        return text.lower() if self._how.lower_case else text


def _open_tokenizer(path: Path, how: TextPreparation) -> "Tokenizer":
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises plain exceptions
        raise EncoderError(f"{path} cannot be read ({error})") from error
    length = how.limit if how.padding == "limit" else None
    tokenizer.enable_padding(pad_id=how.pad_id, pad_token=how.pad_token, length=length)
    return tokenizer
