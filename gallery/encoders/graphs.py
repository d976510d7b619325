"""Building ONNX graphs: methods for the parts of our encoders, and one way to save them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray
from onnx import TensorProto, helper, numpy_helper

from gallery.encoders.manifest import WEIGHTS_SUFFIX

OPSET = 20
IR_VERSION = 9
"""The file format that belongs to the opset; every onnxruntime that supports one reads the other."""
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
OUTPUT = "vectors"
KEPT_INSIDE = 1024
"""Smaller arrays stay in the graph's own file."""


class Graph:
    """A graph under construction: every method adds to it and returns the name of the added value.

    >>> graph = Graph()
    >>> rows = graph.unit_rows(graph.input("pixels", FLOAT, ["n", 2]))
    >>> model = graph.model(rows)
    """

    def __init__(self, model: onnx.ModelProto | None = None) -> None:
        """Start an empty graph, or extend an existing one."""
        opsets = [helper.make_opsetid("", OPSET)]
        self._model = model or helper.make_model(
            onnx.GraphProto(name="encoder"), opset_imports=opsets, ir_version=IR_VERSION
        )
        self._graph = self._model.graph
        self._added = 0

    def input(self, name: str, kind: int, shape: Sequence[str | int]) -> str:
        """Add an input; a dimension without a fixed length has a name, such as `n`."""
        self._graph.input.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def rename_input(self, old: str, new: str) -> str:
        """Give an input another name, type and shape unchanged.

        Raises:
            KeyError: There is no input `old`.
        """
        for given in self._graph.input:
            if given.name == old:
                given.name = new
                # First, because nodes must follow their inputs; the runtime removes it again.
                self._graph.node.insert(0, helper.make_node("Identity", [new], [old]))
                return new
        raise KeyError(old)

    def constant(self, values: ArrayLike) -> str:
        """Add weights or parameters: integers as int64, all else as float32."""
        array = np.asarray(values)
        kind, numbers = (INT64, np.int64) if np.issubdtype(array.dtype, np.integer) else (FLOAT, np.float32)
        name = self._name()
        raw = np.asarray(array, numbers).tobytes()
        self._graph.initializer.add(name=name, data_type=kind, dims=array.shape, raw_data=raw)
        return name

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:  # noqa: ANN401 - what the operator takes
        """Add an operator with one output, as https://onnx.ai/onnx/operators describes it."""
        name = self._name()
        self._graph.node.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def linear(self, rows: str, weight: NDArray[np.floating], bias: NDArray[np.floating] | None = None) -> str:
        """Multiply the last axis by a weight of shape `(out, in)`, and add a bias of shape `(out,)`."""
        product = self.op("MatMul", rows, self.constant(weight.T))
        return product if bias is None else self.op("Add", product, self.constant(bias))

    def layer_norm(self, rows: str, weight: NDArray[np.floating], bias: NDArray[np.floating], epsilon: float) -> str:
        """Normalise the last axis to mean 0 and variance 1, then scale and shift it."""
        return self.op("LayerNormalization", rows, self.constant(weight), self.constant(bias), epsilon=epsilon)

    def unit_rows(self, rows: str) -> str:
        """Scale every row to length one; a row of zeros stays as it is."""
        return self.op("LpNormalization", rows, axis=-1, p=2)

    def model(self, output: str) -> onnx.ModelProto:
        """Return the finished graph, whose only output is `output` under the name `vectors`."""
        del self._graph.output[:]
        self._graph.node.append(helper.make_node("Identity", [output], [OUTPUT]))
        self._graph.output.append(helper.make_tensor_value_info(OUTPUT, FLOAT, ["n", "dimension"]))
        return self._model

    def save(self, output: str, path: Path) -> None:
        """Write the finished graph to `path`, and its weights to a file beside it, which the runtime maps."""
        save_model(self.model(output), path)

    def _name(self) -> str:
        self._added += 1
        return f"gallery/{self._added}"


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store the weights of matrix products as 16-bit floats, and return the model. It still computes in float32.

    This is for text towers. A search reads all weights for one query, and half as many bytes save memory; reading and
    converting them takes no longer. Cosines change by less than a millionth. Weights too large for 16 bits stay.
    """
    graph = model.graph
    products = {node.input[1] for node in graph.node if node.op_type == "MatMul"}
    casts: dict[str, onnx.NodeProto] = {}
    for weights in graph.initializer:
        name = weights.name
        if name in products and weights.data_type == FLOAT and len(weights.dims) == 2:
            with np.errstate(over="ignore"):
                half = numpy_helper.to_array(weights).astype(np.float16)
            if np.isfinite(half).all():
                weights.CopyFrom(numpy_helper.from_array(half, f"{name}/half"))
                casts[name] = helper.make_node("Cast", [f"{name}/half"], [name], to=FLOAT)
    inputs = [given for given in graph.input if given.name not in casts]  # some exporters list weights there, too
    del graph.input[:]
    graph.input.extend(inputs)
    nodes = []
    for node in graph.node:
        nodes += [casts.pop(name) for name in node.input if name in casts]  # just before its use, see open_session
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    return model


def halve(path: Path) -> None:
    """Store the weights of a saved graph as 16-bit floats."""
    save_model(halved(onnx.load(path)), path)


def save_model(model: onnx.ModelProto, path: Path) -> None:
    """Write a model to `path` and its weights to `path` + `.data`; the weights are then gone from `model`."""
    weights = path.with_name(path.name + WEIGHTS_SUFFIX)
    weights.unlink(missing_ok=True)
    weights.touch()  # with normal permissions: the library would make it unreadable for other users
    onnx.save_model(model, path, save_as_external_data=True, location=weights.name, size_threshold=KEPT_INSIDE)
