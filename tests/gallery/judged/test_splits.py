import random

import pytest

from gallery.errors import BadInput
from gallery.judged.splits import held_out_split, leaky_split, split_by_photos
from gallery.records import Caption, Match


def pairs(count: int = 400, photos: int = 30, seed: int = 0) -> list[Match]:
    draw = random.Random(seed)
    return [
        Match(
            f"{draw.randrange(photos)}.jpg", Caption(f"{(photo := draw.randrange(photos))}.jpg", f"text {photo}"), 0.5
        )
        for _ in range(count)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_nothing_of_a_validation_pair_was_seen_in_training(seed: int) -> None:
    matches = pairs(seed=seed)
    split = held_out_split(matches, seed=seed)
    seen = {name for match in split.train for name in (match.image, match.caption.image, match.caption.text)}
    held = {name for match in split.validation for name in (match.image, match.caption.image, match.caption.text)}
    assert not seen & held
    assert len(split.train) + len(split.validation) + split.dropped == len(matches)
    assert 0.02 < len(split.validation) / len(matches) < 0.2
    assert held_out_split(matches, seed=seed) == split
    assert held_out_split(matches, seed=seed + 1) != split


def test_a_pair_that_is_half_held_out_is_dropped() -> None:
    a, b = Caption("a", "an a"), Caption("b", "a b")
    matches = [Match("a", a, 1), Match("a", b, 0), Match("b", a, 0), Match("b", b, 1)]
    split = split_by_photos(matches, {"a"})
    assert (split.train, split.validation, split.dropped) == ((matches[3],), (matches[0],), 2)


def test_the_same_words_are_not_learned_from() -> None:
    matches = [Match("a", Caption("a", "A ."), 1), Match("b", Caption("b", "A ."), 1), Match("b", Caption("b", "B"), 0)]
    split = split_by_photos(matches, {"a"})
    assert (split.train, split.validation, split.dropped) == ((matches[2],), (matches[0],), 1)


def test_a_text_of_which_no_photo_is_known_is_held_out_by_its_words() -> None:
    matches = [Match(image, Caption("", text), 0.5) for image in "abcdefgh" for text in "stuvwxyz"]
    split = held_out_split(matches, share=0.5)
    assert not {match.caption.text for match in split.train} & {match.caption.text for match in split.validation}
    assert not {match.image for match in split.train} & {match.image for match in split.validation}


def test_the_leaky_split_holds_out_images_alone() -> None:
    matches = pairs()
    split = leaky_split(matches)
    assert not {match.image for match in split.train} & {match.image for match in split.validation}
    texts = {match.caption.text for match in split.train}
    assert all(match.caption.text in texts for match in split.validation)
    assert split.dropped == 0


@pytest.mark.parametrize("matches", [[], pairs(1), pairs(2)])
def test_too_few_pairs_are_refused(matches: list[Match]) -> None:
    with pytest.raises(BadInput):
        held_out_split(matches, share=0.1)
    with pytest.raises(BadInput):
        leaky_split(matches[:1])
