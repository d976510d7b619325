"""How well are near-duplicates told from different pictures? Chooses the least cosine for an encoder.

    python -m benchmarks.duplicates IMAGES [--most 300] [--encoder conse]

Of each picture: a re-encoded one (JPEG, quality 60), a resized one (half the sides), a cropped one (the middle 90 % of
the sides), and as different ones another at random and the one of the highest cosine. The threshold is the cosine of
the highest F1 on one half of the pictures, and what is reported comes from the other half.
"""

import random
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import click
import numpy as np
from PIL import Image
from sklearn.metrics import precision_recall_curve, precision_score, recall_score

from benchmarks.results import write_results
from gallery.encoders import PictureEncoder, load_encoder
from gallery.pictures import open_image, perceptual_hash
from gallery.settings import Settings
from gallery.vectors import Vectors

KINDS = ("re-encoded", "resized", "cropped")
Signs = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Of pairs: whether they are near-duplicates, whether their hashes are equal, and their cosines."""


@click.command()
@click.argument("images", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--most", default=300, show_default=True, help="Pictures to make pairs of.")
@click.option("--encoder", "name", default="conse", show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(images: Path, most: int, name: str, seed: int) -> None:
    """Measure, and write results/duplicates.md and results/duplicates.json."""
    chance = random.Random(seed)
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
    """Return the cosine from which on pairs are taken for near-duplicates with the highest F1; the higher of equals."""
    precision, recall, thresholds = precision_recall_curve(same, np.where(equal, 2.0, cosines))
    f1 = (2 * precision * recall / np.maximum(precision + recall, 1e-9))[:-1]
    within = thresholds <= 1
    return float(thresholds[within][::-1][np.argmax(f1[within][::-1].round(12))])


def _pairs(paths: Sequence[Path], encoder: PictureEncoder, chance: random.Random) -> dict[str, Signs]:
    """Return the pairs of each kind, in the order of the paths."""
    versions: dict[str, list[tuple[str | None, Vectors]]] = {kind: [] for kind in ("itself", *KINDS)}
    for path in paths:
        data = path.read_bytes()
        for kind, made in {"itself": data, **_altered(open_image(data).rgb)}.items():
            rgb = open_image(made, encoder.detail).rgb
            versions[kind].append((perceptual_hash(rgb), encoder.encode_images([rgb])[0]))
    own = versions["itself"]
    vectors = np.stack([vector for _, vector in own])
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1)
    others = [chance.choice([n for n in range(len(own)) if n != number]) for number in range(len(own))]
    pairs = {kind: _signs(own, versions[kind], same=True) for kind in KINDS}
    pairs["another at random"] = _signs(own, [own[n] for n in others], same=False)
    pairs["the nearest other"] = _signs(own, [own[n] for n in cosines.argmax(axis=1)], same=False)
    return pairs


def _signs(
    ones: Sequence[tuple[str | None, Vectors]], others: Sequence[tuple[str | None, Vectors]], *, same: bool
) -> Signs:
    equal = [one[0] is not None and one[0] == other[0] for one, other in zip(ones, others, strict=True)]
    cosines = [float(one[1] @ other[1]) for one, other in zip(ones, others, strict=True)]
    return np.full(len(ones), same), np.array(equal), np.array(cosines)


def _altered(picture: Image.Image) -> dict[str, bytes]:
    width, height = picture.size
    left, top = width // 20, height // 20
    return {
        "re-encoded": _jpeg(picture, 60),
        "resized": _jpeg(picture.resize((width // 2, height // 2), Image.Resampling.LANCZOS), 90),
        "cropped": _jpeg(picture.crop((left, top, width - left, height - top)), 90),
    }


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    out = BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()


def _flat(pairs: dict[str, Signs]) -> Signs:
    same, equal, cosines = zip(*pairs.values(), strict=True)
    return np.concatenate(same), np.concatenate(equal), np.concatenate(cosines)


if __name__ == "__main__":
    main()
