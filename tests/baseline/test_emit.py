"""No model learns from what it is judged by: compares the trainings' data with the judged data."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from baseline.emit import emit, written
from baseline.lessons import Data
from baseline.training import KINDS, TWO_TOWER, train
from baseline.two_tower import TwoTowers
from gallery.errors import BadInput
from gallery.judged.splits import Seen, split
from gallery.judged.trec import read_run, topics_of
from gallery.records import Caption, Match

SEEDS = range(3)
Form = pytest.mark.parametrize("flickr8k", [False, True], ids=["practicum", "flickr8k"])


@Form
def test_what_trainings_used_and_what_they_are_judged_by_have_nothing_in_common(
    make_data: Callable[..., Data], tmp_path: Path, flickr8k: bool
) -> None:
    data = make_data(flickr8k=flickr8k)
    emitted = list(emit(data, tmp_path / "runs", lambda _: None, texts=["tfidf"], seeds=SEEDS))
    assert {run.split for run in emitted} == {"queries", "held-out"}
    for run in emitted:
        used_texts = {caption.text for caption in run.seen.captions}
        used_photos = run.seen.images | {caption.image for caption in run.seen.captions}
        assert used_texts
        assert run.seen.images
        if run.split == "queries":
            photos, texts = set(data.judged.gallery), {query.text for query in data.judged.queries}
        else:
            judged = split(data.judged, data.matches, run.split, run.seed).judged
            photos = {photo for match in judged for photo in (match.image, match.caption.image)}
            texts = {match.caption.text for match in judged}
        assert used_photos.isdisjoint(photos), run.system
        assert used_texts.isdisjoint(texts), run.system
        lines = set(run.path.with_suffix(".seen").read_text().splitlines())
        assert lines == run.seen.images | {caption.id for caption in run.seen.captions}
        assert set(read_run(run.path).answers) <= {t.id for t in topics_of(data.judged.queries)} | {
            match.caption.id for match in data.matches
        }


@pytest.mark.parametrize("kind", KINDS)
@Form
def test_a_photo_that_a_training_does_not_name_has_no_influence(
    make_data: Callable[..., Data], kind: str, flickr8k: bool
) -> None:
    data = make_data(flickr8k=flickr8k)
    parts = split(data.judged, data.matches, "held-out", 1)
    clean = train(kind, data, parts, text="tfidf")
    poisoned = {name: row if name in clean.seen.images else row * np.nan for name, row in data.photos.items()}
    again = train(kind, replace(data, photos=poisoned), parts, text="tfidf")
    assert len(clean.seen.images) < len(data.photos)
    queries = [query.text for query in data.judged.queries]
    np.testing.assert_array_equal(
        again.model.matrix(queries, data.gallery), clean.model.matrix(queries, data.gallery), strict=True
    )
    assert np.isfinite(again.model.matrix(queries, data.gallery)).all()


def test_a_run_of_a_training_that_leaks_is_not_written(tmp_path: Path) -> None:
    pair = Match("a.jpg", Caption("b.jpg", "words", "b.jpg#0"), 1.0)
    run = read_run(_run(tmp_path))
    with pytest.raises(BadInput, match="learned from 1 photo or sentence that it is judged by: b"):
        written(run, tmp_path / "runs", "held-out", 0, Seen.of(captions=[Caption("b.jpg", "other")]), [pair])
    assert not (tmp_path / "runs").exists()


def test_matrix_and_pairs_are_one_score(make_data: Callable[..., Data]) -> None:
    data = make_data(30, 5)
    parts = split(data.judged, data.matches)
    for kind in KINDS:
        model = train(kind, data, parts, text="tfidf").model
        sentences = [query.text for query in data.judged.queries]
        matrix = model.matrix(sentences, data.gallery)
        assert matrix.shape == (5, 5)
        np.testing.assert_allclose(model.pairs(sentences, data.gallery), np.diag(matrix), atol=1e-5)
        assert isinstance(model.scores, TwoTowers) == (kind == TWO_TOWER)


def _run(folder: Path) -> Path:
    path = folder / "a.run"
    path.write_text("b.jpg%230 Q0 a.jpg 1 0.5 system\n")
    return path
