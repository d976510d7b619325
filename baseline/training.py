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
from baseline.two_tower import DEFAULT_CHOICES, Heads, TowerChoices, train_heads
from gallery.errors import BadInput, EncoderError
from gallery.judged.networks import ImageNetwork
from gallery.judged.projection import project
from gallery.judged.splits import Seen, Split
from gallery.judged.text_vectors import PACKAGED_BERT, JoinedVectors, learn_text_vectors, load_text_vectors
from gallery.judged.vectors import pair_cosines, picture_vectors
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
        fusion: Predicts a match probability from both vectors.
        heads: The heads of two towers; their score is a cosine. One of `fusion` and `heads` is None.
    """

    texts: JoinedVectors
    fusion: FusionModel | None = None
    heads: Heads | None = None

    def matrix(self, queries: list[str], images: Vectors) -> NDArray[np.floating]:
        """Return the unclipped score of every query with every image vector, shape `(n, m)`."""
        text = self.texts.encode(queries)
        if self.fusion:
            return self.fusion.matrix(text, images)
        assert self.heads
        return project(text, "text", self.heads) @ project(images, "image", self.heads).T

    def pairs(self, sentences: list[str], images: Vectors) -> NDArray[np.float64]:
        """Return the unclipped score of each sentence with the corresponding image vector, shape `(n,)`."""
        text = self.texts.encode(sentences)
        if self.fusion:
            return self.fusion.pairs(text, images)
        assert self.heads
        return pair_cosines(project(text, "text", self.heads), project(images, "image", self.heads))


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
    towers: TowerChoices = DEFAULT_CHOICES,
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
        towers: How two towers are trained.

    Raises:
        BadInput: There is no training data.
    """
    if kind == TWO_TOWER:
        captions = split.captions
        texts = learn_text_vectors(text, [caption.text for caption in captions], bert)
        names = sorted({caption.image for caption in captions})
        if not names:
            raise BadInput("no caption has its own image among those to learn from; give captions of the images")
        place = {name: row for row, name in enumerate(names)}
        heads = train_heads(
            texts.encode([caption.text for caption in captions]),
            np.stack([data.photos[name] for name in names]),
            [place[caption.image] for caption in captions],
            towers,
            seed,
        )
        return Trained(Model(texts, heads=heads), Seen.of(captions=captions), asdict(towers))
    texts = learn_text_vectors(text, [pair.caption.text for pair in split.pairs], bert)
    rows = rows_of(data, split.pairs, texts)
    model = fit_network(rows, seed, [network]) if kind == "mlp" and network else fit(kind, rows, seed)
    return Trained(Model(texts, fusion=model), Seen.of(rows.matches), model.made_with)


def save(trained: Trained, data: Data, folder: Path) -> None:
    """Write a trained model to a folder: plain arrays, and a file that describes them."""
    values, arrays = trained.model.texts.saved()
    network = data.network
    image = {"name": network.name, "weights": network.weights, "fingerprint": network.fingerprint, "mirrored": True}
    made_with = {"text": values, "image": image, "choices": trained.choices}
    if trained.model.heads:
        save_model(folder, TOWERS_FILE, made_with, trained.model.heads | arrays)
    elif trained.model.fusion:
        own, of_model = trained.model.fusion.saved()
        save_model(folder, FUSION_FILE, made_with | own, of_model | arrays)


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
    fusion = heads = None
    if (folder / FUSION_FILE).is_file():
        fusion, arrays = load_fusion(folder)
        values = fusion.made_with
    elif (folder / TOWERS_FILE).is_file():
        values, arrays = load_model(folder, TOWERS_FILE)
        heads = arrays
    else:
        raise EncoderError(f"{folder} holds no model; make one with: baseline train")
    image = values["image"]
    network = load_network(image["name"], image.get("weights", ""), device)
    if image["fingerprint"] != network.fingerprint:
        raise EncoderError(
            f"{folder} was trained on {image['fingerprint']}, but this is {network.fingerprint}; train it again"
        )
    return Model(load_text_vectors(values["text"], arrays, device), fusion, heads), network


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
