"""Runs and qrels: order, ties, and TREC's files."""

from pathlib import Path

import numpy as np
import pytest
import pytrec_eval

from gallery.errors import BadInput
from gallery.judged.trec import (
    Answer,
    Run,
    Topic,
    in_order,
    own_photo,
    read_qrels,
    read_run,
    run_of_scores,
    topics_of,
    write_qrels,
    write_run,
)
from gallery.records import Caption

PHOTOS = [f"{name} {number}.jpg" for number in range(15) for name in ("b", "a%", "é", "a~")]


def test_equal_scores_go_by_encoded_name_the_greater_first_as_trec_eval_sees_them() -> None:
    answers = [("a", 0.5), ("c", 0.5 + 1e-9), ("b", 0.5 + 2e-9), ("d", 0.7), ("~", 0.1), ("é", 0.1)]
    # é is %C3%A9 in the file, which is less than ~.
    assert [answer.document for answer in in_order(answers)] == ["d", "c", "b", "a", "~", "é"]


def test_a_matrix_becomes_the_run_that_its_rows_sorted_alone_make() -> None:
    scores = np.round(np.random.default_rng(0).random((7, len(PHOTOS))), 1)
    run = run_of_scores("tied", [str(n) for n in range(7)], PHOTOS, scores)
    for number, row in enumerate(scores):
        assert run.answers[str(number)] == in_order(zip(PHOTOS, row, strict=True))
    assert run_of_scores("tied", ["0"], PHOTOS, scores[:1], depth=3).answers["0"] == run.answers["0"][:3]


def test_a_written_run_is_read_back_and_trec_eval_ranks_it_alike(tmp_path: Path) -> None:
    scores = np.round(np.random.default_rng(1).random((20, len(PHOTOS))), 1)
    topics = [f"q#{n}" for n in range(20)]
    run = run_of_scores("early fusion", topics, PHOTOS, scores)
    path = write_run(run, tmp_path / "run")
    assert read_run(path) == run
    first = path.read_text().split("\n")[0].split()
    assert first[:4] == ["q%230", "Q0", first[2], "1"]
    assert first[5] == "early%20fusion"
    qrels = {topic: {PHOTOS[n]: 1} for n, topic in enumerate(topics)}
    raw = {fields[0]: {fields[2]: 1} for fields in (line.split() for line in _qrels(qrels, tmp_path))}
    given: dict[str, dict[str, float]] = {}
    for line in path.read_text().splitlines():
        topic, _, document, _, score, _ = line.split()
        given.setdefault(topic, {})[document] = float(score)
    theirs = pytrec_eval.RelevanceEvaluator(raw, {"recip_rank"}).evaluate(given)
    for n, topic in enumerate(topics):
        rank = [answer.document for answer in run.answers[topic]].index(PHOTOS[n]) + 1
        assert theirs[topic.replace("#", "%23")]["recip_rank"] == pytest.approx(1 / rank)


def _qrels(qrels: dict[str, dict[str, int]], folder: Path) -> list[str]:
    path = write_qrels(qrels, folder / "qrels")
    assert read_qrels(path) == qrels
    return [line.replace(" 0 ", " Q0 ", 1) for line in path.read_text().splitlines()]


def test_queries_become_topics_whose_photo_is_relevant() -> None:
    topics = topics_of([Caption("1.jpg", "a dog", "1.jpg#0"), Caption("2.jpg", "a cat")])
    assert topics == [Topic("1.jpg#0", "a dog", "1.jpg"), Topic("2.jpg#1", "a cat", "2.jpg")]
    assert own_photo(topics) == {"1.jpg#0": {"1.jpg": 1}, "2.jpg#1": {"2.jpg": 1}}


@pytest.mark.parametrize(
    ("text", "message"),
    [("q Q0 d 1 0.5\n", "5 columns"), ("q Q0 d 1 x n\n", "not a number"), ("q Q0 d 1 1 n\nq Q0 d 2 1 n\n", "twice")],
)
def test_another_file_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "run").write_text(text)
    with pytest.raises(BadInput, match=message):
        read_run(tmp_path / "run")
    with pytest.raises(BadInput, match="cannot be read"):
        read_run(tmp_path / "none")
    (tmp_path / "qrels").write_text("q 0 d yes\n")
    with pytest.raises(BadInput, match="line 1"):
        read_qrels(tmp_path / "qrels")


def test_a_run_keeps_scores_as_trec_eval_reads_them(tmp_path: Path) -> None:
    run = Run("r", {"q": in_order([("d", 0.1 + 0.2)])})
    assert read_run(write_run(run, tmp_path / "run")).answers["q"] == (Answer("d", float(np.float32(0.3))),)
