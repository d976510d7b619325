"""Gives graphs that others exported our inputs and our single output, a unit vector."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper
from safetensors.numpy import load_file

from gallery.encoders.graphs import FLOAT, Graph
from gallery.errors import EncoderError

_TYPES = "gallery/types"
_TEXT_INPUTS = {"input_ids": "ids", "text": "ids", "input": "ids", "attention_mask": "mask", "token_type_ids": _TYPES}


def picture_graph(path: Path, output: str | None) -> onnx.ModelProto:
    """Return the graph `pixels` -> `vectors` of a picture tower.

    Args:
        path: The graph as it was published, with one input and its weights inside.
        output: The output that becomes the vector; without it the first one.

    Raises:
        EncoderError: It has no such output, or more than one input.
    """
    model, output = _open(path, output)
    names = _inputs(model.graph)
    if len(names) != 1:
        raise EncoderError(f"{path.name} is not a picture tower: its inputs are {', '.join(names)}")
    graph = Graph(model)
    graph.rename_input(names[0], "pixels")
    return graph.model(graph.unit_rows(output))


def text_graph(path: Path, output: str | None, *, mean_of_tokens: bool, dense: Path | None) -> onnx.ModelProto:
    """Return the graph `ids`, `mask` -> `vectors` of a text tower; `mask` only if the tower reads it.

    Args:
        path: The graph as it was published, with its weights inside.
        output: The output that becomes the vector; without it the first one.
        mean_of_tokens: Whether the output has a row for each token, to be averaged.
        dense: Weights by which the mean is then multiplied.

    Raises:
        EncoderError: It has no such output, or an input that a text tower does not have.
    """
    model, output = _open(path, output)
    for name in _inputs(model.graph):
        if name not in _TEXT_INPUTS:
            raise EncoderError(f"{path.name} is not a text tower: it has an input {name}")
        _rename_integers(model.graph, name, _TEXT_INPUTS[name])
    _without_types(model.graph)
    graph = Graph(model)
    if mean_of_tokens:
        output = _mean(graph, output)
    if dense:
        layer = load_file(dense)
        output = graph.linear(output, layer["linear.weight"], layer.get("linear.bias"))
    return graph.model(graph.unit_rows(output))


def _open(path: Path, output: str | None) -> tuple[onnx.ModelProto, str]:
    model = onnx.load(path)
    names = [given.name for given in model.graph.output]
    output = output or names[0]
    if output not in names:
        raise EncoderError(f"{path.name} has no output {output}, but {', '.join(names)}")
    _keep_only(model.graph, output)
    return model, output


def _keep_only(graph: onnx.GraphProto, output: str) -> None:
    """Drop what `output` does not need: nodes, weights, inputs."""
    makers = {name: node for node in graph.node for name in node.output}
    needed: set[str] = set()
    to_follow = [output]
    while to_follow:
        name = to_follow.pop()
        if name not in needed:
            needed.add(name)
            to_follow += _reads(makers[name]) if name in makers else ()
    _drop(graph.node, [not needed.isdisjoint(node.output) for node in graph.node])
    _drop(graph.initializer, [weights.name in needed for weights in graph.initializer])
    _drop(graph.input, [given.name in needed for given in graph.input])


def _reads(node: onnx.NodeProto) -> Iterator[str]:
    yield from node.input
    for attribute in node.attribute:
        for inner in attribute.g.node:
            yield from _reads(inner)


def _drop(values: Any, keep: list[bool]) -> None:  # noqa: ANN401 - a list of protobuf's
    """Remove values in place, to avoid copying hundreds of megabytes of weights."""
    for index in reversed(range(len(values))):
        if not keep[index]:
            del values[index]


def _inputs(graph: onnx.GraphProto) -> list[str]:
    weights = {given.name for given in graph.initializer}  # some exporters also list them as inputs
    return [given.name for given in graph.input if given.name not in weights]


def _rename_integers(graph: onnx.GraphProto, old: str, new: str) -> None:
    """Rename an input of integers, and make it int64, as our tokens are, whatever type the exporter chose."""
    given = next(given for given in graph.input if given.name == old)
    kind = given.type.tensor_type.elem_type
    given.name, given.type.tensor_type.elem_type = new, TensorProto.INT64
    graph.node.insert(0, helper.make_node("Cast", [new], [old], to=kind))


def _without_types(graph: onnx.GraphProto) -> None:
    """Make up the token types, if the graph reads them: they are all zero for a single text."""
    if _TYPES in _inputs(graph):
        _drop(graph.input, [given.name != _TYPES for given in graph.input])
        graph.node.insert(0, helper.make_node("Sub", ["ids", "ids"], [_TYPES]))


def _mean(graph: Graph, tokens: str) -> str:
    """Return the mean of the rows of all tokens that `mask` counts."""
    mask = graph.op("Cast", "mask", to=FLOAT)
    total = graph.op("Einsum", mask, tokens, equation="nl,nld->nd")
    count = graph.op("Einsum", mask, equation="nl->n")
    return graph.op("Div", total, graph.op("Reshape", count, graph.constant([-1, 1])))
