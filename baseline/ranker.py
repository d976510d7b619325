"""Searches the pictures of a folder with a saved model."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from baseline.fusion import FUSION_FILE, load_fusion
from baseline.training import Model
from gallery.errors import EncoderError
from gallery.judged.networks import ImageNetwork
from gallery.judged.text_vectors import load_text_vectors
from gallery.judged.vectors import picture_vectors
from gallery.saved import load_model
from gallery.spec import TOWERS_FILE

LoadNetwork = Callable[[str, str, str | None], ImageNetwork]


def load(
    folder: Path, device: str | None = None, load_network: LoadNetwork = ImageNetwork
) -> tuple[Model, ImageNetwork]:
    """Read what `baseline train` saved, and load its image network.

    Args:
        folder: Where the model is.
        device: The device, in torch's notation.
        load_network: Loads a network by name, weights file and device.

    Raises:
        EncoderError: The folder holds no model, or one that cannot be used here.
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
    """Return scores and paths of the pictures that best fit a query, best first, at most `limit`.

    Raises:
        UnreadableImage: A file is not a picture.
    """
    if not paths:
        return []
    (row,) = model.matrix([query], picture_vectors(network, network.fingerprint, paths, cache))
    return [(float(row[place]), paths[place]) for place in np.argsort(-row, kind="stable")[:limit]]
