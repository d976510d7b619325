"""The towers of models as plain torch modules, to be exported: their outputs are unit rows."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize


class PictureModule(torch.nn.Module):
    """Pixels, shape `(n, 3, side, side)`, become vectors, `(n, dimension)`."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401 - transformers' models share no type
        """Take a model of transformers with `get_image_features`."""
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the vectors."""
        return normalize(self.model.get_image_features(pixel_values=pixels).pooler_output, dim=1)


class TextModule(torch.nn.Module):
    """Token ids and their mask, each `(n, tokens)`, become vectors, `(n, dimension)`."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401 - as above
        """Take a model of transformers with `get_text_features`."""
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the vectors."""
        return normalize(self.model.get_text_features(input_ids=ids, attention_mask=mask).pooler_output, dim=1)


class SentenceModule(torch.nn.Module):
    """The same for a model of sentence-transformers."""

    def __init__(self, model: Any, *, unit: bool = True) -> None:  # noqa: ANN401 - as above
        """Take the model, and whether its vectors are scaled to length one."""
        super().__init__()
        self.model, self.unit = model, unit

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Return the vectors."""
        features = {"input_ids": ids, "attention_mask": mask, "modality": "text"}
        vectors: Tensor = self.model(features)["sentence_embedding"]
        return normalize(vectors, dim=1) if self.unit else vectors
