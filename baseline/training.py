"""From judged data to trained models: what is learned from what, and saved where."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from baseline.features import ImageVectors, learn_text_vectors
from baseline.fusion import FusionModel
from baseline.models import fit
from baseline.rows import Rows, training_rows
from baseline.two_tower import DEFAULT_CHOICES, Heads, TowerChoices, train_heads
from gallery.errors import BadInput
from gallery.judged.dataset import JudgedSet, read_flickr8k, read_practicum
from gallery.judged.judgements import match_probabilities
from gallery.judged.networks import ImageNetwork
from gallery.judged.splits import held_out_split, leaky_split
from gallery.judged.text_vectors import PACKAGED_BERT, JoinedVectors
from gallery.records import Caption, Match
from gallery.saved import save_model
from gallery.spec import TOWERS_FILE
from gallery.vectors import Vectors

TWO_TOWER = "two-tower"
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Data:
    """A judged set with its match probabilities and the image vectors of one network.

    Attributes:
        images: Of the images to learn from, by name.
        gallery: Of the images to be found, in the order of `judged.gallery`; shape `(m, g)`.
    """

    judged: JudgedSet
    matches: tuple[Match, ...]
    network: ImageNetwork
    images: dict[str, Vectors]
    gallery: Vectors

    @property
    def captions(self) -> tuple[Caption, ...]:
        """The captions whose own image can be learned from."""
        return tuple(caption for caption in self.judged.captions if caption.image in self.images)


def read_data(folder: Path) -> JudgedSet:
    """Read a folder in the form of the Practicum task or of Flickr8k."""
    return read_practicum(folder) if (folder / "train_dataset.csv").exists() else read_flickr8k(folder)


def prepare(folder: Path, network: ImageNetwork, cache: Path, tell: Tell) -> Data:
    """Read judged data and make or fetch the vectors of its images.

    Raises:
        GalleryError: A file of the data cannot be used.
    """
    judged = read_data(folder)
    matches, dropped = match_probabilities(judged.judgements)
    for reason, count in {**judged.dropped, **dropped}.items():
        if count:
            tell(f"{count} left out: {reason}")
    names = sorted({match.image for match in matches} | {caption.image for caption in judged.captions})
    paths = [judged.images / name for name in names] + [judged.query_images / name for name in judged.gallery]
    vectors = ImageVectors(network, cache).of(paths, lambda done, of: tell(f"image vectors: {done} of {of}"))
    images = dict(zip(names, vectors[: len(names)], strict=True))
    return Data(judged, tuple(matches), network, images, vectors[len(names) :])


def split_matches(matches: Sequence[Match], split: str, seed: int) -> tuple[tuple[Match, ...], tuple[Match, ...]]:
    """Return the pairs to learn from and those to judge by; with `all`, none to judge by.

    Args:
        matches: Judged pairs.
        split: `held-out`, `leaky` (for comparison with published figures only) or `all`.
        seed: Of the draw.
    """
    if split == "all":
        return tuple(matches), ()
    parts = held_out_split(matches, seed=seed) if split == "held-out" else leaky_split(matches, seed=seed)
    return parts.train, parts.validation


def digest_of_pairs(matches: Sequence[Match]) -> str:
    """Return the SHA-256 of some pairs and their match probabilities, in whatever order they come."""
    rows = sorted((m.image, m.caption.image, m.caption.text, m.probability) for m in matches)
    return hashlib.sha256(json.dumps(rows).encode("ascii")).hexdigest()


def rows_of(data: Data, matches: Sequence[Match], texts: JoinedVectors) -> Rows:
    """Return the rows of some pairs, each sentence encoded once."""
    words = sorted({match.caption.text for match in matches})
    return training_rows(matches, dict(zip(words, texts.encode(words), strict=True)), data.images)


def train_towers(
    data: Data,
    texts: JoinedVectors,
    captions: Sequence[Caption],
    seed: int,
    choices: TowerChoices = DEFAULT_CHOICES,
) -> Heads:
    """Train the heads on captions with their own images."""
    names = sorted({caption.image for caption in captions})
    if not names:
        raise BadInput("no caption has its own image among those to learn from; give captions of the images")
    place = {name: row for row, name in enumerate(names)}
    return train_heads(
        texts.encode([caption.text for caption in captions]),
        np.stack([data.images[name] for name in names]),
        [place[caption.image] for caption in captions],
        choices,
        seed,
    )


def train(
    kind: str, data: Data, folder: Path, *, text: str, bert: str = PACKAGED_BERT, split: str = "all", seed: int = 0
) -> None:
    """Train one model and save it to `folder`.

    Two towers learn from captions with their own images, where an image that is held out has none.
    """
    matches, held_out = split_matches(data.matches, split, seed)
    unseen = {match.image for match in held_out}
    captions = [caption for caption in data.captions if caption.image not in unseen]
    source = captions if kind == TWO_TOWER else [match.caption for match in matches]
    texts = learn_text_vectors(text, [caption.text for caption in source], bert)
    values, arrays = texts.saved()
    made_with: dict[str, Any] = {
        "text": values,
        "image": {
            "name": data.network.name,
            "weights": data.network.weights,
            "fingerprint": data.network.fingerprint,
            "mirrored": True,
        },
        "split": split,
        "seed": seed,
    }
    if kind == TWO_TOWER:
        heads = train_towers(data, texts, captions, seed)
        made_with |= {"choices": asdict(DEFAULT_CHOICES), "captions": len(captions)}
        save_model(folder, TOWERS_FILE, made_with, heads | arrays)
        return
    model = fit(kind, rows_of(data, matches, texts), seed)
    made_with |= {"pairs": len(matches), "pairs_sha256": digest_of_pairs(matches), "choices": model.made_with}
    FusionModel(model.kind, model.centre, model.scale, model.layers, made_with | {"text_arrays": arrays}).save(folder)
