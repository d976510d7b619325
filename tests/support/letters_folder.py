"""`LetterEncoder` as a real encoder folder: two small graphs and a tokenizer that splits a text into its letters."""

from pathlib import Path

import numpy as np
from letter_encoder import COLOURS, LetterEncoder
from tokenizers import Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split

from gallery.encoders.graphs import FLOAT, INT64, Graph
from gallery.encoders.making import drafted, finish
from gallery.encoders.manifest import (
    PICTURE_GRAPH,
    TEXT_GRAPH,
    TOKENIZER,
    Manifest,
    PicturePreparation,
    TextPreparation,
)
from gallery.settings import Settings
from gallery.spec import Spec

LETTERS = "abcdefghijklmnopqrstuvwxyz"
PAD, UNKNOWN = "[PAD]", "[UNK]"


def make_letters(settings: Settings, name: str = "letters", *, space: str = "letters 1", mean: float = 0.0) -> Path:
    """Make the folder where `settings` keep encoders, and return it; another `mean` gives other vectors."""
    place = settings.data_dir / "encoders"
    spec = Spec(encoder=name, dimension=26, space=space, text="letters 1")
    manifest = Manifest(
        spec=spec,
        picture=PicturePreparation(1, "squash", 4, "bilinear", (mean, mean, mean), (1.0, 1.0, 1.0)),
        text=TextPreparation(limit=0, pad_id=27, pad_token=PAD),
    )
    with drafted(place, name) as draft:
        _write_texts(draft)
        _write_pictures(draft)
        return finish(draft, manifest, place)


def _write_texts(folder: Path) -> None:
    tokenizer = Tokenizer(
        WordLevel({UNKNOWN: 0, **{letter: n + 1 for n, letter in enumerate(LETTERS)}, PAD: 27}, UNKNOWN)
    )
    tokenizer.pre_tokenizer = Split(Regex("."), "isolated")
    tokenizer.save(str(folder / TOKENIZER))
    graph = Graph()
    ids = graph.input("ids", INT64, ["n", "t"])
    table = np.zeros((28, 26), np.float32)
    table[1:27] = np.eye(26)
    counted = graph.op("ReduceSum", graph.op("Gather", graph.constant(table), ids), graph.constant([1]), keepdims=0)
    graph.save(graph.unit_rows(counted), folder / TEXT_GRAPH)


def _write_pictures(folder: Path) -> None:
    graph = Graph()
    pixels = graph.op("Reshape", graph.input("pixels", FLOAT, ["n", 3, 1, 1]), graph.constant([-1, 1, 3]))
    away = graph.op("Sub", pixels, graph.constant(np.array(list(COLOURS.values()), np.float32) / 255))
    distance = graph.op("ReduceSum", graph.op("Mul", away, away), graph.constant([2]), keepdims=0)
    nearest = graph.op("ArgMin", distance, axis=1, keepdims=0)
    graph.save(
        graph.op("Gather", graph.constant(LetterEncoder().encode_texts(list(COLOURS))), nearest), folder / PICTURE_GRAPH
    )
