"""Small graphs compared with numpy, and graphs exported by others."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from gallery.encoders.graphs import FLOAT, OPSET, Graph, halve, save_model

ROWS = np.array([[3, 4, 0], [0, 0, 0]], np.float32)
UNIT = np.array([[0.6, 0.8, 0], [0, 0, 0]], np.float32)


def run(path: Path, **inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (vectors,) = session.run(["vectors"], inputs)
    return np.asarray(vectors)


def test_unit_rows_leave_a_row_of_zeros_alone(tmp_path: Path) -> None:
    graph = Graph()
    graph.save(graph.unit_rows(graph.input("pixels", FLOAT, ["n", 3])), tmp_path / "picture.onnx")
    assert np.allclose(run(tmp_path / "picture.onnx", pixels=ROWS), UNIT)


def test_linear_and_layer_norm(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0)
    rows, weight = numbers.normal(size=(5, 8)).astype("f4"), numbers.normal(size=(3, 8)).astype("f4")
    bias, scale = numbers.normal(size=3).astype("f4"), numbers.normal(size=3).astype("f4")
    graph = Graph()
    given = graph.input("pixels", FLOAT, ["n", 8])
    graph.save(graph.layer_norm(graph.linear(given, weight, bias), scale, bias, 1e-5), tmp_path / "picture.onnx")
    linear = rows @ weight.T + bias
    normal = (linear - linear.mean(1, keepdims=True)) / np.sqrt(linear.var(1, keepdims=True) + 1e-5)
    assert np.allclose(run(tmp_path / "picture.onnx", pixels=rows), normal * scale + bias, atol=1e-5)


def test_weights_lie_in_a_file_of_their_own_even_when_written_twice(tmp_path: Path) -> None:
    for _ in range(2):
        graph = Graph()
        given = graph.input("pixels", FLOAT, ["n", 100])
        graph.save(graph.linear(given, np.ones((100, 100), np.float32)), tmp_path / "picture.onnx")
    assert (tmp_path / "picture.onnx").stat().st_size < 2000
    assert (tmp_path / "picture.onnx.data").stat().st_size == 40_000
    assert (tmp_path / "picture.onnx.data").stat().st_mode == (tmp_path / "picture.onnx").stat().st_mode
    assert (run(tmp_path / "picture.onnx", pixels=np.ones((1, 100), np.float32)) == 100).all()


def test_halved_weights_are_converted_just_before_they_are_used(tmp_path: Path) -> None:
    graph, path = Graph(), tmp_path / "text.onnx"
    rows = np.random.default_rng(0).normal(size=(2, 100)).astype("f4")
    first, second = (np.random.default_rng(seed).normal(size=(100, 100)).astype("f4") for seed in (1, 2))
    large = np.diag(np.full(100, 1e5, "f4"))
    value = graph.input("pixels", FLOAT, ["n", 100])
    for weight in (first, second, large):
        value = graph.linear(value, weight)
    graph.save(graph.unit_rows(value), path)
    exact = run(path, pixels=rows)
    model = onnx.load(path)
    for weights in model.graph.initializer:  # as some exporters do
        model.graph.input.append(helper.make_tensor_value_info(weights.name, FLOAT, weights.dims))
    save_model(model, path)
    halve(path)
    assert path.with_name("text.onnx.data").stat().st_size == (2 + 2 + 4) * 100 * 100
    assert ((run(path, pixels=rows) * exact).sum(axis=1) > 1 - 1e-6).all()
    kinds = [node.op_type for node in onnx.load(path).graph.node]
    assert kinds[:5] == ["Cast", "MatMul", "Cast", "MatMul", "MatMul"]


@pytest.mark.parametrize("opset", [11, 14, OPSET])
def test_a_graph_of_somebody_else_gets_our_names_and_unit_rows(tmp_path: Path, opset: int) -> None:
    theirs = helper.make_graph(
        [
            helper.make_node("Mul", ["pixel_values", "two"], ["image_embeds"]),
            helper.make_node("Neg", ["image_embeds"], ["x"]),
        ],
        "theirs",
        [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["batch", 3])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 3]) for name in ("x", "image_embeds")],
        [helper.make_tensor("two", TensorProto.FLOAT, [], [2])],
    )
    graph = Graph(helper.make_model(theirs, opset_imports=[helper.make_opsetid("", opset)], ir_version=7))
    graph.rename_input("pixel_values", "pixels")
    graph.save(graph.unit_rows("image_embeds"), tmp_path / "picture.onnx")
    onnx.checker.check_model(tmp_path / "picture.onnx", full_check=True)
    assert np.allclose(run(tmp_path / "picture.onnx", pixels=ROWS), UNIT)


def test_an_input_that_is_not_there_cannot_be_renamed() -> None:
    with pytest.raises(KeyError):
        Graph().rename_input("pixel_values", "pixels")
