"""Frozen image networks: their vector of a picture before the last layer."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from gallery.encoders import choose_device, efficientnet, processors
from gallery.encoders.graphs import Graph
from gallery.encoders.preparation import PREPARED, prepare
from gallery.encoders.sessions import Device, open_session
from gallery.errors import EncoderError
from gallery.vectors import Vectors

NETWORKS = ("efficientnet-lite2", "resnet50")


class ImageNetwork:
    """An ImageNet network without its last layer.

    Attributes:
        name: One of `NETWORKS`.
        weights: A local file of weights, or empty for those that come with the network.
        detail: How many pixels of a picture's shorter side are enough, for `open_image`.
        fingerprint: Names the weights and the image loader.
    """

    def __init__(self, name: str, weights: str = "", device: str | None = None) -> None:
        """Load the network.

        Args:
            name: `efficientnet-lite2`, from a package, or `resnet50`, whose ImageNet weights torchvision fetches.
            weights: A local file with a state dict of torchvision's ResNet50, instead of fetching.
            device: Where resnet50 runs; by default a GPU if there is one. The other network is small, and runs on the
                processor.

        Raises:
            EncoderError: The name is unknown, or the weights are unavailable.
        """
        if name not in NETWORKS or (weights and name != "resnet50"):
            raise EncoderError(f"no image network {name} {weights}; choose {' or '.join(NETWORKS)}".replace("  ", " "))
        self.name, self.weights = name, weights
        if name == "resnet50":
            from gallery.encoders.export.resnet import PREPARATION, trace_resnet  # torch

            self._how, self.detail = PREPARATION, 2 * PREPARATION.resize
            with TemporaryDirectory() as folder:
                graph = Path(folder) / "resnet50.onnx"
                digest = trace_resnet(weights, graph, mirrored=False)
                self._session = open_session(graph, choose_device(device), threads=processors(), packed=True)
        else:
            self._how, self.detail, digest = efficientnet.PREPARATION, 2 * efficientnet.SIDE, efficientnet.SHA256[:8]
            self._session = open_session(_efficientnet(), Device(), threads=processors(), packed=True)
        self.fingerprint = f"{name} {digest} {PREPARED}"

    def pixels(self, picture: Image.Image) -> Vectors:
        """Return the network's input for one RGB picture, shape `(3, height, width)`."""
        return prepare(picture, self._how)

    def pooled(self, pixels: Vectors) -> Vectors:
        """Return the vector before the last layer of each input, shape `(n, dimension)`."""
        return np.asarray(self._session.run(None, {"pixels": pixels})[0])

    def encode_pixels(self, pixels: Vectors) -> Vectors:
        """Return one vector per input, the mean of the picture's and of its mirror image's; shape `(n, dimension)`."""
        return (self.pooled(pixels) + self.pooled(pixels[..., ::-1])) / np.float32(2)


def _efficientnet() -> bytes:
    graph = Graph()
    pixels, weights = efficientnet.add_pixels(graph), efficientnet.packaged_weights()
    return bytes(graph.model(efficientnet.add_features(graph, pixels, weights)).SerializeToString())
