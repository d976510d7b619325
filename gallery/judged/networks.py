"""Frozen image networks: their vector of a picture before the last layer."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from gallery.encoders import efficientnet
from gallery.encoders.graphs import Graph
from gallery.encoders.preparation import PREPARED, prepare
from gallery.encoders.sessions import Device, open_session, processors
from gallery.errors import EncoderError
from gallery.judged.torch_models import best_device
from gallery.spec import sha256_of
from gallery.vectors import Vectors

if TYPE_CHECKING:
    from torch import nn

NETWORKS = ("efficientnet-lite2", "resnet50")
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_SCALE = np.array([0.229, 0.224, 0.225], np.float32)


class ImageNetwork:
    """An ImageNet network without its last layer.

    Attributes:
        name: One of `NETWORKS`.
        weights: A local file of weights, or empty for those that come with the network.
        detail: How many pixels of a picture's shorter side are enough, for `open_image`.
        pooled: The vectors before the last layer, shape `(n, dimension)`, of inputs `(n, 3, height, width)`.
        fingerprint: Names the weights and the image loader.
    """

    def __init__(self, name: str, weights: str = "", device: str | None = None) -> None:
        """Load the network.

        Args:
            name: `efficientnet-lite2`, from a package, or `resnet50`, whose ImageNet weights torchvision fetches.
            weights: A local file with a state dict of torchvision's ResNet50, instead of fetching.
            device: Where resnet50 runs, in torch's notation; by default a GPU if there is one. The other network is
                small, and runs on the processor without torch.

        Raises:
            EncoderError: The name is unknown, or the weights are unavailable.
        """
        if name not in NETWORKS or (weights and name != "resnet50"):
            raise EncoderError(f"no image network {name} {weights}; choose {' or '.join(NETWORKS)}".replace("  ", " "))
        self.name, self.weights = name, weights
        if name == "resnet50":
            network, digest = _resnet50(weights)
            self.pooled, self.detail = _of_torch(network, best_device(device)), 2 * 256
        else:
            self.pooled, digest, self.detail = _efficientnet(), efficientnet.SHA256[:8], 2 * efficientnet.SIDE
        self.fingerprint = f"{name} {digest} {PREPARED}"

    def pixels(self, picture: Image.Image) -> Vectors:
        """Return the network's input for one RGB picture, shape `(3, height, width)`."""
        return resnet_pixels(picture) if self.name == "resnet50" else prepare(picture, efficientnet.PREPARATION)

    def encode_pixels(self, pixels: Vectors) -> Vectors:
        """Return one vector per input, the mean of the picture's and of its mirror image's; shape `(n, dimension)`."""
        return (self.pooled(pixels) + self.pooled(pixels[..., ::-1])) / np.float32(2)


def resnet_pixels(picture: Image.Image) -> Vectors:
    """Scale the shorter side to 256, cut out the middle 224 x 224, and normalise as the network's authors do.

    Returns:
        Shape `(3, 224, 224)`.
    """
    side = min(picture.size) * 224 / 256
    left, top = ((length - side) / 2 for length in picture.size)
    square = picture.resize((224, 224), Image.Resampling.BILINEAR, box=(left, top, left + side, top + side))
    scaled: Vectors = (np.asarray(square, np.float32) / np.float32(255) - _MEAN) / _SCALE
    return scaled.transpose(2, 0, 1)


def without_last_layer(network: "nn.Module") -> "nn.Module":
    """Return a torchvision ResNet that outputs the input of its last layer, ready for inference."""
    from torch import nn

    network.fc = nn.Identity()
    return network.eval()


def _efficientnet() -> Callable[[Vectors], Vectors]:
    graph = Graph()
    pixels, weights = efficientnet.add_pixels(graph), efficientnet.packaged_weights()
    model = graph.model(efficientnet.add_features(graph, pixels, weights))
    session = open_session(model.SerializeToString(), Device(), threads=processors(), packed=True)

    def pooled(pixels: Vectors) -> Vectors:
        (vectors,) = session.run(None, {"pixels": pixels})
        rows: Vectors = vectors
        return rows

    return pooled


def _of_torch(network: "nn.Module", device: str) -> Callable[[Vectors], Vectors]:
    import torch

    network.to(device)

    def pooled(pixels: Vectors) -> Vectors:
        inputs = torch.from_numpy(np.ascontiguousarray(pixels)).to(device)
        with torch.inference_mode():
            vectors = network(inputs.contiguous(memory_format=torch.channels_last))
        return np.asarray(vectors.cpu().numpy(), np.float32)

    return pooled


def _resnet50(weights: str) -> tuple["nn.Module", str]:
    """Return ResNet50 without its last layer, and the digest or name of its weights."""
    import torch
    from torchvision.models import ResNet50_Weights, resnet50

    try:
        if not weights:
            published = ResNet50_Weights.IMAGENET1K_V2
            return without_last_layer(resnet50(weights=published)), str(published.name)
        network = resnet50(weights=None)
        network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
        return without_last_layer(network), sha256_of(Path(weights))[:8]
    except Exception as error:  # torch's loader, the network and the disk may raise anything
        said = " ".join(str(error).split())[:200]
        raise EncoderError(
            f"the weights of resnet50 {weights or 'could not be fetched'} ({said}); give a file of torchvision's "
            "ResNet50 with --weights, or take --image efficientnet-lite2, which needs no download"
        ) from error
