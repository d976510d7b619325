"""Encoder folders from two trained towers: frozen networks, with the trained heads inside the graphs."""

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
import onnx.compose

from gallery.encoders import efficientnet, minilm
from gallery.encoders.export.absence import torch_missing
from gallery.encoders.export.progress import told
from gallery.encoders.export.words import PREPARATION as WORDS
from gallery.encoders.export.words import add_mean_of_words, add_tfidf, numbered, write_tokenizer
from gallery.encoders.graphs import Graph
from gallery.encoders.making import drafted, finish
from gallery.encoders.manifest import (
    PICTURE_GRAPH,
    TEXT_GRAPH,
    TOKENIZER,
    Manifest,
    PicturePreparation,
    TextPreparation,
)
from gallery.encoders.preparation import PREPARED
from gallery.errors import EncoderError
from gallery.saved import ARRAYS_FILE, load_model
from gallery.spec import TOWERS_FILE, Spec, digest_of_files
from gallery.vectors import Vectors

PACKAGED_BERT = "packaged"
Say = Callable[[str], None]
Arrays = Mapping[str, Vectors]


@dataclass(frozen=True, slots=True)
class _Towers:
    folder: Path
    text: Mapping[str, Any]
    image: Mapping[str, Any]
    arrays: Arrays


def export_trained(folder: Path, place: Path, name: str, say: Say) -> Path:
    """Make the folder of two towers that `baseline train two-tower` trained, and return it.

    Raises:
        EncoderError: They are damaged, combine several kinds of text vectors, or need a frozen part that is
        unavailable.
    """
    values, arrays = load_model(folder, TOWERS_FILE)
    towers = _Towers(folder, _part(values, "text", folder), _part(values, "image", folder), arrays)
    kind = _only_kind(towers)
    heads = arrays.get("image.heads")
    if heads is None or heads.ndim != 3:
        raise EncoderError(f"{folder} has no heads for pictures; train it again")
    digest = digest_of_files([folder / TOWERS_FILE, folder / ARRAYS_FILE])
    with drafted(place, folder.resolve().name) as draft:
        try:
            with told(say, "Exporting the picture tower"):
                picture, fingerprint = _write_pictures(towers, draft)
            with told(say, "Exporting the text tower"):
                text = _write_texts(towers, kind, draft)
            dimension = heads.shape[0] * heads.shape[1]
            spec = Spec(name, dimension, f"towers {digest} {fingerprint}", f"towers {digest} {kind}")
            with told(say, "Writing digests"):
                return finish(draft, Manifest(spec, picture, text, source=str(folder.resolve())), place)
        except KeyError as error:
            raise EncoderError(f"{folder} lacks {error}; train it again") from error
        except ValueError as error:  # the shapes do not fit
            raise EncoderError(f"the towers in {folder} do not fit their frozen networks ({error})") from error


def _part(values: Mapping[str, Any], name: str, folder: Path) -> Mapping[str, Any]:
    part = values.get(name)
    if not isinstance(part, dict):
        raise EncoderError(f"{folder / TOWERS_FILE} says nothing of the {name} tower; train it again")
    return part


def _only_kind(towers: _Towers) -> str:
    kinds = list(towers.text)
    if len(kinds) != 1 or kinds[0] not in ("bert", "tfidf", "word2vec"):
        raise EncoderError(
            f"{towers.folder} reads texts by {' and '.join(kinds)}; towers that read them by one of bert, tfidf and "
            "word2vec can be used: train it again with one --text"
        )
    return kinds[0]


def _write_pictures(towers: _Towers, draft: Path) -> tuple[PicturePreparation, str]:
    """Write the picture graph; return the preparation, and the frozen network's fingerprint."""
    name, mirrored = towers.image.get("name"), bool(towers.image.get("mirrored"))
    if name == "efficientnet-lite2":
        how, digest = efficientnet.PREPARATION, efficientnet.SHA256[:8]
        graph = Graph()
        features = _add_efficientnet(graph, mirrored=mirrored)
    elif name == "resnet50":
        _need_torch(towers)
        from gallery.encoders.export.resnet import PREPARATION, trace_resnet

        how = PREPARATION
        digest = trace_resnet(str(towers.image.get("weights", "")), draft / PICTURE_GRAPH, mirrored=mirrored)
        graph, features = _frozen(draft / PICTURE_GRAPH)
    else:
        raise EncoderError(f"{towers.folder} was trained on {name}, which this version does not know; train it again")
    fingerprint = f"{name} {digest} {PREPARED}"
    if towers.image.get("fingerprint") != fingerprint:
        raise EncoderError(
            f"{towers.folder} was trained on {towers.image.get('fingerprint')}, and this is {fingerprint}; "
            "train it again"
        )
    graph.save(add_heads(graph, features, "image", towers.arrays), draft / PICTURE_GRAPH)
    return how, fingerprint


def _add_efficientnet(graph: Graph, *, mirrored: bool) -> str:
    weights = efficientnet.packaged_weights()
    pixels = efficientnet.add_pixels(graph)
    if not mirrored:
        return efficientnet.add_features(graph, pixels, weights)
    ends = (graph.constant([-1]), graph.constant([-(2**31)]), graph.constant([3]), graph.constant([-1]))
    both = graph.op("Concat", pixels, graph.op("Slice", pixels, *ends), axis=0)
    features = efficientnet.add_features(graph, both, weights)
    pairs = graph.op("Reshape", features, graph.constant([2, -1, efficientnet.FEATURES]))
    return graph.op("ReduceMean", pairs, graph.constant([0]), keepdims=0)


def _write_texts(towers: _Towers, kind: str, draft: Path) -> TextPreparation:
    own, arrays = towers.text[kind], towers.arrays
    how = WORDS
    if kind == "bert":
        how = _write_bert(towers, str(own["name"]), draft)
        graph, rows = _frozen(draft / TEXT_GRAPH)
    else:
        graph = Graph()
        terms = own["terms"] if kind == "tfidf" else own["words"]
        numbers = numbered([word for term in terms for word in term.split(" ")] if kind == "tfidf" else terms)
        write_tokenizer(numbers, draft / TOKENIZER)
        if kind == "tfidf":
            rows = add_tfidf(graph, terms, numbers, arrays["tfidf.idf"])
        else:
            rows = add_mean_of_words(graph, arrays["word2vec.vectors"])
    graph.save(add_heads(graph, rows, "text", arrays), draft / TEXT_GRAPH)
    return how


def _write_bert(towers: _Towers, name: str, draft: Path) -> TextPreparation:
    """Write graph and tokenizer of a frozen sentence encoder."""
    if name == PACKAGED_BERT:
        minilm.write_text_tower(draft)
        return minilm.PREPARATION
    _need_torch(towers)
    from gallery.encoders.export.originals import SentenceOriginal
    from gallery.encoders.export.sources import read_texts
    from gallery.encoders.export.tracing import trace

    read_texts(Path(name))
    original = SentenceOriginal(Path(name), unit=False)
    trace(original.module, original.samples(), draft / TEXT_GRAPH)
    original.tokenizer.save(str(draft / TOKENIZER), pretty=False)
    return original.how


def add_heads(graph: Graph, rows: str, side: str, arrays: Arrays) -> str:
    """Add the trained heads of one side; their concatenated unit vectors form one unit vector.

    Args:
        graph: The graph to extend.
        rows: The frozen vectors, shape `(n, f)`.
        side: `text` or `image`.
        arrays: `SIDE.centre` and `SIDE.scale`, shape `(f,)`, and `SIDE.heads`, shape `(heads, d, f)`.
    """
    centred = graph.op("Sub", rows, graph.constant(arrays[f"{side}.centre"]))
    standard = graph.op("Div", centred, graph.constant(arrays[f"{side}.scale"]))
    made = [graph.unit_rows(graph.linear(standard, head)) for head in arrays[f"{side}.heads"]]
    return graph.unit_rows(graph.op("Concat", *made, axis=1))


def _frozen(path: Path) -> tuple[Graph, str]:
    """Read a graph to be extended, and the name of its output."""
    model = onnx.compose.add_prefix(onnx.load(path), "frozen/", rename_inputs=False)
    return Graph(model), model.graph.output[0].name


def _need_torch(towers: _Towers) -> None:
    if importlib.util.find_spec("torch") is None:
        raise torch_missing(str(towers.folder))
