"""CLIP through our path, compared with transformers' own."""

import socket
import time
from pathlib import Path

import numpy as np
import pytest
import tiny_clip
import torch
from numpy.typing import NDArray
from PIL import Image
from sentence_transformers.base.modality import infer_modality

from gallery import encoder as encoders
from gallery.encoder import ClipEncoder, Encoder, choose_encoder, load_encoder, unit_rows
from gallery.errors import EncoderError
from gallery.pictures.images import open_image

TEXTS = [
    "a small red star on blue",
    "ein Hund, два кота 🐈",
    "a " * 200,
    "star.png",
    "https://example.org/red.jpg",
    "x",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip")
    tiny_clip.save_untrained(path)
    return path


@pytest.fixture(scope="module")
def clip(folder: Path) -> Encoder:
    return load_encoder(str(folder), "cpu")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Image.Image]:
    """Noise of several shapes, so that neighbouring pixels matter, read back from files by the one loader."""
    folder = tmp_path_factory.mktemp("pictures")
    noise = np.random.default_rng(0)
    read = []
    for number, (width, height) in enumerate([(48, 48), (200, 100), (61, 173), (500, 375), (20, 10), (333, 47)]):
        small = Image.fromarray(noise.integers(0, 256, (9, 9, 3), np.uint8))
        small.resize((width, height), Image.Resampling.BICUBIC).save(folder / f"{number}.png")
        read.append(open_image(str(folder / f"{number}.png")).rgb)
    return read


def cosines(a: NDArray[np.float32], b: torch.Tensor) -> NDArray[np.float32]:
    rows: NDArray[np.float32] = (a * torch.nn.functional.normalize(b).numpy()).sum(axis=1)
    return rows


def test_picture_vectors_equal_transformers(folder: Path, clip: Encoder, pictures: list[Image.Image]) -> None:
    model, processor = tiny_clip.save_untrained(folder)
    with torch.inference_mode():
        theirs = model.get_image_features(**processor(images=pictures, return_tensors="pt")).pooler_output
    assert cosines(clip.encode_images(pictures), theirs).min() >= 0.9999


def test_text_vectors_equal_transformers(folder: Path, clip: Encoder) -> None:
    model, processor = tiny_clip.save_untrained(folder)
    inputs = processor(text=TEXTS, return_tensors="pt", padding=True, truncation=True, max_length=77)
    with torch.inference_mode():
        theirs = model.get_text_features(**inputs).pooler_output
    assert cosines(clip.encode_texts(TEXTS), theirs).min() >= 0.9999


def test_a_batch_gives_the_vectors_of_one_by_one(clip: Encoder, pictures: list[Image.Image]) -> None:
    one_by_one = np.concatenate([clip.encode_images([picture]) for picture in pictures])
    assert np.allclose(clip.encode_images(pictures), one_by_one, atol=1e-5)
    texts = np.concatenate([clip.encode_texts([text]) for text in TEXTS])
    assert np.allclose(clip.encode_texts(TEXTS), texts, atol=1e-5)


def test_vectors_are_unit_rows_of_float32(clip: Encoder, pictures: list[Image.Image]) -> None:
    for vectors, count in (
        (clip.encode_images(pictures), 6),
        (clip.encode_texts(TEXTS), 6),
        (clip.encode_texts([]), 0),
    ):
        assert vectors.shape == (count, clip.spec.dimension)
        assert vectors.dtype == np.float32
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert clip.encode_images([]).shape == (0, clip.spec.dimension)


def test_a_text_that_names_a_file_stays_a_text(
    clip: Encoder, pictures: list[Image.Image], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = clip.encode_texts(["star.png"])
    pictures[1].save(tmp_path / "star.png")
    monkeypatch.chdir(tmp_path)
    assert infer_modality("star.png") == "image", "the danger is real"
    assert np.array_equal(clip.encode_texts(["star.png"]), without)


def test_a_text_that_is_an_address_is_not_fetched(clip: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert clip.encode_texts(["http://127.0.0.1:9/red.jpg", "data:image/png;base64,AAAA"]).shape == (2, 32)


def test_long_texts_are_cut_and_can_be_told(clip: Encoder) -> None:
    assert clip.text_limit == 77
    assert clip.count_tokens("a " * 200) > 77
    assert clip.count_tokens("a red star on blue") == 7  # five words, start and end
    assert np.allclose(clip.encode_texts(["a " * 75]), clip.encode_texts(["a " * 200]), atol=1e-6)


def test_the_layout_of_the_hub_loads_too(
    folder: Path, clip: Encoder, tmp_path: Path, pictures: list[Image.Image]
) -> None:
    tiny_clip.as_on_the_hub(folder, tmp_path)
    hub = load_encoder(str(tmp_path), "cpu")
    assert hub.text_limit == 77
    assert np.allclose(hub.encode_images(pictures), clip.encode_images(pictures), atol=1e-6)
    assert np.allclose(hub.encode_texts(TEXTS), clip.encode_texts(TEXTS), atol=1e-6)


def test_a_pair_takes_pictures_from_the_first_and_texts_from_the_second(
    folder: Path, clip: Encoder, tmp_path: Path, pictures: list[Image.Image]
) -> None:
    tiny_clip.save_untrained(tmp_path, seed=1)
    pair, other = load_encoder(f"{folder}+{tmp_path}", "cpu"), load_encoder(str(tmp_path), "cpu")
    assert np.array_equal(pair.encode_images(pictures), clip.encode_images(pictures))
    assert np.array_equal(pair.encode_texts(TEXTS), other.encode_texts(TEXTS))
    assert pair.spec.space == clip.spec.space
    assert pair.spec.text == other.spec.text != clip.spec.text


def test_the_fingerprint_follows_the_weights_not_the_folder(clip: Encoder, tmp_path: Path) -> None:
    tiny_clip.save_untrained(tmp_path / "same")
    tiny_clip.save_untrained(tmp_path / "other", seed=1)
    assert ClipEncoder(str(tmp_path / "same"), "cpu").spec.space == clip.spec.space
    assert ClipEncoder(str(tmp_path / "other"), "cpu").spec.space != clip.spec.space


def test_what_is_no_encoder_is_refused_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders, "_hub_answers", lambda _: False)
    for name in (str(tmp_path), "no such model", "../x", "clip-ViT-B-99"):
        with pytest.raises(EncoderError, match="--encoder conse"):
            load_encoder(name, "cpu")


def test_the_choice_of_an_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    cached, hub = True, True
    monkeypatch.setattr(encoders, "_is_cached", lambda _: cached)
    monkeypatch.setattr(encoders, "_hub_answers", lambda _: hub)
    assert choose_encoder("my-clip")[0] == "my-clip"
    assert choose_encoder(None)[0] == "clip-ViT-B-32"
    cached = False
    assert choose_encoder(None)[0] == "clip-ViT-B-32"
    hub = False
    name, why = choose_encoder(None)
    assert name == "conse"
    assert "does not understand scenes" in why


def test_a_silent_network_is_given_up_after_five_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and never answers
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
        monkeypatch.setattr(encoders, "HUB_SECONDS", 0.5)
        started = time.monotonic()
        assert not encoders._hub_answers("clip-ViT-B-32")
        assert time.monotonic() - started < 2


def test_a_row_of_zeros_is_not_passed_off_as_a_direction() -> None:
    assert np.isnan(unit_rows(np.zeros((1, 3), np.float32))).all()


def test_a_picture_of_no_height_is_no_trouble(clip: Encoder) -> None:
    """Scaled to the model's side before it is cropped, this one would take 2.4 GB."""
    wide = Image.new("RGB", (300_000, 1), "red")
    square = Image.new("RGB", (64, 64), "red")
    assert np.allclose(clip.encode_images([wide]), clip.encode_images([square]), atol=1e-5)


def test_a_device_that_is_none_is_refused(folder: Path) -> None:
    for name in (str(folder), "conse"):
        with pytest.raises(EncoderError, match="DEVICE nonsense cannot be used"):
            load_encoder(name, "nonsense")
