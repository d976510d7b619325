"""An encoder whose vectors one can compute in one's head.

A text's vector counts its letters a to z. A picture's vector is that of the name of its colour, so the text "red"
and a red picture have the cosine 1.
"""

import threading
from collections.abc import Sequence

import numpy as np
from PIL import Image

from gallery.encoders import PictureEncoder, TextEncoder
from gallery.spec import Spec
from gallery.vectors import Vectors, unit_rows

COLOURS = {"red": (255, 0, 0), "green": (0, 128, 0), "blue": (0, 0, 255), "gold": (255, 215, 0), "black": (0, 0, 0)}


class LetterEncoder(PictureEncoder, TextEncoder):
    """Both towers in one. Counts the pictures that it encodes."""

    def __init__(self) -> None:
        self.spec = Spec(encoder="letters", dimension=26, space="letters 1", text="letters 1")
        self.detail = 8
        self.text_limit = 5
        self.encoded = 0
        self._counting = threading.Lock()

    def pixels(self, picture: Image.Image) -> Vectors:
        return np.asarray(picture.resize((1, 1)), np.float32).transpose(2, 0, 1)

    def encode_pixels(self, pixels: Vectors) -> Vectors:
        with self._counting:
            self.encoded += len(pixels)
        names, values = list(COLOURS), np.array(list(COLOURS.values()))
        distances = ((pixels[:, None, :, 0, 0] - values) ** 2).sum(axis=2)
        return self.encode_texts([names[nearest] for nearest in distances.argmin(axis=1)])

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        letters = "abcdefghijklmnopqrstuvwxyz"
        return unit_rows(np.array([[text.count(letter) for letter in letters] for text in texts], np.float32))

    def count_tokens(self, text: str) -> int:
        return len(text.split())
