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
from PIL import Image
from sklearn.metrics import precision_recall_curve, precision_score, recall_score

from benchmarks.results import write_results
from benchmarks.small import saved
from gallery.encoders import PictureEncoder, load_encoder
from gallery.pictures import open_image, perceptual_hash
from gallery.settings import Settings
from gallery.vectors import Vectors

KINDS = ("re-encoded", "resized", "cropped")
Signs = tuple[np.ndarray, np.ndarray, np.ndarray]
"""For pairs: whether they are near-duplicates, whether their hashes are equal, and their cosines."""


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
    chosen = _pairs(paths[:half], encoder, chance)
    held = _pairs(paths[half:], encoder, chance)
    threshold = best_threshold(*_flat(chosen))
    same, equal, cosines = _flat(held)
    rows: dict[str, float | str] = {
        "encoder": encoder.spec.encoder,
        "space": encoder.spec.space,
        "threshold, chosen on one half": round(threshold, 3),
        "pictures of the other half": len(paths) - half,
        "pairs of the other half, near-duplicate and different": f"{int(same.sum())}, {int((~same).sum())}",
    }
    close = cosines >= round(threshold, 3)
    for rule, found in {"equal hash": equal, "cosine": close, "either": equal | close}.items():
        shares = precision_score(same, found, zero_division=0), recall_score(same, found)
        rows[f"{rule}: precision, recall"] = f"{shares[0]:.3f}, {shares[1]:.3f}"
    for kind, (_, kind_equal, kind_cosines) in held.items():
        found = kind_equal | (kind_cosines >= round(threshold, 3))
        rows[f"{kind}: of {len(found)}, equal hash, either"] = f"{int(kind_equal.sum())}, {int(found.sum())}"
    write_results("duplicates", "Near-duplicates", rows)


def best_threshold(same: np.ndarray, equal: np.ndarray, cosines: np.ndarray) -> float:
    """Return the cosine threshold for near-duplicates with the highest F1; among equals, the highest."""
    precision, recall, thresholds = precision_recall_curve(same, np.where(equal, 2.0, cosines))
    f1 = (2 * precision * recall / np.maximum(precision + recall, 1e-9))[:-1]
    within = thresholds <= 1
    return float(thresholds[within][::-1][np.argmax(f1[within][::-1].round(12))])


def _pairs(paths: Sequence[Path], encoder: PictureEncoder, chance: random.Random) -> dict[str, Signs]:
    """Return the pairs of each kind, in the order of the paths."""
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

    def signs(kind: str, others: Sequence[int], *, same: bool) -> Signs:
        pairs = zip(hashes["itself"], (hashes[kind][n] for n in others), strict=True)
        equal = [one is not None and one == other for one, other in pairs]
        return np.full(len(own), same), np.array(equal), np.einsum("ij,ij->i", own, np.stack(vectors[kind])[others])

    pairs = {kind: signs(kind, rows, same=True) for kind in KINDS}
    drawn = [chance.choice([other for other in rows if other != row]) for row in rows]
    pairs["another at random"] = signs("itself", drawn, same=False)
    pairs["the nearest other"] = signs("itself", cosines.argmax(axis=1).tolist(), same=False)
    return pairs


def _altered(picture: Image.Image) -> dict[str, bytes]:
    width, height = picture.size
    left, top = width // 20, height // 20
    half = picture.resize((width // 2, height // 2), Image.Resampling.LANCZOS)
    return {
        "re-encoded": saved(picture, "JPEG", quality=60),
        "resized": saved(half, "JPEG", quality=90),
        "cropped": saved(picture.crop((left, top, width - left, height - top)), "JPEG", quality=90),
    }


def _flat(pairs: dict[str, Signs]) -> Signs:
    same, equal, cosines = zip(*pairs.values(), strict=True)
    return np.concatenate(same), np.concatenate(equal), np.concatenate(cosines)


if __name__ == "__main__":
    main()
