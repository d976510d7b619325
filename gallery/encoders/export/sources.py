"""What a model folder holds, from its settings alone: unsupported models are refused before torch is loaded."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gallery.errors import EncoderError
from gallery.spec import digest_of_files

CLIP, SIGLIP, CHINESE_CLIP = "clip", "siglip", "chinese_clip"
TYPES = (CLIP, SIGLIP, CHINESE_CLIP)
_WORKS = "models of the types clip, siglip (which SigLIP 2 of fixed resolution has, too) and chinese_clip work"
_OURS = "sentence_transformers."


@dataclass(frozen=True, slots=True)
class Source:
    """A model in a local folder.

    Attributes:
        root: The folder as it was given; its files make the fingerprint.
        model: The folder that transformers opens: `root`, or `0_CLIPModel` in it.
        kind: One of `TYPES`, or `text` for a text tower of sentence-transformers.
    """

    root: Path
    model: Path
    kind: str

    def fingerprint(self) -> str:
        """Return the digest of weights and settings, as earlier versions stored it in collections."""
        weights = [*self.root.rglob("*.safetensors")] or [*self.root.rglob("*.bin")]
        return digest_of_files([*weights, *self.root.rglob("*.json")])


def read_model(folder: Path) -> Source:
    """Read the settings of a folder with a picture and a text tower, in the layout of either library.

    Raises:
        EncoderError: It holds no model, or one of an unsupported type.
    """
    _check_folder(folder)
    modules = _modules(folder)
    model = folder / str(modules[0].get("path", "")) if modules else folder
    if not (model / "config.json").is_file():
        if [*folder.glob("open_clip*")]:
            raise EncoderError(f"{folder} can be opened by open_clip only; {_WORKS}")
        raise EncoderError(f"{folder} holds no model: it has no config.json; {_WORKS}")
    config = _read(model / "config.json")
    kind = str(config.get("model_type"))
    _check_no_code(folder, config, modules)
    if kind == "siglip2":
        raise EncoderError(f"{folder} takes pictures of any shape (SigLIP 2 NaFlex), which is not supported; {_WORKS}")
    if kind not in TYPES:
        raise EncoderError(f"{folder} is of the type {kind}, which is not supported; {_WORKS}")
    if any(not str(module["type"]).endswith((".CLIPModel", ".Transformer", ".Normalize")) for module in modules):
        raise EncoderError(f"{folder} has further layers behind its model, which is not supported; {_WORKS}")
    return Source(folder, model, kind)


def read_texts(folder: Path) -> Source:
    """Read the settings of a folder that encodes only texts.

    Raises:
        EncoderError: It holds no model, or sentence-transformers would run code from the folder.
    """
    _check_folder(folder)
    modules = _modules(folder)
    config = folder / str(modules[0].get("path", "")) / "config.json" if modules else folder / "config.json"
    if not config.is_file():
        raise EncoderError(f"{folder} holds no text model; a folder of sentence-transformers works")
    values = _read(config)
    if values.get("model_type") in (*TYPES, "siglip2"):
        return read_model(folder)
    _check_no_code(folder, values, modules)
    return Source(folder, folder, "text")


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise EncoderError(f"{folder} is not a folder; give one that holds a model, or a name of ingest --encoders")


def _check_no_code(folder: Path, config: Mapping[str, Any], modules: list[dict[str, Any]]) -> None:
    if "auto_map" in config or any(not str(module["type"]).startswith(_OURS) for module in modules):
        raise EncoderError(f"{folder} would run program code of its own, which is not supported; {_WORKS}")


def _modules(folder: Path) -> list[dict[str, Any]]:
    """Return the modules that sentence-transformers lists, the model first; none in transformers' layout."""
    if not (folder / "modules.json").is_file():
        return []
    modules = _read(folder / "modules.json")
    if not isinstance(modules, list) or not all(isinstance(module, dict) and "type" in module for module in modules):
        raise EncoderError(f"{folder / 'modules.json'} is not what sentence-transformers writes; download it again")
    return modules


def _read(path: Path) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EncoderError(f"{path} cannot be read ({error}); download the model again") from error
