"""How well are near-duplicates distinguished from different pictures? Chooses the threshold for an encoder.

    python -m benchmarks.duplicates IMAGES [--most 300] [--encoder conse]

Each picture is paired with a re-encoded (JPEG, quality 60), a resized (half the sides) and a cropped version (the
middle 90 % of the sides), and with two different pictures: a random one, and the one with the highest cosine. The
threshold is the cosine with the highest F1 on one half of the pictures; the reported figures come from the other half.
"""

import random
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
from pandas import DataFrame, concat
from PIL import Image
from sklearn.metrics import precision_recall_curve, precision_score, recall_score

from benchmarks.results import write_results
from benchmarks.small import saved
from gallery.encoders import PictureEncoder, load_encoder
from gallery.pictures import open_image, perceptual_hash
from gallery.settings import Settings
from gallery.vectors import Vectors

KINDS = ("re-encoded", "resized", "cropped")


@click.command()
@click.argument("images", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--most", default=300, show_default=True, help="Pictures for making pairs.")
@click.option("--encoder", "name", default="conse", show_default=True)
def main(images: Path, most: int, name: str) -> None:
    """Measure, and write results/duplicates.md and results/duplicates.json."""
    chance = random.Random(0)
    paths = chance.sample(sorted(images.iterdir()), min(most, len(list(images.iterdir()))))
    encoder = load_encoder(Settings.from_environ(), name).pictures()
    half = len(paths) // 2
    threshold = best_threshold(_pairs(paths[:half], encoder, chance))
    held = _pairs(paths[half:], encoder, chance)
    held["close"] = held["cosine"] >= threshold
    held["either"] = held["equal"] | held["close"]
    rows: dict[str, float | str] = {
        "encoder": encoder.spec.encoder,
        "space": encoder.spec.space,
        "threshold, chosen on one half": threshold,
        "pictures of the other half": len(paths) - half,
        "pairs of the other half, near-duplicate and different": f"{held['same'].sum()}, {(~held['same']).sum()}",
    }
    for rule, column in {"equal hash": "equal", "cosine": "close", "either": "either"}.items():
        precision = precision_score(held["same"], held[column], zero_division=0)
        rows[f"{rule}: precision, recall"] = f"{precision:.3f}, {recall_score(held['same'], held[column]):.3f}"
    for kind, of_kind in held.groupby("kind", sort=False):
        rows[f"{kind}: of {len(of_kind)}, equal hash, either"] = f"{of_kind['equal'].sum()}, {of_kind['either'].sum()}"
    write_results("duplicates", "Near-duplicates", rows)


def best_threshold(pairs: DataFrame) -> float:
    """Return the cosine threshold for near-duplicates with the highest F1; among equals, the highest."""
    scores = np.where(pairs["equal"], 2.0, pairs["cosine"])
    precision, recall, thresholds = precision_recall_curve(pairs["same"], scores)
    f1 = (2 * precision * recall / np.maximum(precision + recall, 1e-9))[:-1]
    within = thresholds <= 1
    return round(float(thresholds[within][::-1][np.argmax(f1[within][::-1].round(12))]), 3)


def _pairs(paths: Sequence[Path], encoder: PictureEncoder, chance: random.Random) -> DataFrame:
    """Return a row for each pair: its kind, whether they are near-duplicates, have equal hashes, and their cosine."""
    hashes: dict[str, list[str | None]] = {kind: [] for kind in ("itself", *KINDS)}
    vectors: dict[str, list[Vectors]] = {kind: [] for kind in hashes}
    for path in paths:
        data = path.read_bytes()
        for kind, made in {"itself": data, **_altered(open_image(data).rgb)}.items():
            rgb = open_image(made, encoder.detail).rgb
            hashes[kind].append(perceptual_hash(rgb))
            vectors[kind].append(encoder.encode_images([rgb])[0])
    own, rows = np.stack(vectors["itself"]), range(len(paths))
    cosines = own @ own.T
    np.fill_diagonal(cosines, -1)

    def compared(kind: str, version: str, others: Sequence[int], *, same: bool) -> DataFrame:
        pairs = zip(hashes["itself"], (hashes[version][n] for n in others), strict=True)
        equal = [one is not None and one == other for one, other in pairs]
        cosine = np.einsum("ij,ij->i", own, np.stack(vectors[version])[others])
        return DataFrame({"kind": kind, "same": same, "equal": equal, "cosine": cosine})

    drawn = [chance.choice([other for other in rows if other != row]) for row in rows]
    return concat(
        [
            *(compared(kind, kind, rows, same=True) for kind in KINDS),
            compared("another at random", "itself", drawn, same=False),
            compared("the nearest other", "itself", cosines.argmax(axis=1).tolist(), same=False),
        ]
    )


def _altered(picture: Image.Image) -> dict[str, bytes]:
    width, height = picture.size
    left, top = width // 20, height // 20
    half = picture.resize((width // 2, height // 2), Image.Resampling.LANCZOS)
    return {
        "re-encoded": saved(picture, "JPEG", quality=60),
        "resized": saved(half, "JPEG", quality=90),
        "cropped": saved(picture.crop((left, top, width - left, height - top)), "JPEG", quality=90),
    }


if __name__ == "__main__":
    main()
