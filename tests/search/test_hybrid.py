"""Words and vectors together, and why a picture was found."""

from collections.abc import Callable, Iterator
from pathlib import Path

import doctest_gallery
import pytest
from asking import ask
from letter_encoder import LetterEncoder

from gallery.records import Hit, ImageRecord
from search.engine import SearchEngine
from search.hybrid import fuse


@pytest.fixture
def colours(tmp_path: Path) -> Iterator[SearchEngine]:
    settings, encoder, _ = doctest_gallery.make(tmp_path)
    with SearchEngine.open(settings, text_encoder=encoder) as engine:
        yield engine


def test_ranks_count_by_their_weight(make_record: Callable[..., ImageRecord]) -> None:
    one, two, three = (Hit(make_record(number), 0.5) for number in range(3))
    hits = fuse([one, two], [three, two], 0.75, 10)
    assert {hit.image.id: hit.score for hit in hits} == pytest.approx(
        {two.image.id: 0.5 / 62 + 1.5 / 62, three.image.id: 1.5 / 61, one.image.id: 0.5 / 61}
    )
    assert [hit.image.id for hit in hits] == [two.image.id, three.image.id, one.image.id]


@pytest.mark.parametrize(("weight", "first"), [(0.0, "all red"), (1.0, "all gold")])
def test_the_weight_of_words_decides_between_looks_and_captions(
    colours: SearchEngine, weight: float, first: str
) -> None:
    # The letters of the line are those of "red", the one word that a caption has is "gold".
    hits = ask(colours, "gold rrrr eeee dddd rd red_d", 4, hybrid=True, word_weight=weight).hits
    assert hits[0].captions == [first]


def test_an_answer_says_why(colours: SearchEngine) -> None:
    asked = ask(colours, "all green things", 4, hybrid=True, why=True).hits
    first = next(hit for hit in asked if hit.captions == ["all green"])
    assert first.words == ["green"]  # "all" is too common to be looked for
    vectors = LetterEncoder().encode_texts(["all green things", "green"])
    assert first.cosine == pytest.approx(float(vectors[0] @ vectors[1]), abs=1e-5)
    assert all(hit.words is None and hit.cosine is None for hit in ask(colours, "all green things", 4).hits)
