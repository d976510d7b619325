"""An embedded collection's set-up follows its size, and a handful of new pictures costs no optimisation."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gallery.records import ImageRecord
from gallery.settings import Settings
from gallery.spec import Spec
from gallery.stores import open_store
from gallery.stores.embedded import tuning as edge_tuning
from gallery.stores.embedded.collection import EmbeddedCollection
from gallery.stores.embedded.generations import published
from gallery.stores.tuning import OUTGROWN_FROM, outgrown

Vectors = NDArray[np.float32]
MakeRecord = Callable[..., ImageRecord]
SPEC = Spec(encoder="letters", dimension=64, space="letters-1", text="letters-1")


@pytest.fixture
def add(
    tmp_path: Path, make_record: MakeRecord, unit_rows: Callable[..., Vectors], monkeypatch: pytest.MonkeyPatch
) -> Callable[[int, int], int]:
    """Return a function that adds pictures from one number to another, and returns how many are in a graph then."""
    for setting in ("SETTLE_FROM", "GRAPH_FROM"):
        monkeypatch.setattr(edge_tuning, setting, 400)
    monkeypatch.setattr(edge_tuning, "QUANTISE_FROM", 900)
    rows = unit_rows(1200)
    settings = Settings(tmp_path)

    def add(first: int, last: int) -> int:
        with contextlib.closing(open_store(settings).edit("photos")) as editor:
            editor.begin(SPEC)
            editor.upsert([make_record(number) for number in range(first, last)], rows[first:last])
            editor.finish()
        with contextlib.closing(open_store(settings).open("photos")) as collection:
            assert isinstance(collection, EmbeddedCollection)
            assert collection.count() == last
            for query in unit_rows(5, seed=1):
                hits = [hit.image.id for hit in collection.nearest(query, 10)]
                best = np.argsort(-(rows[:last] @ query))[:10]
                assert hits == [make_record(int(number)).id for number in best]
            return collection.shard.info().indexed_vectors_count - last  # the words of each are always indexed

    return add


def test_a_graph_is_made_where_it_pays_and_left_alone_for_a_few(add: Callable[[int, int], int]) -> None:
    assert add(0, 300) == 0
    assert add(300, 800) >= 400
    graph = add(800, 801)
    assert graph == add(801, 850), "a handful of pictures is compared one by one"


def test_many_are_quantised_and_the_answer_stays_that_of_full_vectors(
    add: Callable[[int, int], int], tmp_path: Path
) -> None:
    folder = tmp_path / "collections" / "photos"

    def quantised() -> bool:
        generation = published(folder)
        assert generation
        config = json.loads((generation / "shard" / "edge_config.json").read_text())
        return "turbo" in json.dumps(config.get("quantization_config") or {})

    add(0, 800)
    assert not quantised()
    assert add(800, 1200) >= 400
    assert quantised()
    assert add(1200, 1200) >= 400


def test_a_collection_that_is_too_large_is_told_where_to_go() -> None:
    assert outgrown(OUTGROWN_FROM - 1) is None
    assert "ingest --copy-to" in (outgrown(OUTGROWN_FROM) or "")
