"""A small judged set of drawn pictures, in the form of the Practicum task."""

import itertools
import random
from pathlib import Path

import numpy as np
from PIL import Image

from gallery.vectors import Vectors

COLOURS = {"red": (220, 30, 30), "green": (30, 180, 40), "blue": (40, 60, 220), "yellow": (230, 220, 40)}
SIDES = ("left", "right", "top")


class ColourNetwork:
    """Stands in for an image network: a picture's vector is the mean colour of its quarters."""

    name, weights, dimension, detail, fingerprint = "colours", "", 12, 64, "colours 1"
    pictures = 0

    def pixels(self, picture: Image.Image) -> Vectors:
        self.pictures += 1
        small: Vectors = np.asarray(picture.resize((2, 2), Image.Resampling.BOX), np.float32) / np.float32(255)
        return small.transpose(2, 0, 1)

    def features(self, pixels: Vectors, *, mirrored: bool) -> Vectors:  # noqa: ARG002 - as ImageNetwork has it
        return pixels.reshape(len(pixels), -1)


def build(folder: Path, train: int, test: int) -> Path:
    """Draw so many pictures to learn from and to find, describe and grade them, and return `folder`."""
    draw = random.Random(0)
    kinds = [kind for kind in itertools.product(COLOURS, COLOURS, SIDES) if kind[0] != kind[1]]
    words = {}
    for name, count in (("train_images", train), ("test_images", test)):
        (folder / name).mkdir()
        for number in range(count):
            ground, bar, side = kinds[(number * 7) % len(kinds)]
            image = f"{name[:2]}{number}.jpg"
            _draw(folder / name / image, ground, bar, side, number)
            words[image] = f"a {bar} bar {side} on {ground} ground"
    shown = [image for image in words if image.startswith("tr")]
    rows, grades = ["image,query_id,query_text"], []
    for image in shown:
        for other in {image, *draw.sample(shown, 7)}:
            rows.append(f"{image},{other}#2,{words[other]}")
            same = sum(a == b for a, b in zip(words[image].split(), words[other].split(), strict=True)) - 4
            grades.append(f"{image}\t{other}#2\t" + "\t".join(str(1 + max(same, 0))[:1] for _ in range(3)))
    (folder / "train_dataset.csv").write_text("\n".join(rows) + "\n")
    (folder / "ExpertAnnotations.tsv").write_text("\n".join(grades) + "\n")
    (folder / "CrowdAnnotations.tsv").write_text("")
    queries = [f"{n}|{i}#0|{text}|{i}" for n, (i, text) in enumerate(words.items()) if i.startswith("te")]
    (folder / "test_queries.csv").write_text("\n".join(["|query_id|query_text|image", *queries]) + "\n")
    return folder


def _draw(path: Path, ground: str, bar: str, side: str, seed: int) -> None:
    pixels = np.full((64, 64, 3), COLOURS[ground], np.uint8)
    parts = {"left": (0, 64, 0, 32), "right": (0, 64, 32, 64), "top": (0, 32, 0, 64)}
    top, bottom, left, right = parts[side]
    pixels[top:bottom, left:right] = COLOURS[bar]
    noise = np.random.default_rng(seed).integers(-20, 20, pixels.shape)
    Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8)).save(path)
