"""Early fusion, and why it cannot search."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from baseline.fusion import FUSION_FILE, FusionModel, load_fusion
from baseline.lessons import Rows, inner_parts
from baseline.models import FUSIONS, NetworkChoices, best_network, fit, fit_network, rmse
from baseline.repeatable import repeatable
from gallery.errors import EncoderError
from gallery.records import Caption, Match
from gallery.saved import save_model


def rows(count: int = 300, seed: int = 0) -> Rows:
    """Return pairs whose probability is high where text and image agree: a product, not a sum."""
    draw = np.random.default_rng(seed)
    photos = draw.integers(40, size=(count, 2))
    of_text, of_image = (draw.standard_normal((40, size)).astype(np.float32) for size in (6, 9))
    text, image = of_text[photos[:, 0]], of_image[photos[:, 1]]
    target = 1 / (1 + np.exp(-(text[:, :3] * image[:, :3]).sum(axis=1) - image[:, 4]))
    matches = tuple(
        Match(f"{b}.jpg", Caption(f"{a}.jpg", f"text {a}"), float(value))
        for (a, b), value in zip(photos, target, strict=True)
    )
    return Rows(text, image, target, matches)


def ranks(matrix: NDArray[np.floating]) -> NDArray[np.int64]:
    return np.argsort(-matrix, axis=1, kind="stable")


@pytest.mark.parametrize("kind", ["linear", "ridge"])
def test_a_linear_model_gives_every_query_the_same_ranking(kind: str) -> None:
    data = rows()
    model = fit(kind, data)
    draw = np.random.default_rng(1)
    texts, images = draw.standard_normal((50, 6)).astype("f4"), draw.standard_normal((30, 9)).astype("f4")
    matrix = model.matrix(texts, images)
    assert np.linalg.matrix_rank(matrix, tol=1e-9) <= 2
    assert len(np.unique(ranks(matrix), axis=0)) == 1
    assert len(np.unique(matrix.round(9), axis=0)) == 50, "the texts do shift the scores"


def test_the_network_can_rank_by_query_and_so_breaks_the_theorem() -> None:
    model = fit_network(rows(), choices=[NetworkChoices((32,), 0.0, 0.0, 1e-2)])
    draw = np.random.default_rng(1)
    matrix = model.matrix(draw.standard_normal((50, 6)).astype("f4"), draw.standard_normal((30, 9)).astype("f4"))
    assert np.linalg.matrix_rank(matrix, tol=1e-9) > 2
    assert len(np.unique(ranks(matrix), axis=0)) > 1


def test_linear_regression_is_least_squares() -> None:
    data = rows()
    inputs = np.concatenate([np.ones((300, 1)), data.text, data.image], axis=1)
    expected = inputs @ np.linalg.lstsq(inputs, data.target, rcond=None)[0]
    np.testing.assert_allclose(fit("linear", data).pairs(data.text, data.image), expected, atol=1e-4)


@pytest.mark.parametrize("kind", FUSIONS)
def test_the_matrix_is_every_pair(kind: str) -> None:
    data = rows()
    model = fit(kind, data)
    matrix = model.matrix(data.text[:7], data.image[:5])
    for row in range(7):
        pairs = model.pairs(np.repeat(data.text[row : row + 1], 5, axis=0), data.image[:5])
        np.testing.assert_allclose(matrix[row], pairs, atol=1e-9)


@pytest.mark.parametrize("kind", FUSIONS)
def test_a_fit_is_the_same_for_the_same_seed(kind: str) -> None:
    data = rows()
    one, two = fit(kind, data, seed=3), fit(kind, data, seed=3)
    np.testing.assert_array_equal(one.pairs(data.text, data.image), two.pairs(data.text, data.image))


def test_ridge_is_better_than_the_mean_on_photos_not_seen() -> None:
    train, held_out = inner_parts(rows(1500), seed=9)
    assert rmse(fit("ridge", train), held_out) < np.sqrt(np.mean((train.target.mean() - held_out.target) ** 2))


def test_the_network_learns_from_all_rows_after_its_choice() -> None:
    data = rows()
    choices = [NetworkChoices((8,), 0.0, 0.0, rate) for rate in (1e-12, 1e-2)]
    model = fit_network(data, choices=choices)
    chosen, passes = best_network(data, 0, choices)
    assert chosen is choices[1], "the other learns nothing"
    assert 1 < passes == model.made_with["passes"] <= chosen.epochs
    everything = np.concatenate([data.text, data.image], axis=1)
    np.testing.assert_allclose(model.centre, everything.mean(axis=0), atol=1e-5)


def test_training_leaves_threads_and_random_numbers_as_they_were() -> None:
    torch.manual_seed(5)
    expected, threads = torch.rand(3), torch.get_num_threads()
    torch.manual_seed(5)
    with pytest.raises(ValueError, match="in between"), repeatable(1):  # noqa: PT012 - all of it is the block
        assert torch.get_num_threads() == 1
        torch.rand(9)
        raise ValueError("in between")
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads


def test_a_model_is_read_as_it_was_written(tmp_path: Path) -> None:
    data = rows()
    model = fit("mlp", data)
    save_model(tmp_path / "model", FUSION_FILE, *model.saved())
    again, _ = load_fusion(tmp_path / "model")
    np.testing.assert_array_equal(again.pairs(data.text, data.image), model.pairs(data.text, data.image))
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["arrays.safetensors", "fusion.json"]


@pytest.mark.parametrize("harm", ["gone", "damaged", "short"])
def test_a_damaged_model_is_refused_in_a_sentence(tmp_path: Path, harm: str) -> None:
    model: FusionModel = fit("ridge", rows())
    save_model(tmp_path, FUSION_FILE, *model.saved())
    path = tmp_path / "arrays.safetensors"
    changes: dict[str, Any] = {"gone": path.unlink, "damaged": lambda: path.write_bytes(b"no"), "short": lambda: None}
    changes[harm]()
    if harm == "short":
        (tmp_path / "fusion.json").write_text('{"kind": "ridge"}')
    with pytest.raises(EncoderError, match="train it again"):
        load_fusion(tmp_path)
