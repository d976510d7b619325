"""Vectors that are computed once: pictures' are cached on disk, texts' in memory; and cosines of pairs."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gallery.errors import BadInput
from gallery.pictures import open_image
from gallery.printable import counted
from gallery.spec import sha256_of
from gallery.vectors import Vectors

BATCH = 32
Encode = Callable[[Sequence[str]], Vectors]


class Pictures(Protocol):
    """A source of pictures' vectors: a frozen network, or an encoder's picture tower.

    Attributes:
        detail: Pixels of a picture's shorter side that are enough, for `open_image`.
    """

    detail: int

    def pixels(self, picture: Image.Image) -> Vectors:
        """Return the input for one RGB picture."""
        ...

    def encode_pixels(self, pixels: Vectors) -> Vectors:
        """Return one vector per input, shape `(n, dimension)`."""
        ...


class Remembered:
    """A function from texts to vectors that sees each text once, and many at a time."""

    def __init__(self, encode: Encode) -> None:
        self._encode = encode
        self._known: dict[str, Vectors] = {}

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Return one vector per text, shape `(n, dimension)`."""
        # Texts of similar length go together, because a batch is as slow as its longest text.
        new = sorted({text for text in texts if text not in self._known}, key=lambda text: (len(text), text))
        if new or not texts:
            self._known |= dict(zip(new, made := self._encode(new), strict=True))
        return np.stack([self._known[text] for text in texts]) if texts else made


def picture_vectors(
    pictures: Pictures,
    fingerprint: str,
    paths: Sequence[Path],
    folder: Path,
    told: Callable[[str], None] = lambda _: None,
) -> Vectors:
    """Return one vector per image file, shape `(n, dimension)`; known ones come from `folder`.

    Args:
        pictures: Computes the vectors.
        fingerprint: Names it and its weights. Vectors are cached by this name and the file's content.
        paths: At least one.
        folder: The cache of vectors.
        told: Called with progress messages.

    Raises:
        BadInput: A file cannot be read.
        UnreadableImage: A file is not a picture.
    """
    try:
        digests = [sha256_of(path) for path in paths]
    except OSError as error:
        raise BadInput(f"an image cannot be read ({error}); the folder must hold all that are named") from error
    file = folder / f"{fingerprint.replace(' ', '-').replace('/', '-')}.npz"
    kept = _kept(file)
    missing = list({digest: path for digest, path in zip(digests, paths, strict=True) if digest not in kept}.items())
    for start in range(0, len(missing), BATCH):
        batch = missing[start : start + BATCH]
        pixels = np.stack([pictures.pixels(open_image(str(path), pictures.detail).rgb) for _, path in batch])
        kept |= dict(zip((digest for digest, _ in batch), pictures.encode_pixels(pixels), strict=True))
        told(f"vectors of {start + len(batch)} of {counted(len(missing), 'photo')}")
    if missing:
        _keep(kept, file)
    return np.stack([kept[digest] for digest in digests])


def pair_cosines(one: Vectors, other: Vectors) -> NDArray[np.float64]:
    """Return the cosine of each row of `one` with the same row of `other`, both of unit length; shape `(n,)`."""
    return np.asarray(np.einsum("ij,ij->i", one, other), np.float64)


def _kept(file: Path) -> dict[str, Vectors]:
    if not file.exists():
        return {}
    with np.load(file, allow_pickle=False) as arrays:
        return dict(zip(arrays["digests"].tolist(), arrays["vectors"], strict=True))


def _keep(vectors: dict[str, Vectors], file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".draft.npz")
    np.savez(draft, digests=np.array(list(vectors)), vectors=np.stack(list(vectors.values())))
    draft.replace(file)
