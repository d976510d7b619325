"""A torch module becomes an ONNX graph with its weights in a file beside it."""

import shutil
import warnings
from pathlib import Path

import torch

from gallery.encoders.manifest import WEIGHTS_SUFFIX
from gallery.encoders.sessions import optimise

OPSET = 20


def trace(module: torch.nn.Module, samples: dict[str, torch.Tensor], graph: Path) -> None:
    """Write the graph of a module whose output is one array, under the name `vectors`.

    Args:
        module: In float32, on the processor.
        samples: An example for every input. The first dimension may differ in size later, and for token ids and their
            mask the second one, too.
        graph: Where it is written.
    """
    raw = graph.with_suffix(".raw")  # a folder, because weights over two gigabytes become many files
    raw.mkdir()
    axes = {name: {0: "n"} if sample.ndim > 2 else {0: "n", 1: "t"} for name, sample in samples.items()}
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # tracing warns of every shape that it assumes constant; the check finds errors
        torch.onnx.export(
            module.eval(),
            tuple(samples.values()),
            str(raw / "graph.onnx"),
            input_names=list(samples),
            output_names=["vectors"],
            dynamic_axes=axes | {"vectors": {0: "n"}},
            opset_version=OPSET,
            dynamo=False,
        )
    optimise(raw / "graph.onnx", graph, graph.name + WEIGHTS_SUFFIX)
    shutil.rmtree(raw)
