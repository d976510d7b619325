"""Compares an export with the original library, end to end, on texts and pictures of many kinds."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from PIL import Image

from gallery.errors import EncoderError
from gallery.vectors import Vectors, unit_rows

LEAST_COSINE = 0.9999
T = TypeVar("T")
AT_ONCE = 8
"""How many pictures or texts the original encodes together: few, to save memory."""

_SUBJECTS = ("a cat", "two dogs", "an old man", "Kinder", "собака", "the WELL-known castle", "🚗", "x", "猫と犬", "1")
_PLACES = ("", " on a beach", " at night, seen from above", ' "under" a tree', " im Garten", " на снегу")
_ENDS = (" 2021!", " that runs after a ball and a cat" * 3)
CHECKED_TEXTS = [subject + place for subject in _SUBJECTS for place in (*_PLACES, *_ENDS)]
CHECKED_TEXTS += [f"{subject} and so on{', and so on' * 80}" for subject in _SUBJECTS]  # longer than any tower reads
CHECKED_TEXTS += ["", "/etc/hostname", "https://example.org/a.jpg", "star.png", "  spaces  ", "कुत्ता", "كلب", "개"]
CHECKED_TEXTS += ["A Photo of a CAT.", "naïve café ﬁne"]
CHECKED_TEXTS.sort(key=len)  # texts of similar length need little padding, which takes time
_SHORT_SIDES = (40, 97, 224, 301)
_SHAPES = (1.0, 1.02, 1.33, 1.5, 1.78, 2.5, 4.0, 7.0)


def checked_pictures() -> list[Image.Image]:
    """Draw 32 RGB pictures of many sizes, portrait and landscape, the same on every machine."""
    chance = np.random.default_rng(0)
    pictures = []
    for short in _SHORT_SIDES:
        for number, shape in enumerate(_SHAPES):
            longer = round(short * shape)
            size = (short, longer) if number % 2 else (longer, short)
            coarse = Image.fromarray(chance.integers(0, 256, (6 + number, 9, 3), np.uint8))
            pictures.append(coarse.resize(size, Image.Resampling.BICUBIC))
    return pictures


def in_parts(encode: Callable[[Sequence[T]], Vectors], inputs: Sequence[T]) -> Vectors:
    """Encode a few inputs at a time and return all their vectors."""
    parts = [inputs[start : start + AT_ONCE] for start in range(0, len(inputs), AT_ONCE)]
    return np.concatenate([encode(part) for part in parts])


def compare(name: str, towers: Mapping[str, tuple[Vectors, Vectors]]) -> dict[str, float]:
    """Return the result of a check, for the manifest.

    Args:
        name: The encoder's name.
        towers: `pictures` and `texts`: the vectors of the export and of the original.

    Raises:
        EncoderError: The least cosine between the two is too low.
    """
    check: dict[str, float] = {}
    for kind, (found, original) in towers.items():
        least = float((unit_rows(found) * unit_rows(original)).sum(axis=1).min())
        if not least >= LEAST_COSINE:  # NaN is not
            raise EncoderError(
                f"{name} cannot be exported: for {kind} the export differs from the original (cosine {least:.6f}, and "
                f"{LEAST_COSINE} is wanted); choose another --encoder"
            )
        check |= {kind: len(found), f"least_cosine_{kind}": least}
    return check
