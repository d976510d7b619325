from collections import Counter
from itertools import product
from statistics import fmean, multimode

import pytest

from gallery.errors import BadInput
from gallery.judged.judgements import Merging, match_probabilities, match_probability
from gallery.records import Caption, Judgement, Match

CAPTION = Caption("b.jpg", "A dog", "b.jpg#2")


def judged(grades: tuple[int, ...] = (), yes: int = 0, no: int = 0) -> Judgement:
    return Judgement("a.jpg", CAPTION, grades, yes, no)


@pytest.mark.parametrize("grades", list(product((1, 2, 3, 4), repeat=3)))
def test_the_majority_of_the_experts_counts(grades: tuple[int, ...]) -> None:
    modes = multimode(grades)
    expected = (modes[0] - 1) / 3 if len(modes) == 1 else "the experts disagree"
    assert match_probability(judged(grades)) == expected
    assert match_probability(judged(grades), Merging(experts="mean")) == pytest.approx((fmean(grades) - 1) / 3)
    tie = match_probability(judged(grades), Merging(tie="mean"))
    assert tie == pytest.approx((modes[0] - 1) / 3 if len(modes) == 1 else (fmean(grades) - 1) / 3)


def test_experts_and_crowd_are_weighted() -> None:
    pair = judged((2, 3, 3), yes=1, no=2)
    assert match_probability(pair) == pytest.approx(0.6 * 2 / 3 + 0.4 / 3)
    assert match_probability(pair, Merging(expert_weight=1, crowd_weight=3)) == pytest.approx((2 / 3 + 3 / 3) / 4)
    assert match_probability(pair, Merging(crowd_weight=0)) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("pair", "merging", "expected"),
    [
        (judged((4, 4, 4)), Merging(), 1.0),
        (judged((4, 4, 4)), Merging(no_crowd="zero"), 0.6),
        (judged((4, 4, 4)), Merging(no_crowd="drop"), "only experts judged"),
        (judged(yes=1, no=3), Merging(), "only the crowd judged"),
        (judged(yes=1, no=3), Merging(no_experts="crowd"), 0.25),
        (judged(), Merging(no_experts="crowd"), "nobody judged"),
    ],
)
def test_one_side_may_be_missing(pair: Judgement, merging: Merging, expected: float | str) -> None:
    assert match_probability(pair, merging) == expected


def test_what_is_dropped_is_counted() -> None:
    pairs = [judged((1, 2, 3)), judged((4, 4, 4), 3, 0), judged((1, 3, 4)), judged(yes=1, no=2)]
    matches, dropped = match_probabilities(pairs)
    assert matches == [Match("a.jpg", CAPTION, 1.0)]
    assert dropped == Counter({"the experts disagree": 2, "only the crowd judged": 1})


@pytest.mark.parametrize("weights", [(-1, 2), (0, 0)])
def test_weights_must_make_sense(weights: tuple[float, float]) -> None:
    with pytest.raises(BadInput, match="weights"):
        Merging(expert_weight=weights[0], crowd_weight=weights[1])
