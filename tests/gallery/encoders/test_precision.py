"""Numeric forms: how they are made, and when one replaces float32."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from letters_folder import make_letters
from PIL import Image

from gallery.encoders.encoder import Encoder
from gallery.encoders.graphs import FLOAT, Graph
from gallery.encoders.making import drafted, finish
from gallery.encoders.manifest import PICTURE_GRAPH, TEXT_GRAPH, TOKENIZER, Manifest, PicturePreparation, read_manifest
from gallery.encoders.precision import LEAST_SAMPLE, Measured, choose_form, in_form
from gallery.settings import Settings
from gallery.spec import Spec
from gallery.vectors import Vectors

SIDE, WIDTH, LAYERS = 8, 48, 4


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "encoders"


@pytest.fixture
def encoder(tmp_path: Path, place: Path) -> Encoder:
    """A network of four layers, each with a square product and two of a layer four times as wide."""
    letters = make_letters(Settings(data_dir=tmp_path))
    random = np.random.default_rng(0)

    def weights(rows: int, columns: int) -> Vectors:
        drawn: Vectors = (random.standard_normal((rows, columns)) / np.sqrt(rows)).astype(np.float32)
        return drawn

    manifest = Manifest(
        spec=Spec(encoder="layers", dimension=26, space="layers 1", text="letters 1"),
        picture=PicturePreparation(SIDE, "squash", SIDE, "bilinear", (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)),
        text=read_manifest(letters).text,
    )
    graph = Graph()
    pixels = graph.input("pixels", FLOAT, ["n", 3, SIDE, SIDE])
    flat = graph.op("Reshape", pixels, graph.constant([-1, 3 * SIDE * SIDE]))
    rows = graph.op("MatMul", flat, graph.constant(weights(3 * SIDE * SIDE, WIDTH)), name="first")
    for layer in range(LAYERS):
        square = graph.op("MatMul", rows, graph.constant(weights(WIDTH, WIDTH)), name=f"square {layer}")
        wide = graph.op("MatMul", square, graph.constant(weights(WIDTH, 4 * WIDTH)), name=f"up {layer}")
        bent = graph.op("Relu", wide)
        rows = graph.op(
            "Add", rows, graph.op("MatMul", bent, graph.constant(weights(4 * WIDTH, WIDTH)), name=f"down {layer}")
        )
    last = graph.op("MatMul", rows, graph.constant(weights(WIDTH, 26)), name="last")
    with drafted(place, "layers") as draft:
        for name in (TEXT_GRAPH, f"{TEXT_GRAPH}.data", TOKENIZER):
            if (letters / name).exists():
                (draft / name).write_bytes((letters / name).read_bytes())
        graph.save(graph.unit_rows(last), draft / PICTURE_GRAPH)
        return Encoder(finish(draft, manifest, place), tmp_path / "remembered")


def pictures(count: int) -> list[Image.Image]:
    random = np.random.default_rng(1)
    return [Image.fromarray(random.integers(0, 256, (20, 24, 3), np.uint8)) for _ in range(count)]


def products(folder: Path) -> list[str]:
    """The kinds of matrix products in a folder's picture graph."""
    nodes = onnx.load(str(folder / PICTURE_GRAPH), load_external_data=False).graph.node
    return sorted(node.op_type for node in nodes if node.op_type.startswith("MatMul"))


def remember(place: Path, encoder: Encoder, **measured: float) -> None:
    note = place / ".precision" / f"{encoder.spec.fingerprint}.json"
    note.parent.mkdir()
    note.write_text(json.dumps([{"form": "int8", "pictures": 64, **measured}]))


def never() -> Iterator[Image.Image]:
    raise AssertionError("nothing is to be measured")


def test_all_products_or_those_of_wide_layers_alone_compute_in_8_bits(encoder: Encoder, place: Path) -> None:
    assert products(encoder.folder) == ["MatMul"] * (2 + 3 * LAYERS)
    assert products(in_form(encoder, "int8", place).folder) == ["MatMulInteger"] * (2 + 3 * LAYERS)
    mlp = products(in_form(encoder, "int8-mlp", place).folder)
    assert mlp.count("MatMul") == LAYERS + 1  # the square ones, and the last, which is not twice as high as wide
    assert mlp.count("MatMulInteger") == 2 * LAYERS + 1


def test_a_form_gives_nearly_the_same_vectors_under_a_fingerprint_of_its_own(encoder: Encoder, place: Path) -> None:
    quantised = in_form(encoder, "int8", place)
    assert quantised.spec.space == "layers 1 int8"
    assert not quantised.spec.fits(encoder.spec)
    vectors = [each.pictures().encode_images(pictures(16)) for each in (encoder, quantised)]
    cosines = (vectors[0] * vectors[1]).sum(axis=1)
    assert 0.95 < cosines.min() < 1  # without VNNI, sums of products saturate
    assert cosines.mean() > 0.98


def test_a_forms_weights_lie_in_a_file_of_their_own_that_others_may_read(encoder: Encoder, place: Path) -> None:
    made = in_form(encoder, "int8", place).folder
    graph, weights = made / PICTURE_GRAPH, made / f"{PICTURE_GRAPH}.data"
    assert graph.stat().st_size < weights.stat().st_size
    assert graph.stat().st_mode == weights.stat().st_mode


def test_a_form_is_made_once(encoder: Encoder, place: Path) -> None:
    made = in_form(encoder, "int8", place).folder
    before = (made / PICTURE_GRAPH).stat().st_mtime_ns
    again = in_form(encoder, "int8", place).folder
    assert (again, (again / PICTURE_GRAPH).stat().st_mtime_ns) == (made, before)


@pytest.mark.parametrize(
    ("measured", "form"),
    [
        ({"speedup": 1.3, "cosine": 0.99, "agreement": 0.95}, "int8"),
        ({"speedup": 1.2, "cosine": 0.999, "agreement": 0.99}, "float32"),
        ({"speedup": 3.0, "cosine": 0.98, "agreement": 0.99}, "float32"),
        ({"speedup": 3.0, "cosine": 0.999, "agreement": 0.94}, "float32"),
    ],
)
def test_what_was_measured_before_decides(encoder: Encoder, place: Path, measured: dict[str, float], form: str) -> None:
    remember(place, encoder, **measured)
    said: list[str] = []
    assert choose_form(encoder, lambda: list(never()), place, said.append).manifest.form == form
    assert len(said) == 1
    assert f"{measured['speedup']:.1f} times as fast" in said[0]


def test_measuring_compares_vectors_and_neighbours_and_is_remembered(encoder: Encoder, place: Path) -> None:
    said: list[str] = []
    choose_form(encoder, lambda: pictures(LEAST_SAMPLE), place, said.append)
    note = place / ".precision" / f"{encoder.spec.fingerprint}.json"
    measured = [Measured(**values) for values in json.loads(note.read_text())]
    assert measured[0].form == "int8"
    assert measured[0].pictures == LEAST_SAMPLE
    quantised = in_form(encoder, "int8", place)
    both = [each.pictures().encode_images(pictures(LEAST_SAMPLE)) for each in (encoder, quantised)]
    assert measured[0].cosine == pytest.approx((both[0] * both[1]).sum(axis=1).min(), abs=1e-3)
    assert "Measuring" in said[0]
    assert "int8" in said[1]


def test_few_pictures_are_not_worth_measuring(encoder: Encoder, place: Path) -> None:
    assert choose_form(encoder, lambda: pictures(LEAST_SAMPLE - 1), place, print) is encoder


def test_a_network_without_matrix_products_stays_as_it_is(tmp_path: Path, place: Path) -> None:
    letters = Encoder(make_letters(Settings(data_dir=tmp_path)), tmp_path / "remembered")
    assert choose_form(letters, lambda: list(never()), place, print) is letters
