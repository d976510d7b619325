"""Trained models: what is learned from what, how it scores, where it is kept, and how it searches a folder."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baseline.fusion import FUSION_FILE, FusionModel, load_fusion
from baseline.lessons import Data, rows_of
from baseline.models import NetworkChoices, fit, fit_network
from baseline.two_tower import DEFAULT_CHOICES, TwoTowers, train_heads
from gallery.errors import EncoderError
from gallery.judged.networks import ImageNetwork
from gallery.judged.splits import Seen, Split
from gallery.judged.text_vectors import PACKAGED_BERT, JoinedVectors, learn_text_vectors, load_text_vectors
from gallery.judged.vectors import picture_vectors
from gallery.saved import load_model, save_model
from gallery.spec import TOWERS_FILE
from gallery.vectors import Vectors

TWO_TOWER = "two-tower"
LoadNetwork = Callable[[str, str, str | None], ImageNetwork]
KINDS = ("linear", "ridge", "mlp", TWO_TOWER)


@dataclass(frozen=True, slots=True)
class Model:
    """A trained model with its text vectors.

    Attributes:
        scores: Early fusion's match probability, or two towers' cosine, of a text vector and an image vector.
    """

    texts: JoinedVectors
    scores: FusionModel | TwoTowers

    def matrix(self, queries: Sequence[str], images: Vectors) -> NDArray[np.floating]:
        """Return the unclipped score of every query with every image vector, shape `(n, m)`."""
        return self.scores.matrix(self.texts.encode(queries), images)

    def pairs(self, sentences: Sequence[str], images: Vectors) -> NDArray[np.float64]:
        """Return the unclipped score of each sentence with the corresponding image vector, shape `(n,)`."""
        return self.scores.pairs(self.texts.encode(sentences), images)


@dataclass(frozen=True, slots=True)
class Trained:
    """A model, the data that its training used, and its hyperparameters."""

    model: Model
    seen: Seen
    choices: dict[str, Any]


def train(
    kind: str,
    data: Data,
    split: Split,
    *,
    text: str,
    bert: str = PACKAGED_BERT,
    seed: int = 0,
    network: NetworkChoices | None = None,
) -> Trained:
    """Train one model on a split's training data.

    Args:
        kind: One of `KINDS`.
        data: The judged set.
        split: A split of it. Two towers learn from its captions, early fusion from its pairs.
        text: The text vectors, see `learn_text_vectors`.
        bert: The model behind `bert`.
        seed: The seed of the training.
        network: How the network is trained; without it, that is chosen on photos held out of the split's pairs.

    Raises:
        BadInput: There is too little training data.
    """
    if kind == TWO_TOWER:
        captions = split.captions
        texts = learn_text_vectors(text, [caption.text for caption in captions], bert)
        names, owners = np.unique([caption.image for caption in captions], return_inverse=True)
        images = np.array([data.photos[name] for name in names])
        heads = train_heads(texts.encode([caption.text for caption in captions]), images, owners.tolist(), seed=seed)
        return Trained(Model(texts, TwoTowers(heads)), Seen.of(captions=captions), asdict(DEFAULT_CHOICES))
    texts = learn_text_vectors(text, [pair.caption.text for pair in split.pairs], bert)
    rows = rows_of(data, split.pairs, texts)
    model = fit_network(rows, seed, [network]) if kind == "mlp" and network else fit(kind, rows, seed)
    return Trained(Model(texts, model), Seen.of(rows.matches), model.made_with)


def save(trained: Trained, data: Data, folder: Path) -> None:
    """Write a trained model to a folder: plain arrays, and a file that describes them."""
    values, arrays = trained.model.texts.saved()
    network = data.network
    image = {"name": network.name, "weights": network.weights, "fingerprint": network.fingerprint, "mirrored": True}
    own, of_scores = trained.model.scores.saved()
    made_with = {"text": values, "image": image, "choices": trained.choices, **own}
    file = TOWERS_FILE if isinstance(trained.model.scores, TwoTowers) else FUSION_FILE
    save_model(folder, file, made_with, of_scores | arrays)


def load(
    folder: Path, device: str | None = None, load_network: LoadNetwork = ImageNetwork
) -> tuple[Model, ImageNetwork]:
    """Read what `baseline train` saved, and load its image network.

    Args:
        folder: Where the model is.
        device: In torch's words.
        load_network: Loads a network by its name, its file of weights and the device.

    Raises:
        EncoderError: The folder holds no model that can be used here.
    """
    scores: FusionModel | TwoTowers
    if (folder / FUSION_FILE).is_file():
        scores, arrays = load_fusion(folder)
        values = scores.made_with
    elif (folder / TOWERS_FILE).is_file():
        values, arrays = load_model(folder, TOWERS_FILE)
        scores = TwoTowers(arrays)
    else:
        raise EncoderError(f"{folder} holds no model; make one with: baseline train")
    image = values["image"]
    network = load_network(image["name"], image.get("weights", ""), device)
    if image["fingerprint"] != network.fingerprint:
        raise EncoderError(
            f"{folder} was trained on {image['fingerprint']}, but this is {network.fingerprint}; train it again"
        )
    return Model(load_text_vectors(values["text"], arrays, device), scores), network


def search(
    model: Model, network: ImageNetwork, query: str, paths: Sequence[Path], cache: Path, limit: int
) -> list[tuple[float, Path]]:
    """Return score and path of the pictures that suit a query best, best first, at most `limit`.

    Raises:
        UnreadableImage: A file is not a picture.
    """
    if not paths:
        return []
    (row,) = model.matrix([query], picture_vectors(network, network.fingerprint, paths, cache))
    return [(float(row[place]), paths[place]) for place in np.argsort(-row, kind="stable")[:limit]]
