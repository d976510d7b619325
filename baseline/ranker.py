"""A trained model as a searcher: it scores all images of a folder for a query."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from baseline.features import ImageVectors
from baseline.fusion import FUSION_FILE, FusionModel, load_fusion
from gallery.errors import BadInput, EncoderError
from gallery.judged.networks import ImageNetwork
from gallery.judged.projection import project
from gallery.judged.text_vectors import JoinedVectors, load_text_vectors
from gallery.pictures.images import open_image
from gallery.records import Hit, ImageFile, ImageRecord
from gallery.saved import load_model
from gallery.spec import TOWERS_FILE, sha256_of
from gallery.stores.payload import record_of
from gallery.vectors import Vectors

_THUMB = 32


class BaselineRanker:
    """A model that `baseline train` saved, over some images; to `eval` it is a retriever like any other.

    Attributes:
        name: By which it is called in reports.
        made_with: What the model was made with.
        fusion: The model itself where it predicts a match probability; None of two towers.
        texts: Its text vectors.
        network: Its image vectors.
    """

    def __init__(self, name: str, folder: Path, images: Sequence[Path], cache: Path, device: str | None = None) -> None:
        """Load the model, and make or fetch the vectors of the images.

        Args:
            name: By which it is called in reports.
            folder: Where the model is.
            images: The files to be found.
            cache: The folder of kept image vectors.
            device: In torch's words.

        Raises:
            EncoderError: The folder holds no model that can be used here.
            UnreadableImage: A file is no picture.
        """
        self.name = name
        self.fusion: FusionModel | None = None
        if (folder / FUSION_FILE).is_file():
            self.fusion, self._arrays = load_fusion(folder)
            self.made_with = self.fusion.made_with
        elif (folder / TOWERS_FILE).is_file():
            self.made_with, self._arrays = load_model(folder, TOWERS_FILE)
        else:
            raise EncoderError(f"{folder} holds no model; make one with: baseline train")
        image = self.made_with["image"]
        self.texts: JoinedVectors = load_text_vectors(self.made_with["text"], self._arrays, device)
        self.network = ImageNetwork(image["name"], image.get("weights", ""), device)
        if image["fingerprint"] != self.network.fingerprint:
            raise EncoderError(
                f"{folder} was trained on {image['fingerprint']}, this is {self.network.fingerprint}; train again"
            )
        self._images = ImageVectors(self.network, cache).of(images)
        self._records = [_record(path) for path in images]

    def search(self, query: str, limit: int) -> list[Hit]:
        """Return the images that suit the query, best first; the probability is the score clipped to 0…1.

        Only early fusion has a probability: two towers have a cosine.
        """
        if limit < 1:
            raise BadInput(f"a limit of {limit}: give 1 or more")
        (row,) = self.scores([query])
        best = np.argsort(-row, kind="stable")[:limit]
        hits = [Hit(self._records[place], float(row[place])) for place in best]
        if not self.fusion:
            return hits
        return [replace(hit, probability=min(max(hit.score, 0.0), 1.0)) for hit in hits]

    def scores(self, queries: Sequence[str], images: Vectors | None = None) -> NDArray[np.floating]:
        """Return the unclipped score of every query with every image, or with given image vectors; shape `(n, m)`."""
        vectors = self._images if images is None else images
        return score_matrix(self.fusion or self._arrays, self.texts.encode(queries), vectors)


def score_matrix(model: "FusionModel | dict[str, Vectors]", text: Vectors, image: Vectors) -> NDArray[np.floating]:
    """Return what a model makes of frozen vectors: shape `(n, m)` for `(n, f)` and `(m, g)`."""
    if isinstance(model, FusionModel):
        return model.matrix(text, image)
    return project(text, "text", model) @ project(image, "image", model).T


def _record(path: Path) -> ImageRecord:
    status = path.stat()
    file = ImageFile(str(path.absolute()), status.st_size, status.st_mtime_ns)
    return record_of(open_image(str(path), _THUMB), sha256_of(path), file)
