"""Models opened by their own libraries: to be exported, and to be compared with the export."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer

from gallery.encoders.export.modules import PictureModule, SentenceModule, TextModule
from gallery.encoders.export.pictures import preparation_of
from gallery.encoders.export.sources import CHINESE_CLIP, CLIP, SIGLIP, Source
from gallery.encoders.manifest import PicturePreparation, TextPreparation
from gallery.errors import EncoderError
from gallery.vectors import Vectors

_USUAL_LIMITS = {CLIP: 77, SIGLIP: 64, CHINESE_CLIP: 52}
"""The token limit that the published models were trained with, which some of them state nowhere."""


class PictureOriginal:
    """The picture tower of a model of transformers.

    Attributes:
        module: To be exported; takes `pixels`.
        how: The preparation that the export needs.
    """

    def __init__(self, source: Source, model: Any) -> None:  # noqa: ANN401 - transformers' models share no type
        """Open its processor.

        Raises:
            EncoderError: It prepares pictures in an unsupported way.
        """
        from transformers import AutoImageProcessor

        self._processor = AutoImageProcessor.from_pretrained(source.model, local_files_only=True, backend="pil")  # type: ignore[no-untyped-call]
        self.how: PicturePreparation = preparation_of(self._processor, str(source.root))
        self.module = PictureModule(model)

    def samples(self) -> dict[str, torch.Tensor]:
        """Return an example of the module's input."""
        return {"pixels": torch.zeros(2, 3, self.how.side, self.how.side)}

    def encode(self, pictures: Sequence[Image.Image]) -> Vectors:
        """Return the vectors that transformers computes."""
        inputs = self._processor(images=list(pictures), return_tensors="pt")
        with torch.inference_mode():
            return np.asarray(self.module(inputs["pixel_values"]).numpy(), np.float32)


class TextOriginal:
    """The text tower of a model of transformers.

    Attributes:
        module: To be exported.
        how: The preparation that the export needs.
        tokenizer: The same without padding and truncation.
    """

    def __init__(self, source: Source, model: Any) -> None:  # noqa: ANN401 - transformers' models share no type
        """Open its tokenizer.

        Raises:
            EncoderError: Its tokenizer does not work without its library.
        """
        from transformers import AutoTokenizer

        self._own = AutoTokenizer.from_pretrained(source.model, local_files_only=True)
        self.tokenizer = _backend(self._own, source.model)
        positions = int(model.config.text_config.max_position_embeddings)
        usual = min(_USUAL_LIMITS[source.kind], positions)
        said = int(min(self._own.model_max_length, positions))
        siglip = source.kind == SIGLIP
        # SigLIP's towers read the last position, and were trained on texts padded to all positions.
        limit = positions if siglip else (usual if said == positions else said)
        self.how = TextPreparation(
            limit=limit,
            padding="limit" if siglip else "longest",
            pad_id=int(self._own.pad_token_id or 0),
            pad_token=str(self._own.pad_token or ""),
            lower_case=siglip and _lowers(self._own, source.model),
        )
        self.module = TextModule(model)
        self._masked = source.kind == CHINESE_CLIP  # CLIP's attention only looks back, and SigLIP reads the padding

    def samples(self) -> dict[str, torch.Tensor]:
        """Return an example of the module's inputs."""
        return self._inputs(["a cat", "two dogs on a beach"])

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors that transformers computes."""
        with torch.inference_mode():
            return np.asarray(self.module(**self._inputs(texts)).numpy(), np.float32)

    def _inputs(self, texts: Sequence[str]) -> dict[str, torch.Tensor]:
        how = self.how
        given = self._own(
            [text.lower() for text in texts] if how.lower_case else list(texts),
            padding="max_length" if how.padding == "limit" else True,
            padding_side="right",
            truncation=True,
            max_length=how.limit,
            return_attention_mask=True,
            return_tensors="pt",
        )
        return {"ids": given["input_ids"]} | ({"mask": given["attention_mask"]} if self._masked else {})


class SentenceOriginal:
    """A text tower of sentence-transformers; attributes as in `TextOriginal`."""

    def __init__(self, folder: Path, *, unit: bool = True) -> None:
        """Open it.

        Args:
            folder: The model.
            unit: Whether the module's vectors are scaled to length one.

        Raises:
            EncoderError: Its tokenizer does not work without its library.
        """
        from sentence_transformers import SentenceTransformer

        self._model = SentenceTransformer(str(folder), device="cpu", local_files_only=True).float()
        own = self._model.tokenizer
        self.tokenizer = _backend(own, folder)
        positions = getattr(getattr(self._model[0], "config", self._model.config), "max_position_embeddings", None)
        limit = self._model.max_seq_length or positions or 0
        self.how = TextPreparation(int(limit), "longest", int(own.pad_token_id or 0), str(own.pad_token or ""))
        self.module = SentenceModule(self._model, unit=unit)
        self.dimension = int(self._model.get_embedding_dimension() or 0)

    def samples(self) -> dict[str, torch.Tensor]:
        """Return an example of the module's inputs."""
        given = self._model.tokenizer(["a cat", "two dogs on a beach"], padding=True, return_tensors="pt")
        return {"ids": given["input_ids"], "mask": given["attention_mask"]}

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors as sentence-transformers makes them; a text is never taken for a path."""
        return np.asarray(self._model.encode([{"text": text} for text in texts], show_progress_bar=False), np.float32)


def open_model(source: Source) -> Any:  # noqa: ANN401 - transformers' models share no type
    """Open a model of transformers, in float32 on the processor.

    Raises:
        EncoderError: It lacks weights, which the library would fill with random numbers.
    """
    from transformers import AutoModel
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]
    model, told = AutoModel.from_pretrained(
        source.model, local_files_only=True, dtype=torch.float32, output_loading_info=True
    )
    missing = sorted(told["missing_keys"])
    if missing:
        raise EncoderError(f"{source.root} lacks weights ({', '.join(missing[:3])} …); download it again")
    return model.eval()


def _backend(own: Any, folder: Path) -> Tokenizer:  # noqa: ANN401 - transformers' tokenizers share no type
    """Return a copy of a tokenizer in a form that needs only the library tokenizers."""
    backend, file = getattr(own, "backend_tokenizer", None), folder / "tokenizer.json"
    if backend is None and not file.is_file():
        raise EncoderError(f"{folder} has no tokenizer.json, without which its texts cannot be read; choose another")
    tokenizer: Tokenizer = (
        Tokenizer.from_str(backend.to_str()) if backend is not None else Tokenizer.from_file(str(file))
    )
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _lowers(own: Any, folder: Path) -> bool:  # noqa: ANN401 - transformers' tokenizers share no type
    """Return whether texts must be in lower case: the tokenizer does it, or its settings ask for it."""
    if own("A Red CAT")["input_ids"] == own("a red cat")["input_ids"]:
        return True
    file = folder / "tokenizer_config.json"
    return file.is_file() and bool(json.loads(file.read_text(encoding="utf-8")).get("do_lower_case"))
