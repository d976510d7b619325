"""EfficientNet-Lite2 with its ImageNet weights, from a package: a graph without torch.

Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019; the Lite networks
are its authors' own, for phones. Batch normalisation is folded into the convolutions.
"""

import math
from dataclasses import dataclass

import numpy as np

from gallery.encoders.checkpoint import Weights, read_checkpoint
from gallery.encoders.graphs import FLOAT, Graph
from gallery.encoders.manifest import PicturePreparation
from gallery.encoders.packaged import EFFICIENTNET, package_file, read_published

SHA256 = "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"
SIDE = 260
FEATURES = 1280
"""The length of a picture's vector before the last layer."""
PREPARATION = PicturePreparation(
    side=SIDE, fit="square", resize=SIDE, interpolation="bicubic", mean=(127 / 255,) * 3, std=(128 / 255,) * 3
)
_EPSILON = 1e-3
# How many blocks a stage has, and the stride of its first.
_STAGES = ((1, 1), (3, 2), (3, 2), (4, 2), (4, 1), (5, 2), (1, 1))


def packaged_weights() -> Weights:
    """Read the weights of the package.

    Raises:
        EncoderError: The package is missing, or its file is not the published one.
    """
    path = package_file(EFFICIENTNET, "models/efficientnet-lite2-9656183e.pth")
    return read_checkpoint(read_published(path, SHA256))


def add_pixels(graph: Graph) -> str:
    """Add the input `pixels`, shape `(n, 3, 260, 260)`."""
    return graph.input("pixels", FLOAT, ["n", 3, SIDE, SIDE])


def add_features(graph: Graph, pixels: str, weights: Weights) -> str:
    """Add the network up to its last layer: vectors of shape `(n, 1280)`."""
    network = _Network(graph, weights)
    x = network.convolution(pixels, "_conv_stem", "_bn0", stride=2)
    block = 0
    for blocks, stride in _STAGES:
        for number in range(blocks):
            x = network.block(x, f"_blocks.{block}.", stride if number == 0 else 1, shortcut=number > 0)
            block += 1
    x = network.convolution(x, "_conv_head", "_bn1")
    return graph.op("Flatten", graph.op("GlobalAveragePool", x))


def add_probabilities(graph: Graph, features: str, weights: Weights) -> str:
    """Add the last layer: the probabilities of ImageNet's classes, shape `(n, 1000)`."""
    return graph.op("Softmax", graph.linear(features, weights["_fc.weight"], weights["_fc.bias"]), axis=-1)


@dataclass
class _Network:
    """Adds the network's parts one after the other, and keeps track of the picture's size."""

    graph: Graph
    weights: Weights
    side: int = SIDE

    def __post_init__(self) -> None:
        self._zero, self._six = self.graph.constant(0.0), self.graph.constant(6.0)

    def block(self, x: str, name: str, stride: int, *, shortcut: bool) -> str:
        """Widen, filter each channel on its own, narrow again."""
        y = x
        if f"{name}_expand_conv.weight" in self.weights:
            y = self.convolution(y, f"{name}_expand_conv", f"{name}_bn0")
        y = self.convolution(y, f"{name}_depthwise_conv", f"{name}_bn1", stride=stride)
        y = self.convolution(y, f"{name}_project_conv", f"{name}_bn2", clipped=False)
        return self.graph.op("Add", y, x) if shortcut else y

    def convolution(self, x: str, name: str, norm: str, *, stride: int = 1, clipped: bool = True) -> str:
        scale, shift, mean, variance = (
            self.weights[f"{norm}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
        )
        factor = scale / np.sqrt(variance + _EPSILON)
        kernel = self.weights[f"{name}.weight"] * factor[:, None, None, None]
        y = self.graph.op(
            "Conv",
            x,
            self.graph.constant(kernel),
            self.graph.constant(shift - mean * factor),
            strides=[stride, stride],
            pads=self._pads(kernel.shape[-1], stride),
            group=len(kernel) if kernel.shape[1] == 1 else 1,
        )
        return self.graph.op("Clip", y, self._zero, self._six) if clipped else y

    def _pads(self, kernel: int, stride: int) -> list[int]:
        """Pad as TensorFlow, in which the network was trained: an odd pixel goes to the end."""
        output = math.ceil(self.side / stride)
        total = max((output - 1) * stride + kernel - self.side, 0)
        self.side = output
        return [total // 2, total // 2, total - total // 2, total - total // 2]
