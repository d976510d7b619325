"""Applies early fusion: a text vector and an image vector side by side, and layers that reduce them to one number."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gallery.errors import EncoderError
from gallery.saved import load_model
from gallery.vectors import Vectors

FUSION_FILE = "fusion.json"
Layer = tuple[Vectors, Vectors]
"""Weights, shape `(out, in)`, and biases, shape `(out,)`."""


@dataclass(frozen=True, slots=True)
class FusionModel:
    """A linear model (one layer) or a network (several, with ReLU between them) on standardised inputs.

    Attributes:
        kind: `linear`, `ridge` or `mlp`.
        centre: Subtracted from the text vector followed by the image vector, shape `(f + g,)`.
        scale: The divisor after that.
        layers: The layers from the inputs to one number.
        made_with: How the model was made, for readers of its file.
    """

    kind: str
    centre: Vectors
    scale: Vectors
    layers: Sequence[Layer]
    made_with: dict[str, Any] = field(default_factory=dict)

    def pairs(self, text: Vectors, image: Vectors) -> NDArray[np.float64]:
        """Return the unclipped value of every row, shape `(n,)`, of `(n, f)` and `(n, g)`."""
        from_text, from_image = self._first(text, image)
        return self._rest(from_text + from_image)

    def matrix(self, text: Vectors, image: Vectors) -> NDArray[np.float64]:
        """Return the unclipped value of every text with every image, shape `(n, m)`.

        The first layer is applied to texts and images separately and added, so no pair is written out.
        """
        from_text, from_image = self._first(text, image)
        return np.stack([self._rest(row + from_image) for row in from_text])

    def _first(self, text: Vectors, image: Vectors) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        weights, bias = (part.astype(np.float64) for part in self.layers[0])
        width = text.shape[1]
        standard_text = (text - self.centre[:width]) / self.scale[:width]
        standard_image = (image - self.centre[width:]) / self.scale[width:]
        from_text: NDArray[np.float64] = standard_text @ weights[:, :width].T + bias
        return from_text, standard_image @ weights[:, width:].T

    def _rest(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        for weights, bias in self.layers[1:]:
            values = np.asarray(np.maximum(values, 0) @ weights.T + bias, np.float64)
        return values[:, 0]

    def saved(self) -> tuple[dict[str, Any], dict[str, Vectors]]:
        """Return what `load_fusion` needs: values for a JSON file, and arrays."""
        arrays = {"centre": self.centre, "scale": self.scale}
        for number, (weights, bias) in enumerate(self.layers):
            arrays |= {f"layer{number}.weights": weights, f"layer{number}.bias": bias}
        return {"kind": self.kind, "layers": len(self.layers)}, arrays


def load_fusion(folder: Path) -> tuple[FusionModel, dict[str, Vectors]]:
    """Read a saved model, and all arrays of its folder.

    Raises:
        EncoderError: The folder holds no such model.
    """
    values, arrays = load_model(folder, FUSION_FILE)
    try:
        names = [f"layer{number}" for number in range(values["layers"])]
        layers = [(arrays[f"{name}.weights"], arrays[f"{name}.bias"]) for name in names]
        return FusionModel(values["kind"], arrays["centre"], arrays["scale"], layers, values), arrays
    except (KeyError, TypeError) as error:
        raise EncoderError(f"{folder} lacks {error} of a model; train it again") from error
