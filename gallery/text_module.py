"""The text tower of a sentence-transformers model as a plain torch module, to be exported."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sentence_transformers import SentenceTransformer


class TextModule(torch.nn.Module):
    """Token ids and their mask, each `(n, tokens)`, become vectors, `(n, dimension)`, of any length."""

    def __init__(self, model: "SentenceTransformer", heads: "Mapping[str, NDArray[np.float32]] | None" = None) -> None:
        """Take a model, and the heads that its vectors go through, if any.

        Args:
            model: Makes vectors of `f` components.
            heads: `text.centre` and `text.scale`, shape `(f,)`, and `text.heads`, shape `(heads, d, f)`: of the
                standardised vector each head makes a unit vector, and these lie one after the other.
        """
        super().__init__()
        self.model = model
        names = ("text.centre", "text.scale", "text.heads") if heads else ()
        for name in names:
            self.register_buffer(name.removeprefix("text."), torch.from_numpy(heads[name].copy()) if heads else None)
        self.projects = bool(heads)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return the vectors."""
        features = {"input_ids": input_ids, "attention_mask": attention_mask, "modality": "text"}
        vectors: torch.Tensor = self.model(features)["sentence_embedding"]
        if not self.projects:
            return vectors
        heads = self.get_buffer("heads")
        standard = (vectors - self.get_buffer("centre")) / self.get_buffer("scale")
        made = [torch.nn.functional.normalize(standard @ heads[number].T, dim=1) for number in range(heads.shape[0])]
        return torch.cat(made, dim=1)
