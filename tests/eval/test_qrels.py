"""Qrels and files of queries."""

from pathlib import Path

import pytest

from eval.qrels import Wanted, own_photo, read_qrels, read_wanted, write_qrels
from eval.runs import Topic
from gallery.errors import BadInput


def test_written_qrels_are_read_back(tmp_path: Path) -> None:
    qrels = {"q 1": {"a b.jpg": 1, "c.jpg": 0}, "q2": {"a b.jpg": 3}}
    write_qrels(qrels, tmp_path / "qrels")
    assert (tmp_path / "qrels").read_text().splitlines()[0] == "q%201 0 a%20b.jpg 1"
    assert read_qrels(tmp_path / "qrels") == qrels
    (tmp_path / "qrels").write_text("q 0 d yes\n")
    with pytest.raises(BadInput, match="line 1"):
        read_qrels(tmp_path / "qrels")


def test_the_photo_of_a_query_is_its_relevant_one() -> None:
    assert own_photo([Topic("q", "a dog", "1.jpg")]) == {"q": {"1.jpg": 1}}


def test_queries_are_read_with_their_paths(tmp_path: Path) -> None:
    path = tmp_path / "queries.tsv"
    path.write_text("# remark\na dog\tdog.jpg\n\nthe sea\ta.jpg\tb.jpg\n")
    assert read_wanted(path) == [Wanted(2, "a dog", ("dog.jpg",)), Wanted(4, "the sea", ("a.jpg", "b.jpg"))]
    path.write_text("a dog\n")
    with pytest.raises(BadInput, match="line 1"):
        read_wanted(path)
    path.write_text("# nothing\n")
    with pytest.raises(BadInput, match="no query"):
        read_wanted(path)
