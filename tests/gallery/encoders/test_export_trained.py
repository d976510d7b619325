"""Folders of trained towers give the same vectors as numpy on the same frozen vectors."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_bert

from gallery.encoders.encoder import Encoder
from gallery.encoders.export import export
from gallery.encoders.export.checking import checked_pictures
from gallery.errors import EncoderError
from gallery.judged.networks import ImageNetwork
from gallery.judged.projection import project
from gallery.judged.text_vectors import BertVectors, JoinedVectors, TextVectors, TfidfVectors, Word2vecVectors
from gallery.saved import ARRAYS_FILE, save_model
from gallery.spec import TOWERS_FILE, digest_of_files
from gallery.vectors import Vectors

TEXTS = ["A dog's ball .", "", "unknown", "dog dog ball", "ball unknown dog", "Σκύλος DOG_1 x2 हिन्दी", "[UNK] dog"]
TERMS = ["ball dog", "dog", "ball", "dog ball", "dog_1", "σκύλος", "हिन", "x2", "dog dog"]


def heads(side: str, width: int, chance: np.random.Generator) -> dict[str, Vectors]:
    return {
        f"{side}.centre": chance.normal(0, 0.1, width).astype(np.float32),
        f"{side}.scale": chance.uniform(0.5, 1, width).astype(np.float32),
        f"{side}.heads": chance.normal(size=(2, 8, width)).astype(np.float32),
    }


def texts_of(kind: str, folder: Path, chance: np.random.Generator) -> TextVectors:
    if kind == "tfidf":
        return TfidfVectors(TERMS, chance.uniform(1, 3, len(TERMS)).astype(np.float32))
    if kind == "word2vec":
        return Word2vecVectors(["dog", "ball", "dog_1", "σκύλος"], chance.normal(size=(4, 6)).astype(np.float32))
    return BertVectors("packaged" if kind == "packaged" else str(tiny_bert.save_untrained(folder, ["dog", "ball"])))


@pytest.mark.parametrize("kind", ["tfidf", "word2vec", "packaged", "bert"])
def test_vectors_are_those_of_the_heads(tmp_path: Path, kind: str) -> None:
    chance = np.random.default_rng(0)
    texts = JoinedVectors([texts_of(kind, tmp_path / "bert", chance)])
    network = ImageNetwork("efficientnet-lite2", device="cpu")
    values, arrays = texts.saved()
    image: dict[str, Any] = {
        "name": network.name,
        "weights": "",
        "fingerprint": network.fingerprint,
        "mirrored": kind == "tfidf",
    }
    pictures = checked_pictures()[:3]
    inputs = np.stack([network.pixels(picture) for picture in pictures])
    frozen = network.encode_pixels(inputs) if image["mirrored"] else network.pooled(inputs)
    arrays |= heads("text", texts.encode(TEXTS).shape[1], chance) | heads("image", frozen.shape[1], chance)
    folder = tmp_path / "trained"
    save_model(folder, TOWERS_FILE, {"text": values, "image": image}, arrays)
    encoder = Encoder(export(folder, tmp_path / "data", say=lambda _: None), tmp_path)
    vectors = encoder.texts().encode_texts(TEXTS)
    assert ((vectors * project(texts.encode(TEXTS), "text", arrays)).sum(axis=1) > 1 - 1e-6).all()
    assert np.allclose(encoder.pictures().encode_images(pictures), project(frozen, "image", arrays), atol=1e-4)
    digest = digest_of_files([folder / TOWERS_FILE, folder / ARRAYS_FILE])
    assert encoder.spec.space == f"towers {digest} {network.fingerprint}"
    assert encoder.spec.text == f"towers {digest} {next(iter(values))}"
    assert (encoder.spec.encoder, encoder.spec.dimension) == (str(folder), 16)


def test_several_ways_to_read_texts_are_refused(tmp_path: Path) -> None:
    save_model(
        tmp_path,
        TOWERS_FILE,
        {"text": {"tfidf": {}, "bert": {}}, "image": {}},
        {"image.heads": np.ones((1, 2, 3), np.float32)},
    )
    with pytest.raises(EncoderError, match="by tfidf and bert"):
        export(tmp_path, tmp_path / "data", say=pytest.fail)
