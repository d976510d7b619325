"""The index of words is that of the generation that is searched, and is made once for each."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from math import log
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from lasting_client import LastingClient
from letter_encoder import LetterEncoder
from numpy.typing import NDArray
from qdrant_client import QdrantClient

from gallery.records import ImageRecord
from gallery.settings import Settings
from gallery.stores import Filter, ImageCollection, open_store
from gallery.stores.server import store as server_store
from search import hybrid, words
from search.hybrid import LexicalIndex, words_of
from search.words import Words

COUNT = 60


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path)


@pytest.fixture(scope="module")
def records(make_record: Callable[..., ImageRecord]) -> list[ImageRecord]:
    chance = np.random.default_rng(0)
    vocabulary = ["dog", "cat", "snow", "beach", "hill", "red", "runs", "sleeps"]
    return [
        make_record(number, captions=(" ".join(chance.choice(vocabulary, chance.integers(1, 9))),))
        for number in range(COUNT)
    ]


@pytest.fixture(scope="module")
def collection(records: list[ImageRecord], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImageCollection]:
    with closing(put(Settings(tmp_path_factory.mktemp("data")), records)) as collection:
        yield collection


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that gets longer whenever an index is made."""
    times: list[int] = []

    class Counting(LexicalIndex):
        def __init__(self, given: Iterable[ImageRecord]) -> None:
            times.append(1)
            super().__init__(given)

    monkeypatch.setattr(words, "LexicalIndex", Counting)
    return times


def put(settings: Settings, records: Sequence[ImageRecord]) -> ImageCollection:
    vectors: NDArray[np.float32] = np.eye(26, dtype=np.float32)[np.arange(len(records)) % 26]
    editor = open_store(settings).edit("photos")
    editor.begin(LetterEncoder().spec)
    editor.upsert(records, vectors)
    editor.finish()
    editor.close()
    return open_store(settings).open("photos")


def by_hand(records: Sequence[ImageRecord], query: Sequence[str]) -> dict[str, float]:
    """BM25 as Lucene has it, k1 1.5 and b 0.75, in the plainest way."""
    documents = {record.id: Counter(words_of(record)) for record in records}
    mean = sum(map(Counter.total, documents.values())) / len(documents)
    scores = {}
    for id, document in documents.items():
        score = 0.0
        for word in query:
            holders = sum(word in other for other in documents.values())
            rarity = log(1 + (len(documents) - holders + 0.5) / (holders + 0.5))
            frequency = document[word]
            score += rarity * frequency / (frequency + 1.5 * (1 - 0.75 + 0.75 * document.total() / mean))
        if score:
            scores[id] = score
    return scores


def test_scores_are_those_of_bm25(collection: ImageCollection, records: list[ImageRecord]) -> None:
    found = Words(collection, None).search("a cat runs: 17", COUNT, Filter())
    expected = by_hand(records, ["cat", "run", "17"])
    assert {hit.image.id: hit.score for hit in found} == pytest.approx(expected, rel=1e-5)
    order = sorted(found, key=lambda hit: (-hit.score, hit.image.id))
    assert [hit.image.id for hit in found] == [hit.image.id for hit in order]
    assert {hit.image.id: hit.image for hit in found} == {r.id: r for r in records if r.id in expected}


def test_an_index_is_read_again_by_the_next_process_and_replaced_by_the_next_generation(
    settings: Settings, records: list[ImageRecord], made: list[int]
) -> None:
    collection = put(settings, records)
    first = Words(collection, settings).search("dog snow", COUNT, Filter())
    assert first
    made.clear()
    assert Words(collection, settings).search("dog snow", COUNT, Filter()) == first
    assert not made
    (settings.collection_folder("photos") / "words" / "params.index.json").write_text("{")
    assert Words(collection, settings).search("dog snow", COUNT, Filter()) == first
    assert len(made) == 1, "a damaged one is made anew"
    collection.close()

    changed = put(settings, [records[0]])  # as many pictures as before, published anew
    assert Words(changed, settings).search("dog snow", COUNT, Filter()) == first
    assert len(made) == 2
    assert not list(settings.data_dir.rglob("*.draft"))
    changed.close()


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a parameter that this version does not know": lambda folder: (folder / "params.index.json").write_text(
        '{"unheard_of": 1}'
    ),
    "parameters that are none": lambda folder: (folder / "params.index.json").write_text("[]"),
    "words that are none": lambda folder: (folder / "vocab.index.json").write_text("[]"),
    "ids of other pictures": lambda folder: np.save(folder / "ids.npy", np.array([b"one"], "S36")),
    "half a file": lambda folder: (folder / "data.csc.index.npy").write_bytes(b"\x93NUMPY"),
    "no state": lambda folder: (folder / "state").unlink(),
}


@pytest.mark.parametrize("harm", DAMAGES.values(), ids=DAMAGES)
def test_an_index_that_cannot_be_read_is_made_anew(
    settings: Settings, records: list[ImageRecord], made: list[int], harm: Callable[[Path], object]
) -> None:
    with closing(put(settings, records)) as collection:
        first = Words(collection, settings).search("dog snow", COUNT, Filter())
        harm(settings.collection_folder("photos") / "words")
        assert Words(collection, settings).search("dog snow", COUNT, Filter()) == first
        assert len(made) == 2
        assert Words(collection, settings).search("dog snow", COUNT, Filter()) == first
        assert len(made) == 2, "and kept"


@pytest.mark.parametrize("what", ["_FORMAT", "version"])
def test_an_index_of_other_words_or_of_another_library_is_made_anew(
    settings: Settings, records: list[ImageRecord], made: list[int], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    with closing(put(settings, records)) as collection:
        first = Words(collection, settings).search("dog snow", COUNT, Filter())
        monkeypatch.setattr(hybrid, what, 0 if what == "_FORMAT" else lambda _: "0.0.1")
        assert Words(collection, settings).search("dog snow", COUNT, Filter()) == first
        assert len(made) == 2


def test_an_index_that_is_replaced_while_it_is_read_is_not_used(
    settings: Settings, records: list[ImageRecord], made: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(put(settings, records)) as collection:
        first = Words(collection, settings).search("dog snow", COUNT, Filter())
        load = LexicalIndex.load

        def replaced(folder: Path) -> LexicalIndex:
            (folder / "state").write_text("of the next generation")
            return load(folder)

        monkeypatch.setattr("search.words.LexicalIndex.load", replaced)
        assert Words(collection, settings).search("dog snow", COUNT, Filter()) == first
        assert len(made) == 2


def test_one_process_writes_and_removes_what_a_killed_one_left(settings: Settings, records: list[ImageRecord]) -> None:
    with closing(put(settings, records)) as collection:
        folder = settings.collection_folder("photos")
        (folder / "words.draft").mkdir()
        (folder / "words.draft" / "left").touch()
        with FileLock(folder / "words.lock"):
            first = Words(collection, settings).search("dog snow", COUNT, Filter())
            assert not (folder / "words").exists(), "another process is at it"
        assert Words(collection, settings).search("dog snow", COUNT, Filter()) == first
        assert (folder / "words" / "state").exists()
        assert not (folder / "words.draft").exists()


def test_an_old_generation_does_not_replace_the_index_of_the_new_one(
    settings: Settings, records: list[ImageRecord], made: list[int]
) -> None:
    with closing(put(settings, records[:-1])) as old, closing(put(settings, records)) as new:
        first = Words(new, settings).search("dog snow", COUNT, Filter())
        Words(old, settings).search("dog snow", COUNT, Filter())
        made.clear()
        assert Words(new, settings).search("dog snow", COUNT, Filter()) == first
        assert not made


def test_on_a_server_an_index_is_made_anew_after_an_ingest(
    settings: Settings, records: list[ImageRecord], made: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = LastingClient(":memory:")
    monkeypatch.setattr(server_store, "connect", lambda *_: client)
    on_server = replace(settings, qdrant_url="http://qdrant")
    collection = put(on_server, records[:-1])
    index, last = Words(collection, on_server), sorted(set(words_of(records[-1])))
    for _ in range(2):
        found = index.search("dog snow", COUNT, Filter())
        assert {hit.image.id for hit in found} == set(by_hand(records[:-1], ["dog", "snow"]))
    assert len(made) == 1
    index = Words(put(on_server, records), on_server)
    found = index.search(" ".join(last), COUNT, Filter())
    assert {hit.image.id: hit.score for hit in found} == pytest.approx(by_hand(records, last), rel=1e-5)
    assert len(made) == 2
    QdrantClient.close(client)


@pytest.mark.parametrize("few", [1000, 1])
def test_filters_let_through_what_brute_force_does(
    collection: ImageCollection, records: list[ImageRecord], monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(words, "DEPTH", few)  # 1: every picture is a page of its own
    index = Words(collection, None)
    expected = by_hand(records, ["dog", "hill"])
    wide = Filter(must=(("format", "JPEG"),), without=(records[1].id,))
    none = Filter(must=(("year", 1900),))
    for limit in (3, COUNT):
        allowed = [r.id for r in records if r.format == "JPEG" and r.id != records[1].id and r.id in expected]
        allowed.sort(key=lambda name: (-round(expected[name], 5), name))
        assert [hit.image.id for hit in index.search("dog hills", limit, wide)] == allowed[:limit]
        assert index.search("dog hills", limit, none) == []


def test_threads_make_one_index(collection: ImageCollection, made: list[int]) -> None:
    index = Words(collection, None)
    threads = [threading.Thread(target=index.search, args=("dog", 5, Filter())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]


def test_without_a_word_nothing_is_found(collection: ImageCollection) -> None:
    assert Words(collection, None).search("… !", 5, Filter()) == []
    empty = LexicalIndex([])
    assert empty.ranked("dog") == {}
    with pytest.raises(ValueError, match="no word"):
        empty.save(Path())
