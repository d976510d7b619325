"""Models as plain arrays: a JSON file that describes the model, beside a safetensors file. Loading runs no code."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gallery.errors import EncoderError
from gallery.vectors import Vectors

ARRAYS_FILE = "arrays.safetensors"


def save_model(folder: Path, file: str, values: Mapping[str, Any], arrays: Mapping[str, Vectors]) -> None:
    """Write a model to `folder`, which is made if missing: `values` to the JSON file `file`, and the arrays."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    # safetensors writes memory as it is laid out, so a transposed array must be copied first.
    save_file({name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()}, folder / ARRAYS_FILE)
    (folder / file).write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def load_model(folder: Path, file: str) -> tuple[dict[str, Any], dict[str, Vectors]]:
    """Read what `save_model` wrote.

    Raises:
        EncoderError: `folder` holds no such model, or a damaged one.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        values = json.loads((folder / file).read_text(encoding="utf-8"))
        arrays = load_file(folder / ARRAYS_FILE)
    except (OSError, ValueError, SafetensorError) as error:
        raise EncoderError(f"{folder} holds no model that can be read ({error}); train it again") from error
    if not isinstance(values, dict):
        raise EncoderError(f"{folder / file} does not describe a model; train it again")
    return values, arrays
