"""The encoder of two trained towers: frozen vectors of texts and images, and a projection head for each.

`baseline/two_tower.py` trains and saves it. Several pairs of heads may be trained on the same vectors; their unit
vectors lie one after the other, so that a cosine is the mean of the pairs' cosines.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from gallery.encoder import Encoder, Vectors
from gallery.errors import EncoderError
from gallery.judged.networks import ImageNetwork
from gallery.judged.projection import project
from gallery.judged.text_vectors import BertVectors, load_text_vectors
from gallery.saved import ARRAYS_FILE, load_model
from gallery.spec import TOWERS_FILE, Spec, digest_of_files

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


class TwoTowerEncoder(Encoder):
    """What `baseline train two-tower` made, as an encoder of collections."""

    def __init__(self, folder: Path, device: str | None = None) -> None:
        """Load the towers.

        Raises:
            EncoderError: The folder holds none, or a damaged one, or a frozen part of it cannot be had.
        """
        values, self._arrays = load_model(folder, TOWERS_FILE)
        self._texts = load_text_vectors(_part(values, "text", folder), self._arrays, device)
        image = _part(values, "image", folder)
        self._network = ImageNetwork(str(image.get("name")), str(image.get("weights", "")), device)
        if image.get("fingerprint") != self._network.fingerprint:
            raise EncoderError(
                f"{folder} was trained on {image.get('fingerprint')}, and this is {self._network.fingerprint}; "
                "train it again"
            )
        _check_shapes(folder, self._arrays, text=self._texts.dimension, image=self._network.dimension)
        self._mirrored = bool(image.get("mirrored"))
        self.detail, self.on_cpu = self._network.detail, self._network.on_cpu
        bert = [part for part in self._texts.parts if isinstance(part, BertVectors)]
        self._bert = bert[0] if bert else None
        self.text_limit = self._bert.limit if self._bert else 2**31
        digest = digest_of_files([folder / TOWERS_FILE, folder / ARRAYS_FILE])
        heads, length, _ = self._arrays["image.heads"].shape
        self.spec = Spec(
            encoder=str(folder.resolve()),
            dimension=heads * length,
            space=f"towers {digest} {self._network.fingerprint}",
            text=f"towers {digest} {self._texts.kind}",
        )

    @property
    def text_model(self) -> "SentenceTransformer | None":
        """The model of the text tower, for those who export it; None where its texts go through more than that."""
        return self._bert.model if self._bert and len(self._texts.parts) == 1 else None

    @property
    def text_heads(self) -> Mapping[str, Vectors]:
        """What `project` does with the model's vectors."""
        return {name: np.asarray(array, np.float32) for name, array in self._arrays.items() if name.startswith("text.")}

    def pixels(self, picture: Image.Image) -> Vectors:
        return self._network.pixels(picture)

    def encode_pixels(self, pixels: Vectors) -> Vectors:
        return project(self._network.features(pixels, mirrored=self._mirrored), "image", self._arrays)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self.spec.dimension), np.float32)
        return project(self._texts.encode(texts), "text", self._arrays)

    def count_tokens(self, text: str) -> int:
        return self._bert.count_tokens(text) if self._bert else len(text.split())


def _part(values: Mapping[str, Any], name: str, folder: Path) -> Mapping[str, Any]:
    part = values.get(name)
    if not isinstance(part, dict):
        raise EncoderError(f"{folder / TOWERS_FILE} says nothing of the {name} tower; train it again")
    return part


def _check_shapes(folder: Path, arrays: Mapping[str, Vectors], **dimensions: int) -> None:
    lengths = set()
    for side, dimension in dimensions.items():
        shapes = [arrays[name].shape if name in arrays else () for name in (f"{side}.centre", f"{side}.scale")]
        heads = arrays.get(f"{side}.heads")
        if heads is None or heads.ndim != 3 or heads.shape[2] != dimension or shapes != [(dimension,)] * 2:
            raise EncoderError(f"the {side} tower in {folder} does not fit its frozen vectors; train it again")
        lengths.add(heads.shape[:2])
    if len(lengths) != 1:
        raise EncoderError(f"the towers in {folder} have heads of different shape; train it again")
