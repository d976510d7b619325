"""Telling that a collection has no answer."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from eval.nothing import auroc, numbers_for, tell_apart


def test_the_area_is_scikit_learns_with_ties_too() -> None:
    chance = np.random.default_rng(0)
    present, absent = np.round(chance.normal(1, 1, 300), 1), np.round(chance.normal(0, 1, 300), 1)
    happened = np.repeat([1, 0], 300)
    numbers = np.concatenate([present, absent])
    assert auroc(present, absent) == pytest.approx(roc_auc_score(happened, numbers))
    told = tell_apart("drawn", present, absent)
    assert told.kept >= 0.95
    false, true, thresholds = roc_curve(happened, numbers, drop_intermediate=False)
    first = int(np.argmax(true >= 0.95))
    assert [told.false_answers, told.kept] == pytest.approx([false[first], true[first]])
    assert told.threshold == thresholds[first]


def test_a_threshold_that_was_chosen_elsewhere_is_kept() -> None:
    told = tell_apart("r", [0.9, 0.4, 0.8, 0.7], [0.3, 0.6, 0.1, 0.2], threshold=0.5)
    assert (told.kept, told.false_answers, told.threshold) == (0.75, 0.25, 0.5)
    assert told.auroc == pytest.approx(15 / 16)


def test_numbers_worked_by_hand() -> None:
    scores = np.array([[0.9, 0.2], [0.5, 0.6]])
    unrelated = np.array([[0.1, 0.3], [0.3, 0.1]])
    numbers = numbers_for(scores, [0, 1], unrelated, probability=lambda score: score / 2)
    present, absent = numbers["cosine of the best picture"]
    assert (present.tolist(), absent.tolist()) == ([0.9, 0.6], [0.2, 0.5])
    assert numbers["its match probability"][0].tolist() == [0.45, 0.3]
    present, absent = numbers["the same, picture by picture"]
    assert present == pytest.approx([7, 4])
    assert absent == pytest.approx([0, 3])
    assert scores[0, 0] == 0.9, "the scores are left as they were"
