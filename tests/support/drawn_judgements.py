"""Small judged sets of drawn pictures, in the form of the Practicum task and of Flickr8k."""

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

    def encode_pixels(self, pixels: Vectors) -> Vectors:
        return pixels.reshape(len(pixels), -1)


def build(folder: Path, train: int, test: int) -> Path:
    """Draw pictures to learn from and to find, describe and grade them, and return `folder`."""
    words = _pictures(folder / "train_images", "tr", train) | _pictures(folder / "test_images", "te", test)
    shown = [image for image in words if image.startswith("tr")]
    rows, grades = ["image,query_id,query_text"], []
    for image, other in _pairs(shown):
        rows.append(f"{image},{other}#2,{words[other]}")
        grades.append(f"{image}\t{other}#2\t{_grades(words[image], words[other])}")
    (folder / "train_dataset.csv").write_text("\n".join(rows) + "\n")
    (folder / "ExpertAnnotations.tsv").write_text("\n".join(grades) + "\n")
    (folder / "CrowdAnnotations.tsv").write_text("")
    queries = [f"{n}|{i}#0|{text}|{i}" for n, (i, text) in enumerate(words.items()) if i.startswith("te")]
    (folder / "test_queries.csv").write_text("\n".join(["|query_id|query_text|image", *queries]) + "\n")
    return folder


def build_flickr8k(folder: Path, train: int, test: int) -> Path:
    """Do the same in the form of Flickr8k, where people judged the pictures to be found, with two captions each."""
    images = folder / "Flicker8k_Dataset"
    words = _pictures(images, "tr", train) | _pictures(images, "te", test)
    texts = folder / "Flickr8k_text"
    texts.mkdir()
    tokens = [f"{image}#{n}\t{lead}{text} ." for image, text in words.items() for n, lead in ((0, ""), (2, "here is "))]
    (texts / "Flickr8k.token.txt").write_text("\n".join(tokens) + "\n")
    for name, start in (("train", "tr"), ("dev", "none"), ("test", "te")):
        names = [image for image in words if image.startswith(start)]
        (texts / f"Flickr_8k.{name}Images.txt").write_text("".join(f"{name}\n" for name in names))
    pairs = [(image, other) for image, other in _pairs([image for image in words if image.startswith("te")])]
    experts = [f"{image}\t{other}#2\t{_grades(words[image], words[other])}" for image, other in pairs]
    crowd = [f"{image}\t{other}#2\t{share}" for image, other in pairs for share in [_votes(image == other)]]
    (texts / "ExpertAnnotations.txt").write_text("\n".join(experts) + "\n")
    (texts / "CrowdFlowerAnnotations.txt").write_text("\n".join(crowd) + "\n")
    return folder


def _pictures(folder: Path, start: str, count: int) -> dict[str, str]:
    kinds = [kind for kind in itertools.product(COLOURS, COLOURS, SIDES) if kind[0] != kind[1]]
    folder.mkdir(exist_ok=True)
    words = {}
    for number in range(count):
        ground, bar, side = kinds[(number * 7 + 11 * (start == "te")) % len(kinds)]
        image = f"{start}{number}.jpg"
        _draw(folder / image, ground, bar, side, number)
        words[image] = f"a {bar} bar {side} on {ground} ground {number if start == 'te' else ''}".strip()
    return words


def _pairs(shown: list[str]) -> list[tuple[str, str]]:
    draw = random.Random(0)
    return [(image, other) for image in shown for other in sorted({image, *draw.sample(shown, min(7, len(shown)))})]


def _grades(one: str, other: str) -> str:
    same = sum(a == b for a, b in zip(one.split()[:7], other.split()[:7], strict=True)) - 4
    return "\t".join(str(1 + max(same, 0)) for _ in range(3))


def _votes(match: bool) -> str:
    return "1\t3\t0" if match else "0\t0\t3"


def _draw(path: Path, ground: str, bar: str, side: str, seed: int) -> None:
    pixels = np.full((64, 64, 3), COLOURS[ground], np.uint8)
    parts = {"left": (0, 64, 0, 32), "right": (0, 64, 32, 64), "top": (0, 32, 0, 64)}
    top, bottom, left, right = parts[side]
    pixels[top:bottom, left:right] = COLOURS[bar]
    noise = np.random.default_rng(seed).integers(-20, 20, pixels.shape)
    Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8)).save(path)
