"""The precision of a picture graph: float32, or 8-bit integers if they are faster and just as good.

Accuracy depends on the weights and the pictures, speed on the processor. So both are measured on the user's machine,
with a sample of the pictures about to be indexed.
"""

import contextlib
import json
import logging
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from gallery.encoders.encoder import Encoder, Say
from gallery.encoders.making import drafted, finish, folder_name
from gallery.encoders.manifest import MANIFEST, PICTURE_GRAPH, WEIGHTS_SUFFIX, Manifest
from gallery.encoders.sessions import processors
from gallery.encoders.towers import PICTURES_AT_ONCE, PictureTower
from gallery.printable import counted
from gallery.vectors import Vectors

if TYPE_CHECKING:
    from PIL import Image

Form = Literal["float32", "int8", "int8-mlp"]
FORMS: tuple[Form, ...] = ("int8", "int8-mlp")
"""Alternatives to float32, fastest first: all matrix products in 8 bits, or only those of the wide layers."""
SAMPLE = 64
"""How many pictures to measure with."""
LEAST_SAMPLE = 32
"""With fewer pictures, nothing is measured and float32 is used."""
LEAST_PRODUCTS = 8
"""A network with fewer matrix products mostly has convolutions, which are no faster in 8 bits."""
LEAST_SPEEDUP = 1.3
LEAST_COSINE = 0.99
LEAST_AGREEMENT = 0.95
NEIGHBOURS = 10


@dataclass(frozen=True, slots=True)
class Measured:
    """The measurements of a form.

    Attributes:
        form: Its name.
        speedup: How many times as fast as float32.
        cosine: The least cosine of a picture's two vectors.
        agreement: The mean share of the ten nearest pictures that are the same.
        pictures: How many were measured.
    """

    form: Form
    speedup: float
    cosine: float
    agreement: float
    pictures: int

    @property
    def is_good(self) -> bool:
        """Whether it is clearly faster, and almost as accurate."""
        return self.speedup >= LEAST_SPEEDUP and self.cosine >= LEAST_COSINE and self.agreement >= LEAST_AGREEMENT

    def __str__(self) -> str:
        return (
            f"{self.form}: {self.speedup:.1f} times as fast as float32, least cosine {self.cosine:.3f}, ten nearest "
            f"agree to {self.agreement:.0%} ({counted(self.pictures, 'picture')})"
        )


def choose_form(
    encoder: Encoder, sample: Callable[[], Sequence["Image.Image"]], place: Path, say: Say, *, anew: bool = False
) -> Encoder:
    """Measure the forms of an encoder on a sample of pictures, and return the encoder in the best one.

    The measurements are stored in `place`, and used next time.

    Args:
        encoder: In float32.
        sample: Gives up to `SAMPLE` RGB pictures of those that are about to be indexed; called only to measure.
        place: Where encoder folders lie.
        say: Told what was chosen, and why.
        anew: Whether to measure again despite stored measurements.
    """
    note = place / ".precision" / f"{encoder.spec.fingerprint}.json"
    measured = None if anew else _remembered(note)
    if measured is None:
        if len(_wide_products(encoder.folder / PICTURE_GRAPH)) < LEAST_PRODUCTS:
            _remember(note, [])
            return encoder
        pictures = sample()
        if len(pictures) < LEAST_SAMPLE:
            return encoder
        say(f"Measuring whether 8-bit numbers serve these pictures as well; once for {encoder.spec.encoder} …")
        measured = _measured(encoder, pictures, place)
        _remember(note, measured)
    good = next((each for each in measured if each.is_good), None)
    if good is None:
        if measured:
            say(f"Precision: float32, as nothing else is good enough. {'. '.join(map(str, measured))}.")
        return encoder
    say(f"Precision: {good}.")
    return in_form(encoder, good.form, place)


def in_form(encoder: Encoder, form: str, place: Path) -> Encoder:
    """Return an encoder in another form, which is made in `place` if missing.

    Args:
        encoder: In float32.
        form: One of `FORMS`, or `float32`.
        place: Where encoder folders lie.

    Raises:
        EncoderError: It has no such form, or the disk is full.
    """
    if form == encoder.manifest.form:
        return encoder
    spec = replace(encoder.spec, space=f"{encoder.spec.space} {form}")
    manifest = replace(encoder.manifest, spec=spec, form=form)
    for folder in place.glob(f"*-{spec.fingerprint}"):
        if (folder / MANIFEST).is_file():
            return encoder.elsewhere(folder, lambda: _make(encoder, manifest, place))
    return encoder.elsewhere(_make(encoder, manifest, place), lambda: _make(encoder, manifest, place))


def form_of(space: str) -> str:
    """Return the form that a space's fingerprint names.

    >>> form_of("clip 0123456789abcdef loader 1 int8"), form_of("clip 0123456789abcdef loader 1")
    ('int8', 'float32')
    """
    last = space.rpartition(" ")[2]
    return last if last in FORMS else "float32"


def _measured(encoder: Encoder, pictures: Sequence["Image.Image"], place: Path) -> list[Measured]:
    tower = encoder.pictures()
    pixels = np.stack([tower.pixels(picture) for picture in pictures])
    wanted, seconds = _timed(tower, pixels)
    nearest = _nearest(wanted)
    found = []
    for form in FORMS:
        other = in_form(encoder, form, place)
        vectors, others_seconds = _timed(other.pictures(), pixels)
        agreement = float(np.mean([len(a & b) / len(a) for a, b in zip(nearest, _nearest(vectors), strict=True)]))
        cosine = float((wanted * vectors).sum(axis=1).min())
        found.append(Measured(form, seconds / others_seconds, cosine, agreement, len(pixels)))
        if found[-1].is_good:
            break
        shutil.rmtree(other.folder, ignore_errors=True)
    return found


def _timed(tower: PictureTower, pixels: Vectors) -> tuple[Vectors, float]:
    """Encode as `ingest` does, on all processors; return the vectors and the seconds that it took."""
    parts = [pixels[start : start + PICTURES_AT_ONCE] for start in range(0, len(pixels), PICTURES_AT_ONCE)]
    tower.pack()
    tower.encode_pixels(parts[0])
    with ThreadPoolExecutor(processors()) as pool:
        began = time.perf_counter()
        vectors = np.concatenate(list(pool.map(tower.encode_pixels, parts)))
        return vectors, time.perf_counter() - began


def _nearest(vectors: Vectors) -> list[set[int]]:
    """Return for each vector the ten others that are nearest to it."""
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -np.inf)
    return [set(row) for row in np.argsort(-cosines, axis=1)[:, :NEIGHBOURS].tolist()]


def _make(encoder: Encoder, manifest: Manifest, place: Path) -> Path:
    """Make the folder of another form: a new picture graph, and everything else as in the encoder's."""
    with drafted(place, folder_name(manifest)) as draft:
        for file in encoder.folder.iterdir():
            if file.name not in (MANIFEST, PICTURE_GRAPH, PICTURE_GRAPH + WEIGHTS_SUFFIX):
                _link(file, draft / file.name)
        _quantise(encoder.folder / PICTURE_GRAPH, draft / PICTURE_GRAPH, manifest.form)
        return finish(draft, manifest, place)


def _link(file: Path, target: Path) -> None:
    try:
        target.hardlink_to(file)
    except OSError:  # on another disk
        shutil.copyfile(file, target)


def _quantise(graph: Path, target: Path, form: str) -> None:
    """Write a graph whose products use 8 bits; the scales of inputs are computed at every run."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    products = _wide_products(graph)
    nodes = [
        name
        for name, (rows, columns) in products.items()
        if form == "int8" or max(rows, columns) >= 2 * min(rows, columns)
    ]
    with _no_advice():
        quantize_dynamic(
            graph,
            target,
            per_channel=True,
            weight_type=QuantType.QInt8,
            nodes_to_quantize=nodes,
            op_types_to_quantize=["MatMul"],
            use_external_data_format=True,  # weights in a file of their own are mapped, not copied
        )
    shutil.copymode(target, target.with_name(target.name + WEIGHTS_SUFFIX))  # onnx lets nobody else read it


@contextlib.contextmanager
def _no_advice() -> Iterator[None]:
    """Keep the library's advice off stderr: it is meant for other kinds of models."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _wide_products(graph: Path) -> dict[str, tuple[int, int]]:
    """Return the matrix products with weights of a graph, by the names of their nodes, and the weights' shapes."""
    import onnx

    model = onnx.load(graph, load_external_data=False).graph
    shapes = {weights.name: tuple(weights.dims) for weights in model.initializer if len(weights.dims) == 2}
    return {
        node.name: (shapes[node.input[1]][0], shapes[node.input[1]][1])
        for node in model.node
        if node.op_type == "MatMul" and node.input[1] in shapes and node.name
    }


def _remembered(note: Path) -> list[Measured] | None:
    try:
        return [Measured(**values) for values in json.loads(note.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):
        return None


def _remember(note: Path, measured: Sequence[Measured]) -> None:
    with contextlib.suppress(OSError):
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps([asdict(each) for each in measured]), encoding="utf-8")
