"""Which judged pairs are learned from and which are kept for judging."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gallery.errors import BadInput
from gallery.records import Match


@dataclass(frozen=True, slots=True)
class Split:
    """Two parts of some pairs, each in the pairs' order.

    Attributes:
        dropped: How many pairs belong to neither part.
    """

    train: tuple[Match, ...]
    validation: tuple[Match, ...]
    dropped: int


def photo_of(match: Match) -> str:
    """Return what the pair's sentence was taken from: its photo, or where nobody says which, its own words."""
    return match.caption.image or match.caption.text


def photos_of(matches: Sequence[Match]) -> list[str]:
    """Return all that `held_out_split` draws from, sorted: the images, and the photos of the sentences."""
    return sorted({match.image for match in matches} | {photo_of(match) for match in matches})


def held_out_split(matches: Sequence[Match], share: float = 0.3, seed: int = 0) -> Split:
    """Hold out photos, drawn at random: nothing of a validation pair was seen in training.

    A validation pair has its image and its sentence's photo among those held out, a training pair neither. A pair
    with one of them is dropped, as is a training pair whose sentence is word for word one of validation.

    Args:
        matches: Judged pairs.
        share: Of the photos that are held out; about its square is the share of validation pairs.
        seed: Of the draw.

    Raises:
        BadInput: A part would be empty.
    """
    photos = photos_of(matches)
    order = np.random.default_rng(seed).permutation(len(photos))
    return split_by_photos(matches, {photos[place] for place in order[: round(share * len(photos))]})


def split_by_photos(matches: Sequence[Match], held_out: set[str]) -> Split:
    """Do as `held_out_split`, with the photos to hold out given."""
    sides = [(match.image in held_out) + (photo_of(match) in held_out) for match in matches]
    validation = tuple(match for match, side in zip(matches, sides, strict=True) if side == 2)
    words = {match.caption.text for match in validation}
    train = tuple(m for m, side in zip(matches, sides, strict=True) if side == 0 and m.caption.text not in words)
    return _checked(matches, train, validation)


def leaky_split(matches: Sequence[Match], share: float = 0.3, seed: int = 42) -> Split:
    """Hold out images alone, as the published solutions do: only for comparison with their figures.

    In Flickr8k 97 % of the validation pairs have a sentence that was learned from. The draw is that of
    scikit-learn's `GroupShuffleSplit(n_splits=1, test_size=share, random_state=seed)`.

    Raises:
        BadInput: A part would be empty.
    """
    from sklearn.model_selection import GroupShuffleSplit

    groups = [match.image for match in matches]
    if len(set(groups)) < 2:
        raise BadInput("judged pairs of fewer than two images cannot be split; give more")
    drawn = GroupShuffleSplit(n_splits=1, test_size=share, random_state=seed)
    train, validation = next(drawn.split(groups, groups=groups))
    return _checked(matches, tuple(matches[row] for row in train), tuple(matches[row] for row in validation))


def _checked(matches: Sequence[Match], train: tuple[Match, ...], validation: tuple[Match, ...]) -> Split:
    if not train or not validation:
        raise BadInput(
            f"{len(matches)} judged pairs leave {len(train)} to learn from and {len(validation)} to judge by; "
            "give more of them, or another share"
        )
    return Split(train, validation, len(matches) - len(train) - len(validation))
