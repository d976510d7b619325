from collections import Counter
from itertools import product
from statistics import multimode

import pytest

from gallery.judged.judgements import match_probabilities, match_probability
from gallery.records import Caption, Judgement, Match

CAPTION = Caption("b.jpg", "A dog", "b.jpg#2")


def judged(grades: tuple[int, ...] = (), yes: int = 0, no: int = 0) -> Judgement:
    return Judgement("a.jpg", CAPTION, grades, yes, no)


@pytest.mark.parametrize("grades", list(product((1, 2, 3, 4), repeat=3)))
def test_the_majority_of_the_experts_counts(grades: tuple[int, ...]) -> None:
    modes = multimode(grades)
    expected = (modes[0] - 1) / 3 if len(modes) == 1 else "the experts disagree"
    assert match_probability(judged(grades)) == expected


def test_experts_and_crowd_are_weighted() -> None:
    assert match_probability(judged((2, 3, 3), yes=1, no=2)) == pytest.approx(0.6 * 2 / 3 + 0.4 / 3)


def test_one_side_may_be_missing() -> None:
    assert match_probability(judged((4, 4, 4))) == 1.0
    assert match_probability(judged(yes=1, no=3)) == "only the crowd judged"
    assert match_probability(judged(yes=1, no=3), crowd_alone=True) == 0.25
    assert match_probability(judged(), crowd_alone=True) == "nobody judged"


def test_what_is_dropped_is_counted() -> None:
    pairs = [judged((1, 2, 3)), judged((4, 4, 4), 3, 0), judged((1, 3, 4)), judged(yes=1, no=2)]
    matches, dropped = match_probabilities(pairs)
    assert matches == [Match("a.jpg", CAPTION, 1.0)]
    assert dropped == Counter({"the experts disagree": 2, "only the crowd judged": 1})
