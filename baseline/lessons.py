"""Judged data with the vectors of its photos, and the rows that early fusion learns from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gallery.judged.dataset import JudgedSet, read_judged
from gallery.judged.judgements import match_probabilities
from gallery.judged.networks import ImageNetwork
from gallery.judged.splits import inner_split
from gallery.judged.text_vectors import JoinedVectors
from gallery.judged.vectors import picture_vectors
from gallery.records import Match
from gallery.vectors import Vectors

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Data:
    """A judged set with its match probabilities, and one network's vectors of its photos, by name."""

    judged: JudgedSet
    matches: tuple[Match, ...]
    network: ImageNetwork
    photos: dict[str, Vectors]

    @cached_property
    def gallery(self) -> Vectors:
        """The vectors of the photos to be found, in the order of `judged.gallery`; shape `(m, g)`."""
        return np.stack([self.photos[name] for name in self.judged.gallery])


@dataclass(frozen=True, slots=True)
class Rows:
    """A text vector, an image vector and a match probability for each pair.

    Attributes:
        text: Shape `(n, f)`.
        image: Shape `(n, g)`.
        target: Shape `(n,)`, 0 to 1.
        matches: The pairs themselves.
    """

    text: Vectors
    image: Vectors
    target: NDArray[np.float64]
    matches: tuple[Match, ...]


def prepare(folder: Path, network: ImageNetwork, cache: Path, tell: Tell) -> Data:
    """Read judged data, and compute the vectors of its photos or read them from `cache`.

    Raises:
        GalleryError: A file of the data cannot be used.
    """
    judged = read_judged(folder)
    matches, dropped = match_probabilities(judged.judgements)
    for reason, count in {**judged.dropped, **dropped}.items():
        if count:
            tell(f"{count} left out: {reason}")
    names = sorted({*judged.gallery, *(match.image for match in matches), *(own.image for own in judged.captions)})
    vectors = picture_vectors(network, network.fingerprint, judged.paths(names), cache, tell)
    return Data(judged, tuple(matches), network, dict(zip(names, vectors, strict=True)))


def rows_of(data: Data, matches: Sequence[Match], texts: JoinedVectors) -> Rows:
    """Return the rows of some pairs, in their order; each sentence is encoded once."""
    words = sorted({match.caption.text for match in matches})
    of_text = dict(zip(words, texts.encode(words), strict=True))
    return Rows(
        text=np.stack([of_text[match.caption.text] for match in matches]),
        image=np.stack([data.photos[match.image] for match in matches]),
        target=np.array([match.probability for match in matches]),
        matches=tuple(matches),
    )


def inner_parts(rows: Rows, seed: int) -> tuple[Rows, Rows]:
    """Divide the training rows by photos again, so that no choice depends on what the model is judged by."""
    place = {id(match): row for row, match in enumerate(rows.matches)}
    learned, judged = inner_split(rows.matches, seed)
    return _part(rows, [place[id(m)] for m in learned]), _part(rows, [place[id(m)] for m in judged])


def _part(rows: Rows, chosen: Sequence[int]) -> Rows:
    return Rows(rows.text[chosen], rows.image[chosen], rows.target[chosen], tuple(rows.matches[row] for row in chosen))
