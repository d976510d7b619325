"""Runs: order, ties, and the TREC form."""

from collections.abc import Callable
from pathlib import Path

import pytest

from eval.runs import Answer, Run, Topic, in_order, read_run, retrieve, write_run
from gallery.errors import BadInput
from gallery.records import Hit, ImageFile, ImageRecord


class Fixed:
    """Answers every query with the same hits."""

    name = "fixed"

    def __init__(self, hits: list[Hit]) -> None:
        self._hits = hits

    def search(self, query: str, limit: int) -> list[Hit]:
        return self._hits[:limit] if query else []


def test_a_run_keeps_what_a_system_answered(make_record: Callable[..., ImageRecord]) -> None:
    hits = [
        Hit(make_record(n, files=(ImageFile(f"/x/{n}.jpg", 1, 1),)), score, 0.5)
        for n, score in ((1, 0.9), (2, 0.5), (3, 0.1))
    ]
    run = retrieve(Fixed(hits), [Topic("q1", "a dog", "1.jpg"), Topic("q2", "", "2.jpg")], 2)
    assert run == Run("fixed", {"q1": (Answer("1.jpg", 0.9, 0.5), Answer("2.jpg", 0.5, 0.5)), "q2": ()})


def test_equal_scores_go_by_document_the_greater_first_as_trec_eval_sees_them() -> None:
    answers = [Answer("a", 0.5), Answer("c", 0.5 + 1e-9), Answer("b", 0.5 + 2e-9), Answer("d", 0.7)]
    assert [answer.document for answer in in_order(answers)] == ["d", "c", "b", "a"]


def test_a_written_run_is_read_back(tmp_path: Path) -> None:
    run = Run("early fusion", {"q#1": (Answer("my dog.jpg", 0.1 + 0.2), Answer("é.jpg", -1e-9))})
    write_run(run, tmp_path / "run")
    first = (tmp_path / "run").read_text().splitlines()[0]
    assert first == "q%231 Q0 my%20dog.jpg 1 0.30000000000000004 early%20fusion"
    assert read_run(tmp_path / "run") == run


@pytest.mark.parametrize(
    ("text", "message"),
    [("q Q0 d 1 0.5\n", "5 columns"), ("q Q0 d 1 x n\n", "no number"), ("q Q0 d 1 1 n\nq Q0 d 2 1 n\n", "twice")],
)
def test_another_file_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "run").write_text(text)
    with pytest.raises(BadInput, match=message):
        read_run(tmp_path / "run")
    with pytest.raises(BadInput, match="cannot be read"):
        read_run(tmp_path / "none")
