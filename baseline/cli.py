"""The command `baseline`."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from baseline.training import Data

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
KINDS = ("linear", "ridge", "mlp", "two-tower")
IMAGE = click.option(
    "--image",
    type=click.Choice(["efficientnet-lite2", "resnet50"]),
    default="efficientnet-lite2",
    show_default=True,
    help="The image vectors.",
)
WEIGHTS = click.option("--weights", metavar="FILE", default="", help="ResNet50's, from a file instead of torchvision.")


@click.group(epilog="Exits with 0 when done, 1 on an error, 2 on wrong usage.")
def main() -> None:
    """Train the model to beat, early fusion, and two towers on the same data."""


@main.command()
@click.argument("kind", metavar="MODEL", type=click.Choice(KINDS))
@click.argument("data", type=FOLDER)
@click.option("--text", default="bert", show_default=True, help="tfidf, word2vec or bert, or several joined by +.")
@click.option("--bert", metavar="NAME", default="packaged", show_default=True, help="A folder or model of the hub.")
@IMAGE
@WEIGHTS
@click.option(
    "--split",
    type=click.Choice(["all", "held-out", "leaky"]),
    default="all",
    show_default=True,
    help="Which pairs to learn from; leaky is for comparison with published figures.",
)
@click.option("--seed", default=0, show_default=True, help="Of the split and of the training.")
@click.option("--out", metavar="FOLDER", type=click.Path(path_type=Path), help="Default: in DATA_DIR/models.")
def train(
    kind: str, data: Path, text: str, bert: str, image: str, weights: str, split: str, seed: int, out: Path | None
) -> None:
    """Train MODEL (linear, ridge, mlp or two-tower) on judged DATA and save it to a folder.

    DATA is a folder in the form of the Practicum task or of Flickr8k. The folder of two towers is an encoder:
    ingest --encoder FOLDER.
    """
    with _told_in_a_sentence():
        from baseline.training import train as train_model
        from gallery.settings import Settings

        name = f"{kind}-{text}-{image}" + (f"-{split}" if split != "all" else "") + (f"-{seed}" if seed else "")
        folder = out or Settings.from_environ().data_dir / "models" / name
        train_model(kind, _data(data, image, weights), folder, text=text, bert=bert, split=split, seed=seed)
        click.echo(folder)
        model = quote(str(folder))
        if kind == "two-tower":
            _tell(f"Next: ingest PHOTOS --encoder {model} --collection towers")
        else:
            _tell(f'Next: baseline search {model} "a dog on a beach" PHOTOS')


@main.command()
@click.argument("model", type=FOLDER)
@click.argument("data", type=FOLDER)
def score(model: Path, data: Path) -> None:
    """Judge a trained MODEL by the queries of DATA: prints name and value, a tab between them.

    A model that predicts match probabilities is judged by the pairs that its --split held out of DATA, too.
    """
    with _told_in_a_sentence():
        from baseline.scoring import score_model
        from gallery.settings import Settings

        for name, value in score_model(model, data, _cache(), _tell, Settings.from_environ().device).items():
            click.echo(f"{name}\t{value:.4f}")


@main.command()
@click.argument("model", type=FOLDER)
@click.argument("query")
@click.argument("images", type=FOLDER)
@click.option("-k", "limit", metavar="N", default=10, show_default=True, type=click.IntRange(1), help="Hits.")
def search(model: Path, query: str, images: Path, limit: int) -> None:
    """Find the pictures below the folder IMAGES that suit QUERY: rank, score and path, best first."""
    with _told_in_a_sentence():
        from baseline.ranker import BaselineRanker
        from gallery.pictures.files import find_images
        from gallery.printable import printable
        from gallery.settings import Settings

        paths = [Path(file.path) for file in find_images(images, lambda path, error: _tell(f"{path}: {error}"))]
        ranker = BaselineRanker(str(model), model, paths, _cache(), Settings.from_environ().device)
        for rank, hit in enumerate(ranker.search(query, limit), start=1):
            click.echo(f"{rank}\t{hit.score:.4f}\t{printable(hit.image.path)}")


@main.command()
@click.argument("data", type=FOLDER)
@IMAGE
@WEIGHTS
@click.option(
    "--out", metavar="FOLDER", default="results", show_default=True, type=click.Path(path_type=Path), help="Where to."
)
def compare(data: Path, image: str, weights: str, out: Path) -> None:
    """Train and judge every model with every text vector; write baseline.md and baseline.json."""
    with _told_in_a_sentence():
        from baseline.compare import compare as compare_all
        from baseline.report import write_report
        from gallery.revision import commit_of

        start, commit = time.monotonic(), commit_of()
        prepared = _data(data, image, weights)
        ready = time.monotonic() - start
        for found in compare_all(prepared, _tell):
            seconds = time.monotonic() - start, ready
            write_report(found, out, "make baseline DATA=FOLDER", prepared.network.fingerprint, commit, seconds)
        click.echo(out / "baseline.md")


def _data(folder: Path, image: str, weights: str) -> "Data":
    from baseline.training import prepare
    from gallery.judged.networks import ImageNetwork
    from gallery.settings import Settings

    return prepare(folder, ImageNetwork(image, weights, Settings.from_environ().device), _cache(), _tell)


def _cache() -> Path:
    from gallery.settings import Settings

    return Settings.from_environ().features_folder()


def _tell(line: str) -> None:
    click.echo(line, err=True)


@contextmanager
def _told_in_a_sentence() -> Iterator[None]:
    from gallery.errors import GalleryError

    try:
        yield
    except GalleryError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
