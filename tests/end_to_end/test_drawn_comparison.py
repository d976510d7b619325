"""CLIP, early fusion and two towers, all trained on the same drawings and given the same queries."""

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tiny_clip
from numpy.typing import NDArray
from PIL import Image

from baseline.lessons import Rows
from baseline.models import fit
from baseline.two_tower import TowerChoices, train_heads
from eval.systems import side_by_side
from gallery.encoders import load_encoder
from gallery.judged.projection import project
from gallery.judged.trec import Topic, own_photo, run_of_scores
from gallery.records import Caption, Match
from gallery.settings import Settings

DRAWINGS = tiny_clip.all_drawings()
TEXTS = [drawing.caption for drawing in DRAWINGS]
WORDS = sorted({word for text in TEXTS for word in text.split()})
EACH = 8


def frozen(pictures: Sequence[Image.Image]) -> NDArray[np.float32]:
    """Return a picture's colours, the most frequent one, and the shares of the others: untrained features."""
    small = np.stack(
        [np.asarray(picture.resize((24, 24), Image.Resampling.NEAREST), np.float32) for picture in pictures]
    )
    palette = np.array(list(tiny_clip.COLOURS.values()), np.float32)
    near = np.argmin(((small[:, :, :, None] - palette) ** 2).sum(axis=4), axis=3).reshape(len(small), -1)
    shares = np.stack([(near == colour).mean(axis=1) for colour in range(len(palette))], axis=1)
    most = shares == shares.max(axis=1, keepdims=True)
    rest = 1 - shares.max(axis=1, keepdims=True)
    return np.concatenate([most, (shares > 0.01) & ~most, rest, rest > 0.1], axis=1).astype(np.float32)


def test_what_is_trained_contrastively_finds_what_early_fusion_does_not(
    trained_tiny_clip: Path, tmp_path: Path
) -> None:
    chance = random.Random(5)
    words = np.array([[float(word in text.split()) for word in WORDS] for text in TEXTS], np.float32)
    owners = [number for number in range(len(DRAWINGS)) for _ in range(EACH)]
    known = frozen([DRAWINGS[number].draw(chance) for number in owners])
    new = [drawing.draw(chance) for drawing in DRAWINGS]

    pairs = [(image, owners[image], 1.0) for image in range(len(owners))]
    pairs += [(image, chance.randrange(len(TEXTS)), 0.0) for image in range(len(owners)) for _ in range(3)]
    rows = Rows(
        text=words[[text for _, text, _ in pairs]],
        image=known[[image for image, _, _ in pairs]],
        target=np.array([float(owners[image] == text) for image, text, _ in pairs]),
        matches=tuple(Match(str(i), Caption(f"of {t}", TEXTS[t]), float(owners[i] == t)) for i, t, _ in pairs),
    )
    # A picture of every caption in turn: the heads take one caption a picture, and each picture once an epoch.
    heads = train_heads(
        words[owners], known, range(len(owners)), TowerChoices(dimension=32, heads=1, epochs=60, batch=64)
    )
    clip = load_encoder(Settings(tmp_path), str(trained_tiny_clip))
    scores = {
        "tiny CLIP": clip.texts().encode_texts(TEXTS) @ clip.pictures().encode_images(new).T,
        "two towers": project(words, "text", heads) @ project(frozen(new), "image", heads).T,
        "ridge": fit("ridge", rows).matrix(words, frozen(new)),
    }
    topics = [Topic(f"q{n}", text, f"{n:03d}.png") for n, text in enumerate(TEXTS)]
    ids, photos = [topic.id for topic in topics], [topic.photo for topic in topics]
    runs = [run_of_scores(name, ids, photos, matrix) for name, matrix in scores.items()]
    found = {system.name: system for system in side_by_side(runs, topics, own_photo(topics), len(new))}
    success = {name: system.measures["Success@1"].value for name, system in found.items()}
    assert success["tiny CLIP"] >= 0.9, success
    assert success["two towers"] >= 8 * success["ridge"], success
    assert found["ridge"].collapse.distinct == 1
    assert found["tiny CLIP"].collapse.distinct >= 0.9 * len(TEXTS)
    assert found["ridge"].p_value is not None
    assert found["ridge"].p_value.value < 0.01
