"""Near-duplicates: a property of the pictures, not of the order in which they came."""

import random
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gallery.pictures import perceptual_hash
from gallery.records import ImageRecord
from gallery.settings import Settings
from gallery.spec import Spec
from gallery.stores import open_store
from ingest import stacks
from ingest.stacks import CLOSE_SECONDS, MOST_AT_ONCE, restack

SPEC = Spec(encoder="letters", dimension=64, space="letters-1", text="letters-1")
START = datetime(2026, 1, 1)
MakeRecord = Callable[..., ImageRecord]


def store(settings: Settings, records: list[ImageRecord], vectors: Any) -> int:  # noqa: ANN401 - an array
    with closing(open_store(settings).edit("photos")) as editor:
        editor.begin(SPEC)
        editor.upsert(records, vectors)
        changed = restack(editor)
        editor.finish()
    return changed


def found(settings: Settings) -> dict[str, str | None]:
    with closing(open_store(settings).open("photos")) as collection:
        return {record.id: record.stack for record, _ in collection.scan()}


def brute_force(records: list[ImageRecord], vectors: Any, threshold: float) -> dict[str, str]:  # noqa: ANN401
    names = {record.id: record.id for record in records}
    for _ in records:
        for one, a in zip(records, vectors, strict=True):
            for two, b in zip(records, vectors, strict=True):
                apart = abs(datetime.fromisoformat(str(one.taken_at)) - datetime.fromisoformat(str(two.taken_at)))
                near = apart <= timedelta(seconds=CLOSE_SECONDS) and a @ b >= threshold
                if (one.phash is not None and one.phash == two.phash) or near:
                    names[one.id] = names[two.id] = min(names[one.id], names[two.id])
        if all(names[name] == name for name in names.values()):
            break
    return names


def drawn(make_record: MakeRecord, unit_rows: Callable[..., Any], count: int) -> tuple[list[ImageRecord], Any]:
    """Draw records whose hashes, times and vectors collide often."""
    chance = random.Random(count)
    vectors = unit_rows(12)[[chance.randrange(12) for _ in range(count)]] + 0.05 * unit_rows(count, seed=1)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    records = [
        make_record(
            number,
            taken_at=(START + timedelta(seconds=chance.randrange(3 * count))).isoformat(),
            phash=chance.choice([None, f"{chance.randrange(2 * count):016x}"]),
            stack=None,
        )
        for number in range(count)
    ]
    return records, vectors.astype(np.float32)


def test_stacks_are_the_components_of_brute_force_in_any_order(
    make_record: MakeRecord, unit_rows: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(stacks.THRESHOLDS, SPEC.space, 0.9)
    monkeypatch.setattr(stacks, "_BLOCK", 16)
    records, vectors = drawn(make_record, unit_rows, 60)
    wanted = brute_force(records, vectors, 0.9)
    assert 10 < len(set(wanted.values())) < 55
    for order in (list(range(60)), random.Random(1).sample(range(60), 60)):
        settings = Settings(tmp_path / str(order[0]) / str(order[1]))
        for part in (order[:25], order[25:]):
            store(settings, [records[n] for n in part], vectors[part])
        assert found(settings) == wanted


def test_without_a_measured_threshold_only_equal_hashes_count(
    make_record: MakeRecord, unit_rows: Callable[..., Any], tmp_path: Path
) -> None:
    records, vectors = drawn(make_record, unit_rows, 40)
    settings = Settings(tmp_path)
    store(settings, records, vectors)
    assert found(settings) == brute_force(records, vectors, 2)


def test_only_what_changed_is_written(make_record: MakeRecord, unit_rows: Callable[..., Any], tmp_path: Path) -> None:
    records, vectors = drawn(make_record, unit_rows, 40)
    settings = Settings(tmp_path)
    assert store(settings, records, vectors) == 40
    with closing(open_store(settings).edit("photos")) as editor:
        editor.begin(SPEC)
        assert restack(editor) == 0
        editor.delete([min(found(settings).values(), key=str)])  # type: ignore[list-item]
        assert restack(editor) < 20


def test_a_date_that_somebody_made_up_says_nothing(
    make_record: MakeRecord, unit_rows: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(stacks.THRESHOLDS, SPEC.space, 0.9)
    count = MOST_AT_ONCE + 1
    records = [make_record(number, taken_at=START.isoformat()) for number in range(count)]
    same = np.repeat(unit_rows(1), count, axis=0)
    store(Settings(tmp_path / "many"), records, same)
    assert len(set(found(Settings(tmp_path / "many")).values())) == count
    store(Settings(tmp_path / "few"), records[1:], same[1:])
    assert len(set(found(Settings(tmp_path / "few")).values())) == 1


def test_a_hash_outlives_another_size_and_needs_contrast() -> None:
    blocks = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    picture = Image.fromarray(blocks).resize((512, 512), Image.Resampling.BICUBIC)
    assert perceptual_hash(picture)
    assert len(str(perceptual_hash(picture))) == 32
    smaller = perceptual_hash(picture.resize((300, 300), Image.Resampling.LANCZOS))
    assert str(perceptual_hash(picture))[:16] == str(smaller)[:16]
    assert perceptual_hash(picture) != perceptual_hash(picture.rotate(90))
    assert perceptual_hash(Image.new("RGB", (99, 9), "red")) is None
