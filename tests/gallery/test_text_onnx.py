"""The exported text tower gives the original's vectors, and what does not hold is refused."""

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import tiny_clip
from filelock import FileLock
from letter_encoder import LetterEncoder

from gallery import text_export
from gallery.encoder import ClipEncoder, Vectors, unit_rows
from gallery.errors import EncoderError
from gallery.settings import Settings
from gallery.text_export import CHECKED_TEXTS, export_missing, export_texts
from gallery.text_onnx import MANIFEST, WEIGHTS, OnnxTexts, export_folder, load_exported


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> ClipEncoder:
    folder = tmp_path_factory.mktemp("clip")
    tiny_clip.save_untrained(folder)
    return ClipEncoder(str(folder), "cpu")


@pytest.fixture(scope="module")
def settings(original: ClipEncoder, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings with the export in place."""
    settings = Settings(tmp_path_factory.mktemp("data"))
    assert load_exported(settings, original.spec) is None
    assert (export_texts(original, settings) or 0) >= 0.9999
    return settings


def test_vectors_are_the_originals(original: ClipEncoder, settings: Settings) -> None:
    exported = load_exported(settings, original.spec)
    assert exported
    assert len(CHECKED_TEXTS) == 100
    texts = ["a red star on blue", "x", "", "a cat " * 100, "собака 🐕", "/etc/hostname"]
    assert np.allclose(exported.encode_texts(texts), original.encode_texts(texts), atol=1e-5)
    assert np.allclose(exported.encode_texts(texts[:1]), original.encode_texts(texts)[:1], atol=1e-5)
    assert [exported.count_tokens(text) for text in texts] == [original.count_tokens(text) for text in texts]
    assert exported.text_limit == original.text_limit == 77
    assert exported.encode_texts([]).shape == (0, 32)
    assert np.isfinite(exported.encode_texts(["\udcff"])).all()


def test_a_copy_with_other_times_is_checked_by_its_digest(original: ClipEncoder, settings: Settings) -> None:
    folder = export_folder(settings, original.spec)
    os.utime(folder / WEIGHTS, ns=(1, 1))
    assert OnnxTexts(folder, original.spec)


@pytest.mark.parametrize("harm", ["weights", "size", "manifest", "gone"])
def test_what_is_not_what_was_exported_is_refused(
    original: ClipEncoder, settings: Settings, tmp_path: Path, harm: str
) -> None:
    for file in export_folder(settings, original.spec).iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = tmp_path / WEIGHTS
    if harm == "weights":
        data = bytearray(weights.read_bytes())
        data[1000] ^= 1
        weights.write_bytes(data)
    elif harm == "size":
        weights.write_bytes(b"")
    elif harm == "manifest":
        (tmp_path / MANIFEST).write_text("[]")
    else:
        weights.unlink()
    with pytest.raises(EncoderError, match="remove"):
        OnnxTexts(tmp_path, original.spec)


def test_a_tower_that_does_not_hold_is_noted_and_refused(
    original: ClipEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_export, "LEAST_COSINE", 1.1)
    settings = Settings(tmp_path)
    cosine = export_texts(original, settings)
    assert cosine is not None
    assert np.isnan(cosine)
    assert "1.1 is wanted" in json.loads((export_folder(settings, original.spec) / MANIFEST).read_text())["refused"]
    with pytest.raises(EncoderError, match=r"does not hold .* remove it"):
        load_exported(settings, original.spec)
    assert not list(tmp_path.rglob("*.draft"))


def test_what_a_killed_export_left_is_not_believed_and_goes(original: ClipEncoder, tmp_path: Path) -> None:
    """Killed when all files are written, and only their folder's name is missing."""
    settings = Settings(tmp_path)
    folder = export_folder(settings, original.spec)
    export_texts(original, settings)
    folder.rename(folder.with_name("text.draft"))
    assert load_exported(settings, original.spec) is None
    told: list[str] = []
    export_missing(original, settings, told.append)
    assert told[0].startswith("Exporting")
    assert re.fullmatch(r"Exported in \d+\.\d s\.", told[1])
    assert load_exported(settings, original.spec)
    assert not list(folder.parent.glob("*.draft"))
    told.clear()
    export_missing(original, settings, told.append)
    assert not told, "it is there already"


@pytest.mark.parametrize(
    ("error", "told"),
    [(OSError("no space left"), "no space left"), (MemoryError(), "no memory"), (KeyboardInterrupt(), "next search")],
)
def test_what_is_not_the_towers_fault_is_told_and_tried_again(
    original: ClipEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, told: str
) -> None:
    def fail(*_: object) -> None:
        raise error

    said: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(text_export, "_write", fail)
        export_missing(original, Settings(tmp_path), said.append)
    assert told in said[-1]
    assert not list(tmp_path.rglob("*.draft"))
    assert not list(tmp_path.rglob(MANIFEST)), "it is not noted as one that cannot be exported"


def test_one_process_exports_and_the_others_go_on(original: ClipEncoder, tmp_path: Path) -> None:
    folder = export_folder(Settings(tmp_path), original.spec)
    folder.parent.mkdir(parents=True)
    with FileLock(folder.with_name("text.lock")):
        assert export_texts(original, Settings(tmp_path)) is None
    assert not folder.exists()


def test_an_encoder_of_another_kind_is_not_exported(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="none that can be exported"):
        export_texts(LetterEncoder(), Settings(tmp_path))
    export_missing(LetterEncoder(), Settings(tmp_path), pytest.fail)


def test_heads_on_the_model_are_exported_with_it(original: ClipEncoder, tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    heads: dict[str, Vectors] = {
        "text.centre": chance.normal(0, 0.1, 32).astype(np.float32),
        "text.scale": chance.uniform(0.1, 1, 32).astype(np.float32),
        "text.heads": chance.normal(size=(2, 8, 32)).astype(np.float32),
    }

    class Heads(LetterEncoder):
        """Standardises the model's vector, and lays the unit vectors of two heads one after the other."""

        text_model = original.text_model
        text_heads = heads

        def encode_texts(self, texts: Sequence[str]) -> Vectors:
            made = np.asarray(self.text_model.encode([{"text": text} for text in texts]), np.float32)
            standard = (made - heads["text.centre"]) / heads["text.scale"]
            return unit_rows(np.concatenate([unit_rows(standard @ head.T) for head in heads["text.heads"]], axis=1))

    encoder = Heads()
    encoder.text_limit = 77
    assert (export_texts(encoder, Settings(tmp_path)) or 0) >= 0.9999
    exported = load_exported(Settings(tmp_path), encoder.spec)
    assert exported
    assert exported.encode_texts(["a red star"]).shape == (1, 16)
