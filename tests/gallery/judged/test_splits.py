import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from gallery.errors import BadInput
from gallery.judged.dataset import JudgedSet
from gallery.judged.splits import OTHERS, Seen, inner_split, split
from gallery.judged.trec import Topic
from gallery.records import Caption, Match


def pairs(count: int = 400, photos: int = 30, seed: int = 0) -> list[Match]:
    draw = random.Random(seed)
    return [
        Match(
            f"{draw.randrange(photos)}.jpg", Caption(f"{(photo := draw.randrange(photos))}.jpg", f"text {photo}"), 0.5
        )
        for _ in range(count)
    ]


def judged(captions: Sequence[Caption] = (), queries: Sequence[Caption] = ()) -> JudgedSet:
    gallery = tuple(sorted({query.image for query in queries}))
    return JudgedSet(Path("learn"), tuple(captions), (), Path("find"), gallery, tuple(queries))


CAPTIONS = [Caption(f"{photo}.jpg", f"text {photo}") for photo in range(30)]


@pytest.mark.parametrize("seed", range(5))
def test_nothing_of_a_judged_pair_may_be_learned(seed: int) -> None:
    matches = pairs(seed=seed)
    found = split(judged(CAPTIONS), matches, "held-out", seed)
    seen = {name for match in found.pairs for name in (match.image, match.caption.image, match.caption.text)}
    seen |= {name for caption in found.captions for name in (caption.image, caption.text)}
    held = {name for match in found.judged for name in (match.image, match.caption.image, match.caption.text)}
    assert not seen & held
    assert 0.02 < len(found.judged) / len(matches) < 0.2
    assert len(found.captions) == 21, "a photo that is held out has none"
    assert split(judged(CAPTIONS), matches, "held-out", seed) == found
    assert split(judged(CAPTIONS), matches, "held-out", seed + 1) != found


def test_photos_and_words_of_queries_are_never_learned_from() -> None:
    queries = [Caption("q.jpg", "text 3"), Caption("5.jpg", "other words")]
    matches = [match for match in pairs() if match.image != "5.jpg"]
    found = split(judged(CAPTIONS, queries), matches)
    assert {match.caption.text for match in found.pairs} == {f"text {n}" for n in range(30) if n != 3}
    assert {caption.image for caption in found.captions} == {f"{n}.jpg" for n in range(30) if n not in (3, 5)}
    assert found.judged == ()


def test_where_the_judged_photos_are_to_be_found_pairs_are_drawn_from_the_others() -> None:
    learned = [Caption(f"t{n}.jpg", f"words {n}") for n in range(20)]
    matches = [Match("5.jpg", CAPTIONS[4], 0.5), Match("4.jpg", Caption("4.jpg", "words 7"), 1.0)]
    found = split(judged(learned, CAPTIONS), matches, "held-out", 1)
    assert found.judged == tuple(matches)
    assert {caption.text for caption in found.captions} == {f"words {n}" for n in range(20) if n != 7}
    assert {match.image for match in found.pairs} | {m.caption.image for m in found.pairs} == {
        f"t{n}.jpg" for n in range(20) if n != 7
    }
    assert all((match.image == match.caption.image) == match.probability for match in found.pairs)
    assert sum(match.probability for match in found.pairs) * (1 + OTHERS) == len(found.pairs)


def test_the_same_words_are_not_learned_from() -> None:
    matches = [Match(image, Caption(photo, "A ."), 1) for image in "abcdefgh" for photo in "abcdefgh"]
    with pytest.raises(BadInput, match=": 0 to learn from"):
        inner_split(matches, 0)


def test_a_text_of_which_no_photo_is_known_is_held_out_by_its_words() -> None:
    matches = [Match(image, Caption("", text), 0.5) for image in "abcdefgh" for text in "stuvwxyz"]
    learned, kept = inner_split(matches, 0)
    assert not {match.caption.text for match in learned} & {match.caption.text for match in kept}
    assert not {match.image for match in learned} & {match.image for match in kept}


def test_what_was_seen_leaks_by_picture_by_caption_and_by_words() -> None:
    seen = Seen.of([Match("a", Caption("b", "words"), 1.0)], [Caption("c", "more")])
    assert seen.images == {"a", "c"}
    for judged_by in (Match("a", Caption("x", "y"), 0), Match("x", Caption("b", "y"), 0), Topic("1", "more", "x")):
        assert len(seen.leaks([judged_by])) == 1
    assert not seen.leaks([Match("x", Caption("y", "z"), 0), Topic("1", "t", "d")])


@pytest.mark.parametrize("matches", [[], pairs(1), pairs(2)])
def test_too_few_pairs_are_refused(matches: list[Match]) -> None:
    with pytest.raises(BadInput):
        split(judged(), matches, "held-out")
