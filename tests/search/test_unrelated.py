"""The list of unrelated texts, and a collection's scores for them."""

import numpy as np
import pytest

from search.unrelated import background, unrelated_texts


def test_there_are_two_hundred_sentences_and_none_twice() -> None:
    texts = unrelated_texts()
    assert len(texts) == len(set(texts)) == 200
    assert all(text.strip() == text and text.endswith(".") for text in texts)


def test_a_standing_counts_deviations_above_the_mean() -> None:
    scores = [0.1, 0.2, 0.3]
    found = background(scores)
    assert found.standing(0.5) == pytest.approx((0.5 - np.mean(scores)) / np.std(scores))
    assert background([0.2, 0.2]).standing(0.3) > 1000
