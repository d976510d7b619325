"""Repositories of ready ONNX graphs as on the hub, with tiny random weights and everything that fastembed needs."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

SIDE, WIDTH, DIMENSION = 32, 24, 16
WORDS = ["<pad>", "a", "red", "green", "dog", "cat", "on", "the", "grass", "photo", "of", "?", "<start>", "<end>"]
PAD, START, END = 0, len(WORDS) - 2, len(WORDS) - 1
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64

Nodes = list[tuple[str, list[str], str, dict[str, Any]]]
Inputs = dict[str, tuple[int, list[str | int]]]


def save_clip(pictures: Path, texts: Path, *, seed: int = 0) -> None:
    """Save a CLIP in two repositories, as Qdrant has it: each one output, which is not normalised."""
    _save(pictures / "model.onnx", _picture_nodes("image_embeds"), _picture_weights(seed), ["image_embeds"])
    _write(pictures / "preprocessor_config.json", _clip_processor())
    _save_texts(texts, "model.onnx", pooled="text_embeds", last=False, seed=seed)
    _save_tokenizer(texts, limit=77, pad="<end>", starts=True)


def save_siglip(folder: Path, *, seed: int = 0) -> None:
    """Save a SigLIP in one repository, as onnx-community has it: the vector is the second of two outputs."""
    outputs = ["last_hidden_state", "pooler_output"]
    _save(folder / "onnx/vision_model.onnx", _picture_nodes("pooler_output"), _picture_weights(seed), outputs)
    _write(folder / "preprocessor_config.json", _siglip_processor())
    _save_texts(folder, "onnx/text_model.onnx", pooled="pooler_output", last=True, seed=seed)
    _save_tokenizer(folder, limit=64, pad="<pad>", starts=False)


def save_multilingual(folder: Path, *, seed: int = 0) -> None:
    """Save a text tower as sentence-transformers publishes it: token states, and the layer behind their mean."""
    weights = {"table": _random((len(WORDS), WIDTH), seed), "turn": _random((WIDTH, WIDTH), seed + 1)}
    nodes: Nodes = [("Gather", ["table", "input_ids"], "rows", {}), ("MatMul", ["rows", "turn"], "turned", {})]
    # The mask is an input that the states depend on, too.
    nodes += [
        ("Cast", ["attention_mask"], "seen", {"to": FLOAT}),
        ("ReduceSum", ["seen", "last"], "count", {"keepdims": 1}),
        ("Unsqueeze", ["count", "last"], "counts", {}),
        ("Add", ["turned", "counts"], "last_hidden_state", {}),
    ]
    inputs: Inputs = {"input_ids": (INT64, ["n", "l"]), "attention_mask": (INT64, ["n", "l"])}
    _save(folder / "onnx/model.onnx", nodes, weights, ["last_hidden_state"], inputs)
    (folder / "2_Dense").mkdir()
    save_file({"linear.weight": _random((DIMENSION, WIDTH), seed + 2)}, folder / "2_Dense/model.safetensors")
    _save_tokenizer(folder, limit=128, pad="<pad>", starts=True)


def _picture_weights(seed: int) -> dict[str, np.ndarray]:
    return {"patch": _random((WIDTH, 3, 8, 8), seed), "head": _random((WIDTH, DIMENSION), seed + 1)}


def _picture_nodes(vector: str) -> Nodes:
    return [
        ("Conv", ["pixel_values", "patch"], "grid", {"strides": [8, 8]}),
        ("Relu", ["grid"], "last_hidden_state", {}),
        ("ReduceMax", ["last_hidden_state", "area"], "mean", {"keepdims": 0}),
        ("MatMul", ["mean", "head"], vector, {}),
    ]


def _save_texts(folder: Path, name: str, *, pooled: str, last: bool, seed: int) -> None:
    """Save a text tower that reads all tokens up to the one it pools: the end token, or the last of all."""
    weights = {"table": _random((len(WORDS), WIDTH), seed + 2), "project": _random((WIDTH, DIMENSION), seed + 3)}
    nodes: Nodes = [
        ("Gather", ["table", "input_ids"], "rows", {}),
        ("CumSum", ["rows", "one"], "sums", {}),
        ("Tanh", ["sums"], "last_hidden_state", {}),
    ]
    if last:
        nodes += [("Gather", ["last_hidden_state", "end"], "state", {"axis": 1})]
    else:
        nodes += [
            ("ArgMax", ["input_ids"], "place", {"axis": 1, "keepdims": 1}),
            ("GatherND", ["last_hidden_state", "place"], "state", {"batch_dims": 1}),
        ]
    nodes += [("MatMul", ["state", "project"], pooled, {})]
    outputs = ["last_hidden_state", pooled] if last else [pooled]
    _save(folder / name, nodes, weights, outputs, {"input_ids": (INT64, ["batch", "sequence"])})


def _save(
    path: Path,
    nodes: Nodes,
    weights: dict[str, np.ndarray],
    outputs: list[str],
    inputs: Inputs | None = None,
) -> None:
    inputs = inputs or {"pixel_values": (FLOAT, ["batch", 3, SIDE, SIDE])}
    constants = {"one": np.array(1), "end": np.array(-1), "last": np.array([-1]), "area": np.array([2, 3])}
    used = {name for node in nodes for name in node[1]}
    graph = helper.make_graph(
        [helper.make_node(kind, given, [output], **more) for kind, given, output, more in nodes],
        "tiny",
        [helper.make_tensor_value_info(name, *how) for name, how in inputs.items()],
        [helper.make_tensor_value_info(name, FLOAT, None) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in {**weights, **constants}.items() if name in used],
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)


def _save_tokenizer(folder: Path, *, limit: int, pad: str, starts: bool) -> None:
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="?"))
    if starts:  # CLIP's brings lower case along, and SigLIP 2's does not
        tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{'<start> ' * starts}$A <end>", special_tokens=[("<start>", START), ("<end>", END)]
    )
    tokenizer.enable_padding(length=limit if pad == "<pad>" else None, pad_id=WORDS.index(pad), pad_token=pad)
    tokenizer.enable_truncation(limit)
    tokenizer.save(str(folder / "tokenizer.json"))
    _write(folder / "tokenizer_config.json", {"model_max_length": limit, "pad_token": pad})
    _write(folder / "special_tokens_map.json", {"pad_token": pad})
    _write(folder / "config.json", {"model_type": "clip"})


def _clip_processor() -> dict[str, object]:
    return {
        "image_processor_type": "CLIPImageProcessor",
        "do_resize": True,
        "size": {"shortest_edge": SIDE},
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": SIDE, "width": SIDE},
        "do_normalize": True,
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
    }


def _siglip_processor() -> dict[str, object]:
    return {
        "image_processor_type": "SiglipImageProcessor",
        "do_resize": True,
        "size": {"height": SIDE, "width": SIDE},
        "resample": 2,
        "do_normalize": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    }


def _write(path: Path, values: dict[str, object]) -> None:
    path.write_text(json.dumps(values))


def _random(shape: tuple[int, ...], seed: int) -> np.ndarray:
    array: np.ndarray = np.random.default_rng(seed).standard_normal(shape, dtype=np.float32) / 4
    return array
