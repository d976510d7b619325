"""Two towers learn, trained models are saved and search, and the commands that do it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from drawn_judgements import ColourNetwork

import baseline.cli
from baseline.lessons import Data
from baseline.training import KINDS, load, save, search, train
from baseline.two_tower import TowerChoices, train_heads
from gallery.errors import BadInput, EncoderError
from gallery.judged.projection import project
from gallery.judged.splits import split


@pytest.mark.parametrize("captions_of_one", [1, 3])
def test_towers_learn_what_belongs_together(captions_of_one: int) -> None:
    draw = np.random.default_rng(0)
    shared = draw.standard_normal((300, 8))
    to_text, to_image = draw.standard_normal((8, 20)), draw.standard_normal((8, 30))
    images = (shared @ to_image).astype(np.float32)
    owners = np.repeat(np.arange(300), captions_of_one)
    texts = (shared[owners] @ to_text + 0.1 * draw.standard_normal((len(owners), 20))).astype(np.float32)
    known = owners < 200
    heads = train_heads(texts[known], images[:200], owners[known].tolist(), TowerChoices(16, 2, 40, 1e-2, dropout=0.1))
    scores = project(texts[~known], "text", heads) @ project(images[200:], "image", heads).T
    assert np.mean(scores.argmax(axis=1) == owners[~known] - 200) > 0.8
    assert heads["text.heads"].shape == (2, 16, 20)


def test_towers_need_two_images() -> None:
    with pytest.raises(BadInput, match="at least two images"):
        train_heads(np.ones((2, 3), "f4"), np.ones((1, 3), "f4"), [0, 0])


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_model_scores_as_before_and_searches(tmp_path: Path, make_data: Callable[..., Data], kind: str) -> None:
    data = make_data(30, 6)
    trained = train(kind, data, split(data.judged, data.matches), text="tfidf", seed=3)
    save(trained, data, tmp_path / "model")
    asked: list[str | None] = []

    def colours(_name: str, _weights: str, device: str | None) -> Any:  # noqa: ANN401
        asked.append(device)
        return ColourNetwork()

    model, network = load(tmp_path / "model", "cuda:1", colours)
    assert asked == ["cuda:1"]
    queries = [query.text for query in data.judged.queries]
    expected = trained.model.matrix(queries, data.gallery)
    np.testing.assert_allclose(model.matrix(queries, data.gallery), expected, atol=1e-6)
    paths = data.judged.paths(data.judged.gallery)
    hits = search(model, network, queries[0], paths, tmp_path / "kept", 3)
    assert [path for _, path in hits] == [paths[place] for place in np.argsort(-expected[0], kind="stable")[:3]]
    assert search(model, network, queries[0], [], tmp_path / "kept", 3) == []
    with pytest.raises(EncoderError, match="holds no model"):
        load(tmp_path)


def test_the_commands_train_and_search(tmp_path: Path, make_data: Callable[..., Data]) -> None:
    judged = make_data(16, 3).judged.images.parent
    environment = {"DATA_DIR": str(tmp_path / "data"), "QDRANT_URL": None}

    def run(*arguments: str) -> Any:  # noqa: ANN401
        done = CliRunner().invoke(baseline.cli.main, arguments, env=environment)
        assert done.exit_code == 0, done.output
        return done

    models = {"ridge": tmp_path / "data/models/ridge-tfidf-efficientnet-lite2", "two-tower": tmp_path / "two-tower"}
    for kind, model in models.items():
        options = ["--out", str(model)] if kind == "two-tower" else []
        done = run("train", kind, str(judged), "--text", "tfidf", *options)
        assert done.stdout == f"{model}\n"
        following = f"ingest PHOTOS --encoder {model} " if kind == "two-tower" else f"baseline search {model} "
        assert f"Next: {following}" in done.stderr
        done = run("search", str(model), "a red bar", str(judged / "test_images"), "-k", "2")
        assert [line.split("\t")[0] for line in done.stdout.splitlines()] == ["1", "2"]
