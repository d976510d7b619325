"""An encoder folder from ready ONNX graphs of the model hub, without torch."""

import json
from pathlib import Path

import numpy as np
import onnx

from gallery.encoders.catalogue import Entry, Known, Port, share_space
from gallery.encoders.graphs import halve, save_model
from gallery.encoders.hub import Hub
from gallery.encoders.making import drafted, finish
from gallery.encoders.manifest import PICTURE_GRAPH, TEXT_GRAPH, TOKENIZER, WEIGHTS_SUFFIX, Manifest
from gallery.encoders.preparation import PREPARED
from gallery.encoders.sessions import optimise
from gallery.encoders.surgery import picture_graph, text_graph
from gallery.encoders.towers import TextTower
from gallery.errors import EncoderError
from gallery.spec import Spec, digest_of_files
from gallery.vectors import unit_rows

KNOWN_COSINE = 0.99
"""The least cosine with known outputs, which are published with four digits."""


def has_ports(pictures: Entry | None, texts: Entry | None) -> bool:
    """Return whether these towers are available as ready graphs."""
    return bool(pictures and texts and pictures.picture_port and texts.text_port and share_space(pictures, texts))


def make_from_ports(pictures: Entry, texts: Entry, hub: Hub, place: Path) -> Path:
    """Download the ready graphs of an encoder, make a folder of them in `place`, and return it.

    Args:
        pictures: The encoder that encodes pictures.
        texts: The one that encodes texts; most often the same.
        hub: Where the graphs come from.
        place: Where encoder folders lie.

    Raises:
        EncoderError: They are unavailable, or differ from what the catalogue says.
    """
    name = pictures.name if texts == pictures else f"{pictures.name}+{texts.name}"
    if pictures.picture_port is None or texts.text_port is None or pictures.picture is None or texts.text is None:
        raise EncoderError(f"{name} has no ready graphs")
    picture_port, text_port = pictures.picture_port, texts.text_port
    with drafted(place, name) as draft:
        picture_files = _fetch(hub, picture_port)
        text_files = _fetch(hub, text_port, tokenizer=True)
        try:
            _write(picture_graph(picture_files[0], picture_port.output), draft / PICTURE_GRAPH)
            dense = text_files[1] if text_port.dense else None
            _write(
                text_graph(text_files[0], text_port.output, mean_of_tokens=text_port.mean_of_tokens, dense=dense),
                draft / TEXT_GRAPH,
            )
            halve(draft / TEXT_GRAPH)
            _write_tokenizer(text_files[-1], draft / TOKENIZER)
            manifest = Manifest(
                spec=Spec(
                    encoder=name,
                    dimension=pictures.dimension,
                    space=f"{pictures.type} {digest_of_files(picture_files)} {PREPARED}",
                    text=f"{texts.type} {digest_of_files(text_files)}",
                ),
                picture=pictures.picture,
                text=texts.text,
                source=", ".join(dict.fromkeys([_source(picture_port), _source(text_port)])),
                licence=" and ".join(dict.fromkeys([pictures.licence, texts.licence])),
            )
            if texts.known:
                _compare(TextTower(draft, manifest), texts.known)
            made = finish(draft, manifest, place)
        except (EncoderError, OSError, MemoryError):
            raise
        except Exception as error:  # the libraries may raise anything on unexpected graphs
            why = " ".join(str(error).split())[:200]
            raise EncoderError(f"the ready graphs of {name} cannot be used ({why}); use another --encoder") from error
    for port in (picture_port, text_port):
        hub.forget(port.repository)
    return made


def _fetch(hub: Hub, port: Port, *, tokenizer: bool = False) -> list[Path]:
    """Return the graph, the layer behind it if there is one, and the tokenizer."""
    names = [port.file, *([port.dense] if port.dense else []), *([TOKENIZER] if tokenizer else [])]
    folder = hub.fetch(port.repository, names, port.revision)
    return [folder / name for name in names]


def _source(port: Port) -> str:
    return f"{port.repository}@{port.revision or 'main'}"


def _write(model: onnx.ModelProto, path: Path) -> None:
    """Write a graph in its simplest form, with its weights beside it."""
    draft = path.with_name(f"draft-{path.name}")
    save_model(model, draft)
    optimise(draft, path, path.name + WEIGHTS_SUFFIX)
    for file in (draft, draft.with_name(draft.name + WEIGHTS_SUFFIX)):
        file.unlink(missing_ok=True)


def _write_tokenizer(source: Path, path: Path) -> None:
    """Copy a tokenizer without truncation and padding, which the manifest defines."""
    tokenizer = json.loads(source.read_text(encoding="utf-8"))
    path.write_text(
        json.dumps({**tokenizer, "padding": None, "truncation": None}, ensure_ascii=False), encoding="utf-8"
    )


def _compare(texts: TextTower, known: Known) -> None:
    """Refuse graphs whose output differs from the real weights'."""
    begins = texts.encode_texts([known.text])[:, : len(known.begins)]
    cosine = float((unit_rows(begins) * unit_rows(np.array([known.begins]))).sum())
    if not cosine >= KNOWN_COSINE:
        raise EncoderError(
            f"the ready graphs of {texts.spec.encoder} do not answer as its weights do (cosine {cosine:.3f}); "
            "they have changed at the model hub: use another --encoder"
        )
