"""Two towers on few images: frozen vectors, two small projection heads, and a contrastive loss.

As CLIP does with 400 million pairs, training pulls a caption and its own image together, and pushes both away from the
rest of the batch. A batch holds every image once, with one of its captions, so that no caption is pushed away from its
own
image.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from baseline.repeatable import repeatable
from gallery.errors import BadInput
from gallery.judged.projection import SIDES, project
from gallery.judged.vectors import pair_cosines
from gallery.vectors import Vectors

if TYPE_CHECKING:
    from torch import Tensor

Heads = dict[str, Vectors]
"""What `gallery.judged.projection.project` takes, of both sides."""


@dataclass(frozen=True, slots=True)
class TwoTowers:
    """Trained heads; the score of a text and an image is the cosine of their projections."""

    heads: Heads

    def pairs(self, text: Vectors, image: Vectors) -> NDArray[np.float64]:
        """Return the score of every row, shape `(n,)`, of `(n, f)` and `(n, g)`."""
        return pair_cosines(project(text, "text", self.heads), project(image, "image", self.heads))

    def matrix(self, text: Vectors, image: Vectors) -> NDArray[np.floating]:
        """Return the score of every text with every image, shape `(n, m)`."""
        return project(text, "text", self.heads) @ project(image, "image", self.heads).T

    def saved(self) -> tuple[dict[str, Any], dict[str, Vectors]]:
        """Return what `FusionModel.saved` does; all is in the arrays."""
        return {}, self.heads


@dataclass(frozen=True, slots=True)
class TowerChoices:
    """How the heads are trained.

    The defaults were chosen by cross-validation over the training photos.

    Attributes:
        dimension: Length of a head's vectors.
        heads: Pairs of heads, trained side by side from different starts.
        epochs: How often every image is seen.
        rate: AdamW's learning rate, which falls to zero along a cosine.
        decay: Weight decay of AdamW.
        dropout: Share of a vector's components that are dropped at a time.
        batch: The most images in a batch.
        temperature: The divisor of cosines before the softmax.
    """

    dimension: int = 256
    heads: int = 4
    epochs: int = 30
    rate: float = 1e-3
    decay: float = 0.1
    dropout: float = 0.5
    batch: int = 256
    temperature: float = 0.07


DEFAULT_CHOICES = TowerChoices()


def train_heads(
    texts: Vectors,
    images: Vectors,
    owners: Sequence[int],
    choices: TowerChoices = DEFAULT_CHOICES,
    seed: int = 0,
) -> Heads:
    """Train the projection heads.

    Args:
        texts: Frozen vectors of captions, shape `(n, f)`.
        images: Frozen vectors of images, shape `(m, g)`.
        owners: For every caption the row of its own image.
        choices: The hyperparameters.
        seed: The seed of initial values, batches and dropout.

    Raises:
        BadInput: There are fewer than two images with captions, so there is nothing to distinguish.
    """
    import torch
    from torch.nn.functional import cross_entropy

    owner_of = np.asarray(owners)
    captions = {image: np.flatnonzero(owner_of == image) for image in sorted(set(owners))}
    rows = list(captions)
    if len(rows) < 2:
        raise BadInput(f"two towers need captions of at least two images, and there are {len(rows)}; give more")
    heads = _scaling("text", texts) | _scaling("image", images[rows])
    standard = [
        torch.from_numpy(np.asarray((vectors - heads[f"{side}.centre"]) / heads[f"{side}.scale"], np.float32))
        for side, vectors in zip(SIDES, (texts, images), strict=True)
    ]
    draw = np.random.default_rng(seed)
    batches = -(-len(rows) // choices.batch)
    with repeatable(seed):
        weights = [
            (torch.randn(choices.heads, choices.dimension, inputs.shape[1]) / inputs.shape[1] ** 0.5).requires_grad_()
            for inputs in standard
        ]
        optimizer = torch.optim.AdamW(weights, lr=choices.rate, weight_decay=choices.decay)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, choices.epochs * batches)
        for _ in range(choices.epochs):
            for batch in np.array_split(draw.permutation(rows), batches):
                words = np.array([draw.choice(captions[row]) for row in batch])
                text, image = (
                    _projected(inputs[torch.from_numpy(chosen)], head, choices.dropout)
                    for inputs, chosen, head in zip(standard, (words, batch), weights, strict=True)
                )
                cosines = text @ image.transpose(1, 2) / choices.temperature
                own = torch.arange(len(batch)).expand(choices.heads, -1)
                loss = cross_entropy(cosines, own) + cross_entropy(cosines.transpose(1, 2), own)
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                schedule.step()
    return heads | {f"{side}.heads": head.detach().numpy() for side, head in zip(SIDES, weights, strict=True)}


def _scaling(side: str, vectors: Vectors) -> Heads:
    """Centre every component. Divide those of images each by its own spread, those of texts all by one spread.

    The spread of a rare word is so small that dividing by it would make the word count more than all others.
    """
    spread = vectors.std(axis=0)
    scale = spread + np.float32(1e-6) if side == "image" else np.full_like(spread, np.sqrt(np.mean(spread**2)) + 1e-6)
    return {f"{side}.centre": vectors.mean(axis=0), f"{side}.scale": scale}


def _projected(inputs: "Tensor", head: "Tensor", share: float) -> "Tensor":
    from torch.nn.functional import dropout, normalize

    left = dropout(inputs.expand(len(head), -1, -1), share)
    return normalize(left @ head.transpose(1, 2), dim=2)
