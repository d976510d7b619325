"""Encoder folders from ready graphs, compared with fastembed on the same graphs, and with numpy."""

import functools
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from fastembed import ImageEmbedding, TextEmbedding
from hub_server import TinyHub, tiny_hub
from PIL import Image
from tiny_ports import DIMENSION, END, PAD, SIDE, save_clip, save_multilingual, save_siglip
from tokenizers import Tokenizer

from gallery.encoders import Encoder
from gallery.encoders.answers import drawings
from gallery.encoders.catalogue import Entry, Known, find
from gallery.encoders.downloads import Downloads
from gallery.encoders.hub import Hub
from gallery.encoders.ports import has_ports, make_from_ports
from gallery.errors import EncoderError
from gallery.vectors import Vectors, unit_rows

TEXTS = ["a photo of a dog", "the cat on the grass", "red", "", "a dog " * 100]
VISION, TEXT = "Qdrant/clip-ViT-B-32-vision", "Qdrant/clip-ViT-B-32-text"
SIGLIP = "onnx-community/siglip2-base-patch16-224-ONNX"
MULTILINGUAL = "sentence-transformers/clip-ViT-B-32-multilingual-v1"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    for repository in (VISION, TEXT, SIGLIP, MULTILINGUAL):
        (folder / repository).mkdir(parents=True)
    save_clip(folder / VISION, folder / TEXT)
    save_siglip(folder / SIGLIP)
    save_multilingual(folder / MULTILINGUAL)
    return folder


@pytest.fixture
def served(published: Path) -> Iterator[TinyHub]:
    with tiny_hub() as hub:
        for repository in (VISION, TEXT, SIGLIP, MULTILINGUAL):
            hub.add(repository, published / repository)
        yield hub


@pytest.fixture
def hub(served: TinyHub, tmp_path: Path) -> Hub:
    shown = functools.partial(Downloads, io.StringIO())
    return Hub(tmp_path / "downloads", served.endpoint, tmp_path / "cache", offline=False, pause=0, downloads=shown)


def tiny(name: str) -> Entry:
    """Return a catalogue entry with tiny sizes, otherwise unchanged."""
    entry = find(name)
    assert entry is not None
    assert entry.text is not None
    picture = replace(entry.picture, side=SIDE, resize=SIDE) if entry.picture else None
    revisions = {
        tower: port and replace(port, revision=None)
        for tower, port in (("picture_port", entry.picture_port), ("text_port", entry.text_port))
    }
    text = replace(entry.text, pad_id=PAD if entry.text.pad_token == "<pad>" else END)
    return replace(entry, dimension=DIMENSION, picture=picture, text=text, known=None, **revisions)  # type: ignore[arg-type]


def test_clip_gives_the_vectors_of_fastembed(hub: Hub, published: Path, tmp_path: Path) -> None:
    encoder = made(tiny("clip-ViT-B-32"), hub, tmp_path)
    texts = TextEmbedding(TEXT, specific_model_path=str(published / TEXT))
    pictures = ImageEmbedding(VISION, specific_model_path=str(published / VISION))
    assert least(encoder.texts().encode_texts(TEXTS), np.array(list(texts.embed(TEXTS)))) >= 0.9999
    assert least(encoder.pictures().encode_images(shapes()), np.array(list(pictures.embed(shapes())))) >= 0.9999
    assert encoder.spec.encoder == "clip-ViT-B-32"
    assert encoder.spec.space.startswith("clip ")
    assert encoder.spec.space.endswith(" loader 1")


def test_siglip_gives_the_vectors_of_fastembed(hub: Hub, published: Path, tmp_path: Path) -> None:
    encoder = made(tiny("siglip2-base-patch16-224"), hub, tmp_path)
    name, folder = "google/siglip2-base-patch16-224", str(published / SIGLIP)
    texts, pictures = TextEmbedding(name, specific_model_path=folder), ImageEmbedding(name, specific_model_path=folder)
    assert least(encoder.texts().encode_texts(TEXTS), np.array(list(texts.embed(TEXTS)))) >= 0.9999
    assert least(encoder.pictures().encode_images(shapes()), np.array(list(pictures.embed(shapes())))) >= 0.9999
    assert encoder.spec.space.startswith("siglip ")


def test_a_text_of_siglip_is_read_alike_alone_and_among_others(hub: Hub, tmp_path: Path) -> None:
    texts = made(tiny("siglip2-base-patch16-224"), hub, tmp_path).texts()
    together = texts.encode_texts(["A Photo of a DOG", "a photo of a dog", *TEXTS])
    np.testing.assert_allclose(together[0], texts.encode_texts(["a photo of a dog"])[0], atol=1e-6)
    np.testing.assert_allclose(together[0], together[1], atol=1e-6)


def test_a_text_partner_reads_the_mean_of_its_tokens_through_its_last_layer(
    hub: Hub, published: Path, tmp_path: Path
) -> None:
    pictures, texts = tiny("clip-ViT-B-32"), tiny("clip-ViT-B-32-multilingual-v1")
    folder = make_from_ports(pictures, texts, hub, tmp_path / "encoders")
    got = Encoder(folder, tmp_path).texts().encode_texts(TEXTS)
    assert least(got, multilingual(published / MULTILINGUAL)) >= 0.9999
    assert Encoder(folder, tmp_path).spec.encoder == "clip-ViT-B-32+clip-ViT-B-32-multilingual-v1"


def multilingual(folder: Path) -> Vectors:
    """Compute the vectors of `TEXTS` with numpy, one text after the other."""
    from onnx import numpy_helper
    from safetensors.numpy import load_file

    model = onnx.load(folder / "onnx/model.onnx")
    weights = {given.name: numpy_helper.to_array(given) for given in model.graph.initializer}
    dense = load_file(folder / "2_Dense/model.safetensors")["linear.weight"]
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    rows = []
    for ids in (tokenizer.encode(text).ids for text in TEXTS):
        states = weights["table"][ids] @ weights["turn"] + len(ids)
        rows.append(dense @ states.mean(axis=0))
    return unit_rows(np.array(rows))


def test_only_what_the_vector_needs_is_kept(hub: Hub, tmp_path: Path) -> None:
    encoder = made(tiny("siglip2-base-patch16-224"), hub, tmp_path)
    model = onnx.load(encoder.folder / "text.onnx", load_external_data=False)
    assert [given.name for given in model.graph.input] == ["ids"]
    assert [given.name for given in model.graph.output] == ["vectors"]
    assert {node.domain for node in model.graph.node} <= {"", "ai.onnx"}
    kinds = Counter(node.op_type for node in model.graph.node)
    assert "Identity" not in kinds
    assert kinds["Cast"] == kinds["MatMul"]  # the weights' from 16 bits
    assert sorted(path.name for path in encoder.folder.iterdir()) == sorted([*encoder.manifest.files, "encoder.json"])
    assert (encoder.folder / "picture.onnx.data").stat().st_size > 0
    assert not any(hub.folder.rglob("*.onnx"))  # the downloads are no longer needed


def test_what_is_known_of_the_real_weights_is_compared(hub: Hub, tmp_path: Path) -> None:
    entry = tiny("clip-ViT-B-32")
    right = made(entry, hub, tmp_path).texts().encode_texts(["hello world"])[0, :5]
    known = Known("hello world", tuple(round(float(number), 4) for number in right / 3))
    assert make_from_ports(replace(entry, known=known), replace(entry, known=known), hub, tmp_path / "again").is_dir()
    wrong = replace(entry, known=find("clip-ViT-B-32").known)  # type: ignore[union-attr]
    with pytest.raises(EncoderError, match="do not answer as its weights do"):
        make_from_ports(wrong, wrong, hub, tmp_path / "wrong")
    assert [path.name for path in (tmp_path / "wrong").iterdir() if path.is_dir()] == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"output": "image_embeds_"}, "has no output image_embeds_, but image_embeds"),
        ({"repository": TEXT}, "the ready graphs of clip-ViT-B-32 cannot be used"),
    ],
)
def test_graphs_that_are_not_what_they_should_be_are_refused(
    hub: Hub, tmp_path: Path, change: dict[str, str], sentence: str
) -> None:
    entry = tiny("clip-ViT-B-32")
    assert entry.picture_port is not None
    wrong = replace(entry, picture_port=replace(entry.picture_port, **change))  # type: ignore[arg-type]
    with pytest.raises(EncoderError, match=sentence):
        make_from_ports(wrong, wrong, hub, tmp_path / "encoders")


def test_damaged_graphs_are_refused(hub: Hub, served: TinyHub, tmp_path: Path) -> None:
    served.repositories[VISION]["model.onnx"] = b"<html>not found</html>"
    with pytest.raises(EncoderError, match="the ready graphs of clip-ViT-B-32 cannot be used"):
        made(tiny("clip-ViT-B-32"), hub, tmp_path)


def test_tokens_may_be_of_any_integer_and_types_are_made_up(hub: Hub, served: TinyHub, tmp_path: Path) -> None:
    entry = tiny("clip-ViT-B-32")
    expected = made(entry, hub, tmp_path).texts().encode_texts(TEXTS)
    model = onnx.load_from_string(served.repositories[TEXT]["model.onnx"])
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.INT32
    types = onnx.helper.make_tensor_value_info("token_type_ids", onnx.TensorProto.INT64, ["batch", "sequence"])
    model.graph.input.append(types)
    for node in model.graph.node:
        if node.op_type == "ArgMax":
            node.input[0] = "sum"
    cast = onnx.helper.make_node("Cast", ["token_type_ids"], ["types"], to=onnx.TensorProto.INT32)
    for place, node in enumerate([cast, onnx.helper.make_node("Add", ["input_ids", "types"], ["sum"])]):
        model.graph.node.insert(place, node)
    served.repositories[TEXT]["model.onnx"] = model.SerializeToString()
    got = Encoder(make_from_ports(entry, entry, hub, tmp_path / "other"), tmp_path).texts().encode_texts(TEXTS)
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_only_towers_that_share_a_space_have_ports_together() -> None:
    openai, siglip, partner = find("clip-ViT-B-32"), find("siglip2-base-patch16-224"), find(MULTILINGUAL)
    assert has_ports(openai, openai)
    assert has_ports(openai, partner)
    assert not has_ports(siglip, partner)
    assert not has_ports(partner, partner)
    assert not has_ports(openai, None)
    assert not has_ports(find("CLIP-ViT-B-32-laion2B-s34B-b79K"), partner)


def made(entry: Entry, hub: Hub, folder: Path) -> Encoder:
    return Encoder(make_from_ports(entry, entry, hub, folder / "encoders"), folder)


def shapes() -> list[Image.Image]:
    return [
        *drawings(),
        Image.new("RGB", (400, 100), "red"),
        Image.linear_gradient("L").resize((31, 90)).convert("RGB"),
    ]


def least(one: Vectors, other: Vectors) -> float:
    return float((unit_rows(one) * unit_rows(other)).sum(axis=1).min())
