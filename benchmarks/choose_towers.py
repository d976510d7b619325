"""Evidence for the configuration of the two towers: cross-validation over the training photos.

    python -m benchmarks.choose_towers DATA

Changes the committed configuration one value at a time. Every photo is held out once, and its caption searched for
among the photos of its fold. The photos of DATA's queries are not used. Writes results/towers.md and
results/towers.json.
"""

from dataclasses import asdict, replace
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from baseline.lessons import Data, prepare
from baseline.training import TWO_TOWER, train
from baseline.two_tower import DEFAULT_CHOICES, TowerChoices
from benchmarks.results import machine, write_results
from gallery.judged.networks import ImageNetwork
from gallery.judged.splits import Split, split
from gallery.settings import Settings

FOLDS = 4
TEXT = "bert"
COMMAND = "python -m benchmarks.choose_towers DATA"
CHANGES: tuple[dict[str, float], ...] = (
    {"heads": 1},
    {"dimension": 128},
    {"batch": 1024},
    {"epochs": 15},
    {"epochs": 45},
    {"dropout": 0.3},
    {"dropout": 0.7},
    {"temperature": 0.04},
    {"temperature": 0.12},
)
TEXTS = ("tfidf", "bert+tfidf")
Ranks = NDArray[np.int64]


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(data: Path) -> None:
    """Measure, print a table, and write results/towers.md and results/towers.json."""
    settings = Settings.from_environ()
    network = ImageNetwork("efficientnet-lite2", device=settings.device)
    prepared = prepare(data, network, settings.features_folder(), print)
    committed = _ranks(prepared, TEXT, DEFAULT_CHOICES)
    name = ", ".join(f"{key} {value}" for key, value in asdict(DEFAULT_CHOICES).items())
    rows: dict[str, float | str] = {f"committed: {TEXT}, {name}": _said(committed)}
    for change in CHANGES:
        ((key, value),) = change.items()
        choices = replace(DEFAULT_CHOICES, **change)  # type: ignore[arg-type]  # a whole number where one is wanted
        rows[f"{key} {value}"] = _said(_ranks(prepared, TEXT, choices), committed)
    for text in TEXTS:
        rows[text] = _said(_ranks(prepared, text, DEFAULT_CHOICES), committed)
    rows |= {
        "captions, one of each photo": len(committed),
        "folds, each asked for among its own photos": FOLDS,
        "after ±": "standard error over photos, of the difference to the committed configuration on the same photos",
        "image vectors": network.fingerprint,
    }
    write_results(
        "towers", "The configuration of the two towers", rows | machine("choose_towers") | {"command": COMMAND}
    )


def _ranks(data: Data, text: str, choices: TowerChoices) -> Ranks:
    """Return the rank, from 0, of every caption's own photo among the photos held out with it."""
    captions = list({caption.image: caption for caption in split(data.judged, data.matches).captions}.values())
    found = []
    for held in np.array_split(np.random.default_rng(0).permutation(len(captions)), FOLDS):
        kept = set(held.tolist())
        learned = Split((), tuple(caption for place, caption in enumerate(captions) if place not in kept), ())
        model = train(TWO_TOWER, data, learned, text=text, towers=choices).model
        asked = [captions[place] for place in held]
        photos = np.stack([data.photos[caption.image] for caption in asked])
        scores = model.matrix([caption.text for caption in asked], photos)
        found.append((scores > np.diag(scores)[:, None]).sum(axis=1))
    return np.concatenate(found)


def _said(ranks: Ranks, committed: Ranks | None = None) -> str:
    first = ranks == 0
    said = f"success@1 {first.mean():.3f}, MRR {np.mean(1 / (ranks + 1)):.3f}"
    if committed is None:
        return said
    gained = first.astype(float) - (committed == 0)
    return f"{said}; success@1 {gained.mean():+.3f} ± {gained.std() / len(gained) ** 0.5:.3f}"


if __name__ == "__main__":
    main()
