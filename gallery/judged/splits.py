"""Divides a judged set into pairs to learn from and pairs to judge by."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from gallery.errors import BadInput
from gallery.judged.dataset import JudgedSet
from gallery.judged.trec import Topic
from gallery.records import Caption, Match

HELD_OUT = "held-out"
DRAWN = 6000
OTHERS = 4


@dataclass(frozen=True, slots=True)
class Split:
    """A division of a judged set.

    Attributes:
        pairs: Pairs to learn from.
        captions: Captions to learn from, each with its own photo.
        judged: Judged pairs to judge by; empty for `all` in the Practicum form.
    """

    pairs: tuple[Match, ...]
    captions: tuple[Caption, ...]
    judged: tuple[Match, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a training really used: photos as pictures, and sentences."""

    images: frozenset[str]
    captions: frozenset[Caption]

    @classmethod
    def of(cls, pairs: Iterable[Match] = (), captions: Iterable[Caption] = ()) -> "Seen":
        """Return the photos and sentences in some pairs, and in some captions with their own photos."""
        pairs, captions = list(pairs), list(captions)
        images = {pair.image for pair in pairs} | {caption.image for caption in captions}
        return cls(frozenset(images), frozenset(pair.caption for pair in pairs) | frozenset(captions))

    def leaks(self, judged: Iterable[Match | Topic]) -> set[str]:
        """Return what was seen of pairs or queries to judge by: photos, also through captions, and sentences."""
        seen = self.images | {part for caption in self.captions for part in (caption.image, caption.text)}
        return {part for one in judged for part in _parts(one) if part in seen}


def _parts(judged: Match | Topic) -> tuple[str, ...]:
    if isinstance(judged, Topic):
        return judged.photo, judged.text
    return judged.image, judged.caption.image, judged.caption.text


def photo_of(match: Match) -> str:
    """Return the photo that the pair's sentence was written for, or, if unknown, the sentence itself."""
    return match.caption.image or match.caption.text


def photos_of(matches: Sequence[Match]) -> list[str]:
    """Return the photos of some pairs, sorted: those of the images and those of the sentences."""
    return sorted({match.image for match in matches} | {photo_of(match) for match in matches})


def split(judged: JudgedSet, matches: Sequence[Match], name: str = "all", seed: int = 0) -> Split:
    """Divide a judged set so that nothing used for judging can be learned.

    The queries' photos, and captions with the words of a query, are never learned from. If the judged photos are those
    to be found, as in Flickr8k's form, all judged pairs are kept for judging. Pairs to learn from are then drawn:
    training photos with a caption of their own, which match, and with other photos' captions, which do not.

    Args:
        judged: The set.
        matches: Its judged pairs.
        name: `all` to learn from all that is left, or `HELD_OUT` to hold out photos at random.
        seed: The random seed of the draw.

    Raises:
        BadInput: A part would be empty.
    """
    words = {query.text for query in judged.queries}
    unseen = set(judged.gallery)
    captions = tuple(c for c in judged.captions if c.image not in unseen and c.text not in words)
    if unseen & {match.image for match in matches}:
        taken = {match.caption.text for match in matches}
        captions = tuple(caption for caption in captions if caption.text not in taken)
        return Split(drawn_pairs(captions, seed), captions, tuple(matches))
    fresh = [match for match in matches if match.caption.text not in words]
    if name == "all":
        return Split(tuple(fresh), captions, ())
    return _by_photos(fresh, captions, held_out_photos(matches, seed=seed))


def drawn_pairs(captions: Sequence[Caption], seed: int) -> tuple[Match, ...]:
    """Pair one caption of each photo with the photo, and with `OTHERS` other photos; at most `DRAWN` captions."""
    one = list({caption.image: caption for caption in captions}.values())
    draw = np.random.default_rng(seed)
    pairs = []
    for place in draw.permutation(len(one))[:DRAWN]:
        pairs.append(Match(one[place].image, one[place], 1.0))
        others = draw.choice(len(one), min(OTHERS + 1, len(one)), replace=False)
        pairs += [Match(one[other].image, one[place], 0.0) for other in others if other != place][:OTHERS]
    return tuple(pairs)


def held_out_photos(matches: Sequence[Match], share: float = 0.3, seed: int = 0) -> set[str]:
    """Draw photos to hold out; about the square of `share` of the pairs contain only these."""
    photos = photos_of(matches)
    order = np.random.default_rng(seed).permutation(len(photos))
    return {photos[place] for place in order[: round(share * len(photos))]}


def inner_split(matches: Sequence[Match], seed: int) -> tuple[tuple[Match, ...], tuple[Match, ...]]:
    """Divide the pairs to learn from again, in the same way, to choose between models."""
    found = _by_photos(matches, (), held_out_photos(matches, seed=seed))
    return found.pairs, found.judged


def _by_photos(matches: Sequence[Match], captions: Sequence[Caption], held_out: set[str]) -> Split:
    """Judge by pairs whose image and sentence's photo are both held out, and learn from pairs with neither."""
    sides = [(match.image in held_out) + (photo_of(match) in held_out) for match in matches]
    judged = tuple(match for match, side in zip(matches, sides, strict=True) if side == 2)
    words = {match.caption.text for match in judged}
    pairs = tuple(m for m, side in zip(matches, sides, strict=True) if side == 0 and m.caption.text not in words)
    left = tuple(caption for caption in captions if caption.image not in held_out and caption.text not in words)
    return _checked(matches, Split(pairs, left, judged))


def _checked(matches: Sequence[Match], found: Split) -> Split:
    if not found.pairs or not found.judged:
        raise BadInput(
            f"too few judged pairs ({len(matches)}): {len(found.pairs)} to learn from and {len(found.judged)} "
            "to judge by are left; give more of them"
        )
    return found
