"""Measures against values worked by hand, scikit-learn, scipy and trec_eval; known runs give known answers."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import pytrec_eval
from scipy import stats
from sklearn.metrics import average_precision_score, ndcg_score

from eval.collapse import collapse
from eval.metrics import estimate, holm, paired_p_value, per_query, success_curve
from eval.qrels import own_photo, read_qrels, write_qrels
from eval.runs import Answer, Run, Topic, in_order, read_run, write_run

PHOTOS = [f"{number:03d}.jpg" for number in range(100)]
TOPICS = [Topic(f"{photo}#{k}", f"caption {k}", photo) for photo in PHOTOS for k in range(5)]
QRELS = own_photo(TOPICS)


def ranked(name: str, orders: Mapping[str, Sequence[str]]) -> Run:
    """Return a run with these documents in this order."""
    return Run(name, {topic: in_order(Answer(d, -float(r)) for r, d in enumerate(o)) for topic, o in orders.items()})


def random_run(seed: int) -> Run:
    chance = np.random.default_rng(seed)
    return ranked("random", {topic.id: list(chance.permutation(PHOTOS)) for topic in TOPICS})


def test_values_worked_by_hand_on_four_images() -> None:
    qrels = {"q1": {"a": 1}, "q2": {"a": 1, "c": 1}, "q3": {"d": 1}, "q4": {"b": 2, "c": 1, "a": 0}}
    run = ranked("four", {"q1": "abcd", "q2": "bacd", "q4": "acbd"})  # q3 got no answer
    values = per_query(run, qrels, ["Success@1", "Success@2", "R@2", "P@2", "RR", "AP", "nDCG"])
    log = np.log2([2, 3, 4])
    expected = {
        "Success@1": [1, 0, 0, 0],
        "Success@2": [1, 1, 0, 1],
        "R@2": [1, 1 / 2, 0, 1 / 2],
        "P@2": [1 / 2, 1 / 2, 0, 1 / 2],
        "RR": [1, 1 / 2, 0, 1 / 2],
        "AP": [1, (1 / 2 + 2 / 3) / 2, 0, (1 / 2 + 2 / 3) / 2],
        "nDCG": [1, (1 / log[1] + 1 / log[2]) / (1 + 1 / log[1]), 0, (1 / log[1] + 2 / log[2]) / (2 + 1 / log[1])],
    }
    for measure, row in expected.items():
        assert [values[measure][f"q{n}"] for n in range(1, 5)] == pytest.approx(row), measure


def test_measures_equal_scikit_learns() -> None:
    chance = np.random.default_rng(1)
    for _ in range(20):
        grades = chance.integers(0, 3, 12)
        grades[0] = 1
        scores = chance.standard_normal(12)
        names = [chr(97 + n) for n in range(12)]
        run = Run("r", {"q": in_order(Answer(n, float(s)) for n, s in zip(names, scores, strict=True))})
        values = per_query(run, {"q": {n: int(g) for n, g in zip(names, grades, strict=True)}}, ["AP", "nDCG"])
        assert values["AP"]["q"] == pytest.approx(average_precision_score(grades > 0, scores))
        assert values["nDCG"]["q"] == pytest.approx(ndcg_score([grades], [scores]))


def test_trec_eval_gives_the_same_from_the_written_files_even_with_ties(tmp_path: Path) -> None:
    chance = np.random.default_rng(2)
    scores = np.round(chance.random((len(TOPICS), 100)), 1)
    answers = {
        topic.id: in_order(Answer(photo, float(s)) for photo, s in zip(PHOTOS, row, strict=True))
        for topic, row in zip(TOPICS, scores, strict=True)
    }
    write_run(Run("tied", answers), tmp_path / "run")
    write_qrels(QRELS, tmp_path / "qrels")
    run = {topic: {a.document: a.score for a in given} for topic, given in read_run(tmp_path / "run").answers.items()}
    judge = pytrec_eval.RelevanceEvaluator(read_qrels(tmp_path / "qrels"), {"recip_rank", "map", "ndcg", "success_1"})
    theirs = judge.evaluate(run)
    ours = per_query(Run("tied", answers), QRELS)
    for measure, name in (("RR", "recip_rank"), ("AP", "map"), ("nDCG", "ndcg"), ("Success@1", "success_1")):
        assert ours[measure] == pytest.approx({topic: values[name] for topic, values in theirs.items()})


def test_a_perfect_run_is_one_everywhere() -> None:
    perfect = ranked("perfect", {topic.id: [topic.photo, *(p for p in PHOTOS if p != topic.photo)] for topic in TOPICS})
    for measure, values in per_query(perfect, QRELS, ["Success@1", "R@10", "RR", "AP", "nDCG"]).items():
        found = estimate(values, TOPICS)
        assert (found.mean, found.low, found.high) == (1, 1, 1), measure
    assert collapse(perfect, 100).distinct == 100
    assert success_curve(perfect, QRELS, 3).tolist() == [1, 1, 1]


def test_a_random_run_is_k_of_n_within_its_interval() -> None:
    run = random_run(0)
    values = per_query(run, QRELS)
    for measure, k in (("Success@1", 1), ("Success@5", 5), ("Success@10", 10)):
        found = estimate(values[measure], TOPICS)
        assert found.low <= k / 100 <= found.high
        assert success_curve(run, QRELS, 10)[k - 1] == pytest.approx(found.mean)


def test_a_collapsed_run_has_one_answer() -> None:
    run = ranked("collapsed", {topic.id: PHOTOS for topic in TOPICS})
    found = collapse(run, 100)
    assert (found.distinct, found.distinct_per_query, found.most_frequent) == (1, 1 / 500, 1)
    assert found.skewness == pytest.approx(stats.skew([500] * 10 + [0] * 90))
    assert estimate(per_query(run, QRELS)["Success@1"], TOPICS).mean == pytest.approx(1 / 100)


def test_queries_without_an_answer_count_zero() -> None:
    empty = per_query(Run("silent", {}), QRELS)
    assert estimate(empty["RR"], TOPICS).mean == 0
    assert collapse(Run("silent", {}), 100).distinct == 0


def test_intervals_resample_photos_not_queries() -> None:
    values = {topic.id: float(int(topic.photo[:3]) % 2) for topic in TOPICS}  # all five captions of a photo alike
    found = estimate(values, TOPICS)
    error = 0.5 / np.sqrt(100)
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.1)
    assert (found.queries, found.photos) == (500, 100)


def test_the_permutation_test_is_the_sign_test_where_it_can_be_worked_out() -> None:
    photos = TOPICS[::5][:6]
    ours, theirs = {topic.id: 1.0 for topic in photos}, {topic.id: 0.0 for topic in photos}
    assert paired_p_value(ours, theirs, photos) == pytest.approx(2 / 2**6)  # all 64 exchanges, 2 as extreme
    assert paired_p_value(ours, ours, photos) == 1
    first, second = (per_query(random_run(seed), QRELS)["RR"] for seed in (3, 4))
    assert paired_p_value(first, second, TOPICS) > 0.01


def test_holm_multiplies_by_what_is_left_and_never_falls() -> None:
    assert holm([0.04, 0.01, 0.03, 0.5]) == pytest.approx([0.09, 0.04, 0.09, 0.5])
    assert holm([0.6, 0.9]) == [1, 1]
