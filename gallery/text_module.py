"""The text tower of a sentence-transformers model as a plain torch module, to be exported."""

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


class TextModule(torch.nn.Module):
    """Token ids and their mask, each `(n, tokens)`, become vectors, `(n, dimension)`."""

    def __init__(self, model: "SentenceTransformer") -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return the vectors."""
        features = {"input_ids": input_ids, "attention_mask": attention_mask, "modality": "text"}
        vectors: torch.Tensor = self.model(features)["sentence_embedding"]
        return vectors
