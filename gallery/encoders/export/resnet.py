"""torchvision's ResNet50 without its last layer, as a graph."""

from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.models import ResNet50_Weights, resnet50

from gallery.encoders.export.tracing import trace
from gallery.encoders.manifest import PicturePreparation
from gallery.errors import EncoderError
from gallery.spec import sha256_of

PREPARATION = PicturePreparation(
    side=224, fit="square", resize=256, interpolation="bilinear", mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
)


class _Features(nn.Module):
    """The input of the last layer, or its mean over a picture and its mirror image."""

    def __init__(self, network: nn.Module, *, mirrored: bool) -> None:
        super().__init__()
        self.network, self.mirrored = network, mirrored

    def forward(self, pixels: Tensor) -> Tensor:
        features: Tensor = self.network(pixels)
        return (features + self.network(pixels.flip(3))) / 2 if self.mirrored else features


def trace_resnet(weights: str, graph: Path, *, mirrored: bool) -> str:
    """Write the graph, and return the digest or the name of the weights.

    Args:
        weights: A file with a state dict; empty for ImageNet's, which torchvision fetches.
        graph: Where it is written.
        mirrored: Whether the vectors are means over a picture and its mirror image.

    Raises:
        EncoderError: The weights are unavailable.
    """
    published = ResNet50_Weights.IMAGENET1K_V2
    try:
        network = resnet50(weights=None if weights else published)
        if weights:
            network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    except Exception as error:  # torch's loader, the network and the disk may raise anything
        said = " ".join(str(error).split())[:200]
        raise EncoderError(
            f"the weights of resnet50 {weights or 'could not be fetched'} ({said}); give a file of torchvision's "
            "ResNet50 with --weights, or take --image efficientnet-lite2, which needs no download"
        ) from error
    network.fc = nn.Identity()
    trace(_Features(network.eval(), mirrored=mirrored), {"pixels": torch.zeros(2, 3, 224, 224)}, graph)
    return sha256_of(Path(weights))[:8] if weights else str(published.name)
