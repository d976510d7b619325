"""An encoder that encodes a text once: the judge asks the same ones over and over."""

from collections.abc import Sequence

import numpy as np
from gallery.encoder import Encoder, Vectors
from PIL import Image


class RememberingEncoder(Encoder):
    """Another encoder, with a memory for texts. Encoding many at once beforehand is faster than one by one."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._known: dict[str, Vectors] = {}
        self.spec = encoder.spec
        self.detail = encoder.detail
        self.text_limit = encoder.text_limit

    def pixels(self, picture: Image.Image) -> Vectors:
        """Return what the other encoder returns."""
        return self._encoder.pixels(picture)

    def encode_pixels(self, pixels: Vectors) -> Vectors:
        """Return what the other encoder returns."""
        return self._encoder.encode_pixels(pixels)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Return what the other encoder returns, asking it only for texts that are new."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known |= dict(zip(new, self._encoder.encode_texts(new), strict=True))
        if not texts:
            return np.empty((0, self.spec.dimension), np.float32)
        return np.stack([self._known[text] for text in texts])

    def count_tokens(self, text: str) -> int:
        """Return what the other encoder returns."""
        return self._encoder.count_tokens(text)
