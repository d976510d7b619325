"""The command `baseline`."""

from functools import partial
from pathlib import Path
from shlex import quote

import click

from gallery import __version__
from gallery.command_line import ExplainedGroup, errors_in_a_sentence
from gallery.settings import Settings

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_tell = partial(click.echo, err=True)
KINDS = ("linear", "ridge", "mlp", "two-tower")
IMAGE = click.option(
    "--image",
    type=click.Choice(["efficientnet-lite2", "resnet50"]),
    default="efficientnet-lite2",
    show_default=True,
    help="The image vectors.",
)
WEIGHTS = click.option("--weights", metavar="FILE", default="", help="ResNet50's weights from a file.")


@click.group(cls=ExplainedGroup)
@click.version_option(__version__, message="%(prog)s %(version)s")
def main() -> None:
    """Train early fusion, the model to beat, on judged pairs, and two towers on captions of the same photos.

    Exit codes: 0 done, 1 error, 2 wrong usage. See docs/commands.md.

    Examples:
      baseline train ridge flickr8k
      baseline train two-tower flickr8k --text tfidf+bert --out towers
      baseline run flickr8k --out runs
    """


@main.command()
@click.argument("kind", metavar="MODEL", type=click.Choice(KINDS))
@click.argument("data", type=FOLDER)
@click.option("--text", default="bert", show_default=True, help="tfidf, word2vec or bert; or several: tfidf+bert.")
@click.option("--bert", metavar="NAME", default="packaged", show_default=True, help="A folder, or a model of the hub.")
@IMAGE
@WEIGHTS
@click.option(
    "--split", type=click.Choice(["all", "held-out"]), default="all", show_default=True, help="What to learn from."
)
@click.option("--seed", default=0, show_default=True, help="Random seed.")
@click.option(
    "--out", metavar="FOLDER", type=click.Path(path_type=Path), help="Where to write; default: DATA_DIR/models."
)
@errors_in_a_sentence()
def train(
    kind: str, data: Path, text: str, bert: str, image: str, weights: str, split: str, seed: int, out: Path | None
) -> None:
    """Train MODEL (linear, ridge, mlp or two-tower) on judged DATA and save it to a folder.

    DATA is a folder laid out like Flickr8k or the Practicum task. The folder of a two-tower model is an encoder: ingest
    --encoder FOLDER.

    Examples:
      baseline train ridge flickr8k
      baseline train mlp flickr8k --text tfidf --split held-out
      baseline train two-tower flickr8k --out towers
    """
    from baseline.lessons import prepare
    from baseline.training import save, train
    from gallery.judged.networks import ImageNetwork
    from gallery.judged.splits import split as split_of

    settings = Settings.from_environ()
    name = f"{kind}-{text}-{image}" + (f"-{split}" if split != "all" else "") + (f"-{seed}" if seed else "")
    folder = out or settings.data_dir / "models" / name
    prepared = prepare(data, ImageNetwork(image, weights, settings.device), settings.features_folder(), _tell)
    parts = split_of(prepared.judged, prepared.matches, split, seed)
    save(train(kind, prepared, parts, text=text, bert=bert, seed=seed), prepared, folder)
    click.echo(folder)
    model = quote(str(folder))
    if kind == "two-tower":
        _tell(f"Next: ingest PHOTOS --encoder {model} --collection towers")
    else:
        _tell(f'Next: baseline search {model} "a dog on a beach" PHOTOS')


@main.command()
@click.argument("model", type=FOLDER)
@click.argument("query")
@click.argument("images", type=FOLDER)
@click.option("-k", "limit", metavar="N", default=10, show_default=True, type=click.IntRange(1), help="How many hits.")
@errors_in_a_sentence()
def search(model: Path, query: str, images: Path, limit: int) -> None:
    """Rank the pictures below the folder IMAGES by how well they fit QUERY: rank, score and path, best first.

    Examples:
      baseline search models/ridge "a dog on a beach" photos
      baseline search models/ridge "a red car" photos -k 3
      baseline search towers "a dog on a beach" photos
    """
    from baseline.training import load, search
    from gallery.pictures import find_images
    from gallery.printable import printable

    settings = Settings.from_environ()
    paths = [Path(file.path) for file in find_images(images, lambda path, error: _tell(f"{path}: {error}"))]
    hits = search(*load(model, settings.device), query, paths, settings.features_folder(), limit)
    for rank, (score, path) in enumerate(hits, start=1):
        click.echo(f"{rank}\t{score:.4f}\t{printable(str(path))}")


@main.command()
@click.argument("data", type=FOLDER)
@click.option("--text", default="bert", show_default=True, help="Kinds of text vectors, separated by commas.")
@IMAGE
@WEIGHTS
@click.option("--out", metavar="FOLDER", default="runs", show_default=True, type=click.Path(path_type=Path))
@errors_in_a_sentence()
def run(data: Path, text: str, image: str, weights: str, out: Path) -> None:
    """Train every model five times, and write its answers as TREC runs for evaluate run.

    Writes runs over the queries of DATA to OUT/queries, with qrels, and scores of held-out judged pairs to
    OUT/held-out. Beside each run, a file .seen lists the photos and captions that its training used.

    Examples:
      baseline run flickr8k
      baseline run flickr8k --text tfidf,bert --out answers
      baseline run flickr8k --image resnet50
    """
    from baseline.emit import emit
    from baseline.lessons import prepare
    from gallery.judged.networks import ImageNetwork
    from gallery.judged.trec import own_photo, topics_of, write_qrels

    settings = Settings.from_environ()
    prepared = prepare(data, ImageNetwork(image, weights, settings.device), settings.features_folder(), _tell)
    for emitted in emit(prepared, out, _tell, texts=text.split(",")):
        click.echo(emitted.path)
    write_qrels(own_photo(topics_of(prepared.judged.queries)), out / "qrels")
