"""Judging a collection in use."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from letter_encoder import LetterEncoder

from eval.live import index_quality, judge_collection, topics_from_captions, topics_from_file
from eval.qrels import Wanted
from gallery.errors import BadInput
from gallery.records import ImageFile, ImageRecord
from gallery.settings import Settings
from gallery.stores.collection import ImageCollection, edit_collection, open_collection


@pytest.fixture(scope="module")
def collection(
    make_record: Callable[..., ImageRecord], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ImageCollection]:
    """Four pictures whose vectors are those of words; the last one's caption is the first one's, too."""
    settings, encoder = Settings(data_dir=tmp_path_factory.mktemp("data")), LetterEncoder()
    editor = edit_collection(settings, "words")
    editor.begin(encoder.spec)
    words, captions = ["abc", "def", "ghi", "jkl"], [("abc",), ("def", "d"), (), ("abc",)]
    records = [
        make_record(n, captions=of, files=(ImageFile(f"/{'xy'[n % 2]}/{n // 2}.jpg", 1, 1),))
        for n, of in enumerate(captions)
    ]
    editor.upsert(records, encoder.encode_texts(words))
    editor.finish()
    editor.close()
    opened = open_collection(settings)
    yield opened
    opened.close()


def test_queries_of_the_owner_are_judged(collection: ImageCollection) -> None:
    wanted = [Wanted(1, "abc", ("/x/0.jpg",)), Wanted(3, "jkm", ("x/1.jpg", "y/1.jpg"))]
    topics, qrels = topics_from_file(wanted, collection, Path("q.tsv"))
    report = judge_collection(collection, LetterEncoder(), topics, qrels)
    assert report.measures["Success@1"].mean == 1
    assert report.measures["RR"].mean == 1
    assert 0.5 <= report.measures["AP"].mean <= 1
    assert (report.pictures, report.collapse.distinct, report.index.overlap) == (4, 2, 1)
    for place, message in (("/x/9.jpg", "line 5: /x/9.jpg is not in"), ("0.jpg", "could be 2 pictures")):
        with pytest.raises(BadInput, match=message):
            topics_from_file([Wanted(5, "abc", (place,))], collection, Path("q.tsv"))


def test_captions_serve_as_queries(collection: ImageCollection) -> None:
    topics, qrels = topics_from_captions(collection)
    assert sorted(topic.text for topic in topics) == ["abc", "d", "def"]
    shared = next(topic for topic in topics if topic.text == "abc")
    assert len(qrels[shared.id]) == 2
    assert judge_collection(collection, LetterEncoder(), topics, qrels).measures["Success@1"].mean == 1


def test_the_index_is_compared_with_every_vector(collection: ImageCollection) -> None:
    quality = index_quality(collection, LetterEncoder(), ["abc", "def"], k=2)
    assert (quality.k, quality.overlap) == (2, 1)
    assert quality.exact_ms > 0
