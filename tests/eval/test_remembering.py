"""The encoder with a memory gives what the other gives."""

from collections.abc import Sequence

import numpy as np
from letter_encoder import LetterEncoder

from eval.remembering import RememberingEncoder
from gallery.vectors import Vectors


class Counting(LetterEncoder):
    """Notes every text that it encodes."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        self.texts += texts
        return super().encode_texts(texts) if texts else np.empty((0, 26), np.float32)


def test_a_text_is_encoded_once() -> None:
    counting = Counting()
    encoder = RememberingEncoder(counting)
    first = encoder.encode_texts(["abc", "red", "abc"])
    assert np.array_equal(first, LetterEncoder().encode_texts(["abc", "red", "abc"]))
    assert np.array_equal(encoder.encode_texts(["red", "xyz"]), LetterEncoder().encode_texts(["red", "xyz"]))
    assert counting.texts == ["abc", "red", "xyz"]
    assert encoder.encode_texts([]).shape == (0, 26)
    assert (encoder.spec, encoder.detail, encoder.count_tokens("a b")) == (counting.spec, counting.detail, 2)
