"""The engine over a real collection, with an encoder that counts letters."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from asking import ask
from letter_encoder import LetterEncoder

from gallery.calibration import Calibration
from gallery.errors import BadInput, SpecMismatch
from gallery.records import ImageRecord
from gallery.settings import Settings
from gallery.stores import ImageCollection, moment, open_store
from search.answer import from_json, to_json
from search.engine import SearchEngine


@pytest.fixture(scope="module")
def collection(
    make_record: Callable[..., ImageRecord], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ImageCollection]:
    """Four pictures with the vectors of words: abc, abd, xyz and red."""
    settings, encoder = Settings(data_dir=tmp_path_factory.mktemp("data")), LetterEncoder()
    editor = open_store(settings).edit("words")
    editor.begin(encoder.spec)
    words = ["abc", "abd", "xyz", "red"]
    records = [make_record(number, captions=(word,), width=100 + number) for number, word in enumerate(words)]
    editor.upsert(records, encoder.encode_texts(words))
    editor.finish()
    editor.close()
    opened = open_store(settings).open()
    yield opened
    opened.close()


@pytest.fixture
def engine(collection: ImageCollection) -> SearchEngine:
    return SearchEngine(LetterEncoder(), collection)


def test_hits_come_best_first_with_their_cosine(engine: SearchEngine) -> None:
    hits = engine.search("abc")
    assert [hit.image.captions[0] for hit in hits] == ["abc", "abd", "xyz", "red"] or hits[2].score == hits[3].score
    assert [hit.score for hit in hits] == pytest.approx([1, 2 / 3, 0, 0], abs=1e-6)


def test_the_limit_and_the_least_score_cut_the_end(engine: SearchEngine) -> None:
    assert len(engine.search("abc", 1)) == 1
    assert [hit.image.captions[0] for hit in engine.search("abc", min_score=0.5)] == ["abc", "abd"]
    assert engine.search("abc", min_score=0.5, where={"width": {"gte": 102}}) == []


def test_an_empty_query_is_refused(engine: SearchEngine) -> None:
    for query in ("", "  \n"):
        with pytest.raises(BadInput, match="empty"):
            engine.search(query)


def test_what_is_no_unicode_becomes_question_marks(engine: SearchEngine) -> None:
    assert engine.search("abc\udcff")[0].score == pytest.approx(1, abs=1e-6)


def test_another_space_is_refused_with_the_cure(collection: ImageCollection) -> None:
    other = LetterEncoder()
    other.spec = replace(other.spec, space="letters 2")
    with pytest.raises(SpecMismatch, match="use another --collection"):
        SearchEngine(other, collection)


def test_a_path_is_searched_as_text(engine: SearchEngine, tmp_path: Path) -> None:
    assert engine.search(str(tmp_path))[0].score < 1


def test_an_empty_line_browses_the_newest_first(engine: SearchEngine) -> None:
    answer = ask(engine, "", 3, 1)
    newest = engine.collection.newest(4)
    assert [hit.id for hit in answer.hits] == [record.id for record in newest[1:]]
    assert sorted(map(moment, newest), reverse=True) == list(map(moment, newest))
    assert {hit.score for hit in answer.hits} == {None}


def test_pages_of_an_answer_are_the_answer(engine: SearchEngine) -> None:
    whole = ask(engine, "abc", 4).hits
    assert [hit.id for hit in whole] == [hit.image.id for hit in engine.search("abc", 4)]
    assert [hit.rank for hit in whole] == [1, 2, 3, 4]
    assert [ask(engine, "abc", 1, offset).hits[0] for offset in range(4)] == whole
    assert ask(engine, "abc", 4, 4).hits == []


def test_an_answer_tells_how_it_came_about(engine: SearchEngine) -> None:
    answer = ask(engine, "a b c d e f")
    assert (answer.tokens, answer.text_limit) == (6, 5)
    assert answer.notes == ["the text has 6 tokens, and the encoder reads 5; the rest had no effect"]
    assert not ask(engine, "a b c d e").notes
    assert ask(engine, '"a b c" + "a b c d e f g"').tokens == 7
    assert answer.seconds.keys() == {"load", "encode", "search"}
    assert (answer.query, answer.understood) == ("a b c d e f", "a b c d e f")
    assert from_json(json.loads(to_json(answer))) == answer


def test_with_a_calibration_hits_of_one_text_have_a_probability(collection: ImageCollection) -> None:
    calibration = Calibration("isotonic", (0.0, 1.0), (0.1, 0.9))
    engine = SearchEngine(LetterEncoder(), collection, calibration)
    expected = [calibration.probability(hit.score) for hit in engine.search("abc")]
    assert [hit.probability for hit in engine.search("abc")] == expected
    assert expected == pytest.approx([0.9, 0.1 + 0.8 * 2 / 3, 0.1, 0.1], abs=1e-6)
    assert [hit.probability for hit in ask(engine, "abc").hits] == pytest.approx(expected, abs=1e-6)
    assert {hit.probability for hit in ask(engine).hits} == {None}
