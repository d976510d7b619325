"""A query's vector without torch: the text tower of an encoder, exported once (see `gallery.text_export`).

DATA_DIR/encoders/FINGERPRINT/text/text.onnx        the graph, already optimised
                                   text.onnx.data   its weights, which the runtime maps instead of reading them
                                   tokenizer.json
                                   text.json        the manifest: digests, sizes and times of the other three
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gallery.errors import EncoderError
from gallery.settings import Settings
from gallery.spec import Spec, sha256_of

GRAPH, WEIGHTS, TOKENIZER, MANIFEST = "text.onnx", "text.onnx.data", "tokenizer.json", "text.json"
BATCH = 64
Vectors = NDArray[np.float32]


class TextEncoder(Protocol):
    """What searching by text needs of an encoder, see `gallery.encoder.Encoder`."""

    spec: Spec
    text_limit: int

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector per text, shape `(n, dimension)`."""
        ...

    def count_tokens(self, text: str) -> int:
        """Return how many tokens the text has, to be compared with `text_limit`."""
        ...


class OnnxTexts(TextEncoder):
    """The exported text tower of the encoder that `spec` names."""

    def __init__(self, folder: Path, spec: Spec) -> None:
        """Load it; the files are compared with the manifest by size and time, and by digest where the time differs.

        Raises:
            EncoderError: It is not there, is not what was exported, or cannot be loaded.
        """
        manifest = _read_manifest(folder)
        _check_files(folder, manifest)
        try:
            import onnxruntime
            from tokenizers import Tokenizer

            self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
            self._session = onnxruntime.InferenceSession(
                str(folder / GRAPH), _options(onnxruntime), providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # both libraries raise what they like, and there is always the original
            raise EncoderError(f"the exported text tower in {folder} cannot be loaded ({error}); remove it") from error
        self.spec = spec
        self.text_limit = int(manifest["text_limit"])
        self._inputs = [given.name for given in self._session.get_inputs()]
        self._tokenizer.enable_padding(pad_id=manifest["pad_id"], pad_token=manifest["pad_token"])

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self.spec.dimension), np.float32)
        rows = [self._encode(texts[start : start + BATCH]) for start in range(0, len(texts), BATCH)]
        return np.concatenate(rows)

    def count_tokens(self, text: str) -> int:
        self._tokenizer.no_truncation()
        return len(self._tokenizer.encode(_unicode(text)).ids)

    def _encode(self, texts: Sequence[str]) -> Vectors:
        if self.text_limit:
            self._tokenizer.enable_truncation(self.text_limit)
        encodings = self._tokenizer.encode_batch([_unicode(text) for text in texts])
        given = {
            "input_ids": np.array([encoding.ids for encoding in encodings], np.int64),
            "attention_mask": np.array([encoding.attention_mask for encoding in encodings], np.int64),
        }
        (vectors,) = self._session.run(None, {name: given[name] for name in self._inputs})
        unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit


def export_folder(settings: Settings, spec: Spec) -> Path:
    """Return where the exported text tower of an encoder is kept."""
    return settings.encoder_folder(spec.fingerprint) / "text"


def load_exported(settings: Settings, spec: Spec) -> OnnxTexts | None:
    """Load the exported text tower of an encoder; None where none was exported yet.

    Raises:
        EncoderError: There is one that does not hold.
    """
    folder = export_folder(settings, spec)
    return OnnxTexts(folder, spec) if (folder / MANIFEST).exists() else None


def _options(onnxruntime: Any) -> Any:  # noqa: ANN401 - the runtime has no types of its own
    options = onnxruntime.SessionOptions()
    # The graph was optimised when it was exported, and weights that are not packed anew stay mapped: loading
    # takes a tenth of a second instead of two.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.add_session_config_entry("session.disable_prepacking", "1")
    # Threads that wait by spinning gain half a millisecond a text alone on a machine, and lose ten beside others: the
    # page's own search and answer among them.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return options


def _read_manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if not isinstance(manifest, dict) or not {"files", "text_limit", "pad_id", "pad_token"} <= manifest.keys():
            raise ValueError(str(manifest.get("refused", "no manifest")) if isinstance(manifest, dict) else "no object")
    except (OSError, ValueError) as error:
        raise EncoderError(f"the exported text tower in {folder} does not hold ({error}); remove it") from error
    return manifest


def _check_files(folder: Path, manifest: Mapping[str, Any]) -> None:
    for name in (GRAPH, WEIGHTS, TOKENIZER):
        noted = manifest["files"].get(name, {})
        path = folder / name
        try:
            stat = path.stat()
            same = (stat.st_size, stat.st_mtime_ns) == (noted.get("size"), noted.get("mtime_ns"))
            same = same or (stat.st_size == noted.get("size") and sha256_of(path) == noted.get("sha256"))
        except OSError as error:
            raise EncoderError(f"{path} cannot be read ({error}); remove {folder}") from error
        if not same:
            raise EncoderError(f"{path} is not what was exported; remove {folder}")


def _unicode(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
