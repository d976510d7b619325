"""all-MiniLM-L6-v2, a sentence encoder, from a package: a graph without torch.

Wang et al., "MiniLM", NeurIPS 2020; trained on sentence pairs by the authors of sentence-transformers. The vector of a
text is the mean over its tokens, scaled to length one.
"""

import shutil
from pathlib import Path

import numpy as np
from safetensors.numpy import load

from gallery.encoders.checkpoint import Weights
from gallery.encoders.graphs import FLOAT, INT64, Graph, halved, save_model
from gallery.encoders.manifest import TEXT_GRAPH, TOKENIZER, TextPreparation
from gallery.encoders.packaged import MINILM, package_file, read_published

SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
DIMENSION = 384
PREPARATION = TextPreparation(limit=256)
_LAYERS, _HEADS, _EPSILON = 6, 12, 1e-12
_FAR_BELOW = -1e9
"""Added to the attention that is paid to padding."""


def write_text_tower(folder: Path) -> None:
    """Write the graph and the tokenizer of a text tower to `folder`.

    Raises:
        EncoderError: The package is missing, or its file is not the published one.
    """
    weights = load(read_published(package_file(MINILM, "model/model.safetensors"), SHA256))
    graph = Graph()
    save_model(halved(graph.model(_add_texts(graph, weights))), folder / TEXT_GRAPH)
    shutil.copyfile(packaged_tokenizer(), folder / TOKENIZER)


def packaged_tokenizer() -> Path:
    """Return the path of the tokenizer in the package.

    Raises:
        EncoderError: The package is missing.
    """
    return package_file(MINILM, "model/tokenizer.json")


def _add_texts(graph: Graph, weights: Weights) -> str:
    """Add the inputs `ids` and `mask`, both of shape `(n, tokens)`, and the network: unit vectors `(n, 384)`."""
    ids, mask = (graph.input(name, INT64, ["n", "tokens"]) for name in ("ids", "mask"))
    real = graph.op("Cast", mask, to=FLOAT)
    ignored = graph.op("Sub", graph.constant(1.0), graph.op("Unsqueeze", real, graph.constant([1, 2])))
    bias = graph.op("Mul", ignored, graph.constant(_FAR_BELOW))
    x = _add_embeddings(graph, ids, weights)
    for layer in range(_LAYERS):
        x = _add_layer(graph, x, bias, {n.removeprefix(f"encoder.layer.{layer}."): w for n, w in weights.items()})
    counted = graph.op("Mul", x, graph.op("Unsqueeze", real, graph.constant([2])))
    return graph.unit_rows(graph.op("ReduceSum", counted, graph.constant([1]), keepdims=0))


def _add_embeddings(graph: Graph, ids: str, weights: Weights) -> str:
    names = ("word_embeddings", "position_embeddings", "token_type_embeddings", "LayerNorm")
    word, position, kind, norm = (f"embeddings.{name}.weight" for name in names)
    length = graph.op("Shape", ids, start=1)
    positions = graph.op("Slice", graph.constant(weights[position] + weights[kind][0]), graph.constant([0]), length)
    x = graph.op("Add", graph.op("Gather", graph.constant(weights[word]), ids), positions)
    return graph.layer_norm(x, weights[norm], weights["embeddings.LayerNorm.bias"], _EPSILON)


def _add_layer(graph: Graph, x: str, bias: str, weights: Weights) -> str:
    def linear(rows: str, name: str) -> str:
        return graph.linear(rows, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def norm(rows: str, name: str) -> str:
        return graph.layer_norm(rows, weights[f"{name}.weight"], weights[f"{name}.bias"], _EPSILON)

    def heads(name: str, axes: list[int]) -> str:
        rows = linear(x, f"attention.self.{name}")
        return graph.op("Transpose", graph.op("Reshape", rows, apart), perm=axes)

    size = DIMENSION // _HEADS
    apart, together = graph.constant([0, 0, _HEADS, size]), graph.constant([0, 0, DIMENSION])
    query, key, value = heads("query", [0, 2, 1, 3]), heads("key", [0, 2, 3, 1]), heads("value", [0, 2, 1, 3])
    scores = graph.op("Mul", graph.op("MatMul", query, key), graph.constant(np.float32(size**-0.5)))
    attention = graph.op("Softmax", graph.op("Add", scores, bias), axis=-1)
    mixed = graph.op("Transpose", graph.op("MatMul", attention, value), perm=[0, 2, 1, 3])
    mixed = linear(graph.op("Reshape", mixed, together), "attention.output.dense")
    x = norm(graph.op("Add", mixed, x), "attention.output.LayerNorm")
    wide = graph.op("Gelu", linear(x, "intermediate.dense"))
    return norm(graph.op("Add", linear(wide, "output.dense"), x), "output.LayerNorm")
