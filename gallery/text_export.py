"""Exporting the text tower of an encoder to ONNX, once, and checking it there against the original."""

import copy
import json
import shutil
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from filelock import FileLock, Timeout

from gallery.encoder import Encoder
from gallery.errors import EncoderError
from gallery.settings import Settings
from gallery.spec import sha256_of
from gallery.text_onnx import GRAPH, MANIFEST, TOKENIZER, WEIGHTS, OnnxTexts, export_folder

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from sentence_transformers import SentenceTransformer

LEAST_COSINE = 0.9999
_SUBJECTS = ("a cat", "two dogs", "an old man", "Kinder", "собака", "the well-known castle", "🚗", "x", "a b c d", "1")
_PLACES = (
    "",
    " on a beach",
    " in the snow",
    " at night, seen from above",
    ' "under" a tree',
    " im Garten",
    " на снегу",
)
_ENDS = (" 2021!", " that runs after a ball and a cat" * 3)
CHECKED_TEXTS = [subject + place for subject in _SUBJECTS for place in (*_PLACES, *_ENDS)]
CHECKED_TEXTS += [f"{subject} and so on{', and so on' * 80}" for subject in _SUBJECTS]  # longer than any tower reads


class ExportableTexts(Protocol):
    """An encoder whose texts go through one model of sentence-transformers, and then perhaps through heads."""

    text_model: "SentenceTransformer | None"
    text_heads: "Mapping[str, NDArray[np.float32]] | None"


def is_exportable(encoder: object) -> bool:
    """Say whether the text tower of an encoder can be exported."""
    return getattr(encoder, "text_model", None) is not None


def export_missing(encoder: Encoder, settings: Settings, say: Callable[[str], None]) -> None:
    """Export the text tower of an encoder if that can be done and was not done yet, and tell of it.

    What goes wrong is told, too: without an export there is the original. Another process that is at it is left to it,
    and Ctrl-C leaves it to the next search.
    """
    if not is_exportable(encoder) or _is_noted(encoder, settings):
        return
    say("Exporting the text tower, once, so that searches start at once …")
    began = time.monotonic()
    try:
        cosine = export_texts(encoder, settings)
    except EncoderError as error:
        say(f"{error}.")
    except KeyboardInterrupt:
        say("Not exported; the next search does it.")
    else:
        if cosine is None:
            say("Another process does it.")
        elif cosine != cosine:  # noqa: PLR0124 - NaN
            say("It gives other vectors than the original, or cannot be exported; the original will go on being used.")
        else:
            say(f"Exported in {time.monotonic() - began:.1f} s.")


def export_texts(encoder: Encoder, settings: Settings) -> float | None:
    """Export the text tower of an encoder, and return the least cosine with the original over 100 texts.

    NaN is for a tower that cannot be exported, or not truly: that is noted, so that it is not tried with every search.
    None is for another process that is exporting it. A process that is killed leaves a draft, which nobody reads and
    the next export removes.

    Raises:
        EncoderError: The export cannot be written.
    """
    folder = export_folder(settings, encoder.spec)
    draft = folder.with_name(f"{folder.name}.draft")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f"{folder.name}.lock"), timeout=0):
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir()
            try:
                cosine = _export(encoder, draft)
                shutil.rmtree(folder, ignore_errors=True)
                draft.replace(folder)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
    except Timeout:
        return None
    except (OSError, MemoryError) as error:
        raise EncoderError(
            f"the text tower cannot be exported to {folder} ({str(error) or 'no memory'}); free some space"
        ) from error
    return cosine


def _is_noted(encoder: Encoder, settings: Settings) -> bool:
    """Say whether the text tower was exported, or refused, before."""
    return (export_folder(settings, encoder.spec) / MANIFEST).exists()


def _export(encoder: Encoder, draft: Path) -> float:
    if not is_exportable(encoder):
        raise EncoderError(f"the text tower of {encoder.spec.encoder} is none that can be exported")
    try:
        manifest = _write(encoder, draft)
        _write_manifest(draft, manifest)
        found = OnnxTexts(draft, encoder.spec).encode_texts(CHECKED_TEXTS)
        cosine = float((found * encoder.encode_texts(CHECKED_TEXTS)).sum(axis=1).min())
        if not cosine >= LEAST_COSINE:  # NaN is none
            raise EncoderError(f"a cosine of {cosine:.6f} with the original, where {LEAST_COSINE} is wanted")
    except (OSError, MemoryError):  # not the tower's fault, and perhaps not so the next time
        raise
    except Exception as error:  # noqa: BLE001 - exporters raise what they like, and there is always the original
        for path in draft.iterdir():
            path.unlink()
        (draft / MANIFEST).write_text(json.dumps({"refused": " ".join(str(error).split())[:300]}), encoding="utf-8")
        return float("nan")
    _write_manifest(draft, manifest | {"least_cosine": cosine})
    return cosine


def _write(encoder: Encoder, draft: Path) -> dict[str, Any]:
    """Write graph, weights and tokenizer, and return what else the manifest is to say."""
    import torch

    from gallery.text_module import TextModule

    exportable = cast(ExportableTexts, encoder)
    model = exportable.text_model
    assert model is not None
    tower = TextModule(model, getattr(encoder, "text_heads", None)).eval()
    if any(values.is_floating_point() and _is_elsewhere(values) for values in tower.state_dict().values()):
        tower = copy.deepcopy(tower).float().cpu()  # the encoder may go on being used where it is
    tokenizer = model.tokenizer
    sample = tokenizer(["a cat", "two dogs on a beach"], padding=True, return_tensors="pt")
    raw = draft / "raw.onnx"
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # tracing warns of every shape that it takes for constant; 100 texts check it
        torch.onnx.export(
            tower,
            (sample["input_ids"], sample["attention_mask"]),
            str(raw),
            input_names=["input_ids", "attention_mask"],
            output_names=["vectors"],
            dynamic_axes={"input_ids": {0: "n", 1: "t"}, "attention_mask": {0: "n", 1: "t"}, "vectors": {0: "n"}},
            dynamo=False,
        )
    _optimise(raw, draft / GRAPH)
    raw.unlink()
    backend = tokenizer.backend_tokenizer
    backend.no_truncation()
    backend.no_padding()
    (draft / TOKENIZER).write_text(backend.to_str(), encoding="utf-8")
    return {
        "encoder": encoder.spec.to_dict(),
        "text_limit": encoder.text_limit,
        "pad_id": tokenizer.pad_token_id or 0,
        "pad_token": tokenizer.pad_token or "",
    }


def _is_elsewhere(values: "torch.Tensor") -> bool:
    """Say whether a tensor is on another device than the CPU, or no float32."""
    return values.device.type != "cpu" or values.itemsize != 4


def _optimise(raw: Path, graph: Path) -> None:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(graph)
    options.add_session_config_entry("session.optimized_model_external_initializers_file_name", WEIGHTS)
    options.add_session_config_entry("session.optimized_model_external_initializers_min_size_in_bytes", "1024")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(str(raw), options, providers=["CPUExecutionProvider"])


def _write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    files = {}
    for name in (GRAPH, WEIGHTS, TOKENIZER):
        stat = (folder / name).stat()
        files[name] = {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns, "sha256": sha256_of(folder / name)}
    (folder / MANIFEST).write_text(json.dumps(manifest | {"files": files}, indent=1) + "\n", encoding="utf-8")
