"""Exported folders give the vectors of transformers' and sentence-transformers' own code; the rest is refused."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_bert
import tiny_clip
import torch
from PIL import Image
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    AutoModel,
    AutoProcessor,
    BertTokenizer,
    ChineseCLIPConfig,
    ChineseCLIPImageProcessor,
    ChineseCLIPModel,
    PreTrainedTokenizerFast,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
)

from gallery.encoders.encoder import Encoder
from gallery.encoders.export import export
from gallery.encoders.export.checking import CHECKED_TEXTS, checked_pictures, compare
from gallery.errors import EncoderError
from gallery.spec import digest_of_files
from gallery.vectors import Vectors, unit_rows

TEXTS = ["a red star on blue", "x", "", "A Cat " * 100, "собака 🐕", "/etc/hostname"]
TOWER = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}


def save_clip(folder: Path) -> None:
    tiny_clip.save_untrained(folder)


def save_siglip(folder: Path, *, lowers: bool = True) -> None:
    """SigLIP, whose tokenizer is in lower case; or SigLIP 2, whose settings only ask for it."""
    torch.manual_seed(0)
    letters = [chr(code) for code in range(33, 127) if lowers <= (not chr(code).isupper())]
    words = ["<pad>", "</s>", "<unk>", *letters]
    own = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    own.normalizer = normalizers.Lowercase() if lowers else normalizers.NFC()
    own.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    own.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=own, pad_token="<pad>", eos_token="</s>", unk_token="<unk>")  # type: ignore[no-untyped-call]
    vision = {**TOWER, "image_size": 32, "patch_size": 8}
    text = {**TOWER, "vocab_size": len(words), "max_position_embeddings": 64}
    SiglipModel(SiglipConfig(vision_config=vision, text_config=text)).save_pretrained(folder)
    SiglipImageProcessor(size={"height": 32, "width": 32}, resample=3 if lowers else 2).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    settings = folder / "tokenizer_config.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"do_lower_case": True}))


def save_siglip2(folder: Path) -> None:
    save_siglip(folder, lowers=False)


def save_chinese_clip(folder: Path) -> None:
    torch.manual_seed(0)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "red", "cat", "star", "x", "on"]
    vision = {**TOWER, "image_size": 32, "patch_size": 8}
    text = {**TOWER, "vocab_size": len(words), "max_position_embeddings": 64}
    config = ChineseCLIPConfig(vision_config=vision, text_config=text, projection_dim=16)
    ChineseCLIPModel(config).save_pretrained(folder)
    size = {"height": 32, "width": 32}
    ChineseCLIPImageProcessor(size=size, crop_size=size).save_pretrained(folder)
    BertTokenizer(vocab={word: n for n, word in enumerate(words)}, model_max_length=52).save_pretrained(folder)


KINDS = {"clip": save_clip, "siglip": save_siglip, "siglip2": save_siglip2, "chinese_clip": save_chinese_clip}


@pytest.fixture(scope="module", params=KINDS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, Encoder]:
    folder, data = tmp_path_factory.mktemp(request.param), tmp_path_factory.mktemp("data")
    KINDS[request.param](folder)
    told: list[str] = []
    made = export(folder, data, say=told.append)
    assert told[0].startswith("Opening")
    return request.param, folder, Encoder(made, data)


def unit(vectors: torch.Tensor) -> Vectors:
    return unit_rows(vectors.numpy())


def test_vectors_are_transformers_own(made: tuple[str, Path, Encoder]) -> None:
    kind, folder, encoder = made
    model: Any = AutoModel.from_pretrained(folder)
    processor: Any = AutoProcessor.from_pretrained(folder, backend="pil")  # type: ignore[no-untyped-call]
    tokenizer = getattr(processor, "tokenizer", processor)
    texts = [text.lower() for text in TEXTS] if kind == "siglip2" else TEXTS
    limit = {"clip": 77, "chinese_clip": 52}.get(kind, 64)
    padding: Any = "max_length" if kind.startswith("siglip") else True
    inputs = tokenizer(texts, padding=padding, truncation=True, max_length=limit, return_tensors="pt")
    inputs = {name: values for name, values in inputs.items() if name == "input_ids" or limit != 64}
    pictures = checked_pictures()[:12]
    with torch.inference_mode():
        text = model.get_text_features(**inputs).pooler_output
        picture = model.get_image_features(**pixels_of(folder, pictures)).pooler_output
    tower = encoder.texts()
    assert (tower.encode_texts(TEXTS) * unit(text)).sum(axis=1).min() >= 0.9999
    assert (encoder.pictures().encode_images(pictures) * unit(picture)).sum(axis=1).min() >= 0.9999
    assert tower.text_limit == limit
    assert tower.count_tokens("") <= 2


def pixels_of(folder: Path, pictures: Sequence[Image.Image]) -> Any:  # noqa: ANN401 - a mapping of tensors
    from transformers import AutoImageProcessor

    return AutoImageProcessor.from_pretrained(folder, backend="pil")(images=list(pictures), return_tensors="pt")  # type: ignore[no-untyped-call]


def test_a_vector_does_not_depend_on_its_batch(made: tuple[str, Path, Encoder]) -> None:
    texts, pictures = made[2].texts(), made[2].pictures()
    together = texts.encode_texts(TEXTS)
    assert np.allclose(together, np.concatenate([texts.encode_texts([text]) for text in TEXTS]), atol=1e-5)
    drawn = checked_pictures()[:9]
    alone = np.concatenate([pictures.encode_images([picture]) for picture in drawn])
    assert np.allclose(pictures.encode_images(drawn), alone, atol=1e-5)


def test_the_spec_is_that_of_earlier_versions(made: tuple[str, Path, Encoder]) -> None:
    _, folder, encoder = made
    digest = digest_of_files([*folder.rglob("*.safetensors"), *folder.rglob("*.json")])
    spec = encoder.spec
    assert (spec.encoder, spec.space, spec.text) == (str(folder), f"clip {digest} loader 1", f"clip {digest}")


def test_the_hubs_old_layout_is_the_same_model(tmp_path: Path) -> None:
    save_clip(tmp_path / "saved")
    tiny_clip.as_on_the_hub(tmp_path / "saved", tmp_path / "hub")
    one, other = (
        Encoder(export(tmp_path / name, tmp_path / "data", name=name, say=lambda _: None), tmp_path)
        for name in ("saved", "hub")
    )
    assert other.spec.encoder == "hub"
    assert np.allclose(one.texts().encode_texts(TEXTS), other.texts().encode_texts(TEXTS))


def test_a_pair_needs_somebody_who_insists(tmp_path: Path) -> None:
    save_clip(tmp_path / "clip")
    tiny_bert.save_untrained(tmp_path / "bert", ["a", "red", "star"])
    pair = f"{tmp_path / 'clip'}+{tmp_path / 'bert'}"
    with pytest.raises(EncoderError, match="share a space"):
        export(pair, tmp_path / "data", say=pytest.fail)
    encoder = Encoder(export(pair, tmp_path / "data", insist=True, say=lambda _: None), tmp_path)
    theirs = SentenceTransformer(str(tmp_path / "bert"), device="cpu").encode([{"text": text} for text in TEXTS])
    assert (encoder.texts().encode_texts(TEXTS) * unit_rows(np.asarray(theirs))).sum(axis=1).min() >= 0.9999
    digest = digest_of_files(
        [path for path in (tmp_path / "bert").rglob("*.*") if path.suffix in {".safetensors", ".json"}]
    )
    assert encoder.spec.text == f"clip {digest}"
    assert encoder.spec.encoder == pair


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"config.json": {"model_type": "siglip2"}}, "NaFlex"),
        ({"config.json": {"model_type": "clip", "auto_map": {}}}, "program code of its own"),
        ({"config.json": {"model_type": "clap"}}, "of the type clap"),
        ({"open_clip_config.json": {}}, "by open_clip only"),
        ({}, "no config.json"),
        (
            {"config.json": {"model_type": "clip"}, "modules.json": [{"path": "", "type": "their.Model"}]},
            "program code",
        ),
        ({"config.json": {"model_type": "clip"}, "modules.json": {}}, "not what sentence-transformers writes"),
    ],
)
def test_what_cannot_be_had_right_is_refused(tmp_path: Path, files: dict[str, object], reason: str) -> None:
    for name, values in files.items():
        (tmp_path / name).write_text(json.dumps(values))
    with pytest.raises(EncoderError, match=reason):
        export(tmp_path, tmp_path / "data", say=pytest.fail)
    assert not (tmp_path / "data").exists()


def test_a_preparation_that_a_manifest_cannot_say_is_refused(tmp_path: Path) -> None:
    save_siglip(tmp_path)
    settings = tmp_path / "preprocessor_config.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"size": {"height": 32, "width": 40}}))
    with pytest.raises(EncoderError, match="image processor makes sizes"):
        export(tmp_path, tmp_path / "data", say=lambda _: None)
    assert not list((tmp_path / "data").glob("*/encoder.json"))


def test_an_export_that_differs_is_refused() -> None:
    right = np.eye(2, dtype=np.float32)
    assert compare("x", {"texts": (right, 2 * right)}) == {"texts": 2, "least_cosine_texts": 1.0}
    for wrong in (right[::-1], right * np.nan):
        with pytest.raises(EncoderError, match="texts the export differs"):
            compare("x", {"texts": (wrong, right)})


def test_a_hundred_texts_and_32_pictures_are_compared() -> None:
    assert (len(set(CHECKED_TEXTS)), len({picture.size for picture in checked_pictures()})) == (100, 32)
