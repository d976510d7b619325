"""Pictures and texts become vectors of one space: the contract, CLIP, and the choice between encoders."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gallery.errors import EncoderError
from gallery.pictures.images import LOADER_VERSION
from gallery.spec import TOWERS_FILE, Spec, digest_of_files

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

Vectors = NDArray[np.float32]

DEFAULT_ENCODER = "clip-ViT-B-32"
FALLBACK_ENCODER = "conse"
HUB_SECONDS = 5.0
MOST_ELONGATED = 8
_WEIGHTS = [f"{folder}{file}" for folder in ("", "0_CLIPModel/") for file in ("model.safetensors", "pytorch_model.bin")]


class Encoder(Protocol):
    """Two towers that share a space: a text and a picture fit as well as their vectors' cosine is high.

    Attributes:
        spec: Names the encoder and fingerprints its towers; a collection keeps it.
        detail: Pixels of a picture's shorter side that are enough for `pixels`, for `open_image`.
        text_limit: Tokens that the text tower reads; the rest of a longer text is not used.
        on_cpu: Whether the image tower runs on the processor, where decoding would take turns with it.
    """

    spec: Spec
    detail: int
    text_limit: int
    on_cpu: bool = True

    def pixels(self, picture: Image.Image) -> Vectors:
        """Return the image tower's input for one RGB picture, shape `(3, height, width)`.

        Runs without the model and may be called from several threads at once.
        """
        ...

    def encode_pixels(self, pixels: Vectors) -> Vectors:
        """Return one unit vector per input of `pixels`, shape `(n, dimension)`."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector per text, shape `(n, dimension)`. A text is never taken for a path or address."""
        ...

    def count_tokens(self, text: str) -> int:
        """Return how many tokens the text has, to be compared with `text_limit`."""
        ...

    def encode_images(self, pictures: Sequence[Image.Image]) -> Vectors:
        """Return one unit vector per RGB picture, shape `(n, dimension)`."""
        if not pictures:
            return np.empty((0, self.spec.dimension), np.float32)
        return self.encode_pixels(np.stack([self.pixels(picture) for picture in pictures]))


def unit_rows(vectors: NDArray[np.floating]) -> Vectors:
    """Scale every row of an `(n, d)` array to length one, as float32; a row of zeros becomes NaN."""
    rows = np.asarray(vectors, np.float32)
    with np.errstate(invalid="ignore"):
        unit: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


class SentenceTexts(Encoder):
    """The text tower of an encoder, where that is a sentence-transformers model."""

    def __init__(self, model: "SentenceTransformer") -> None:
        self._texts = model
        self.text_limit = int(model.max_seq_length or 0)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self.spec.dimension), np.float32)
        # Typed: sentence-transformers opens or downloads a plain string that looks like a path or an address.
        return unit_rows(np.asarray(self._texts.encode([{"text": text} for text in texts], show_progress_bar=False)))

    def count_tokens(self, text: str) -> int:
        return len(self._texts.tokenizer(text, truncation=False, verbose=False)["input_ids"])

    @property
    def text_model(self) -> "SentenceTransformer":
        """The model itself, for those who export it."""
        return self._texts


class ClipEncoder(SentenceTexts):
    """A CLIP model, or an image tower and a text tower that share a space, through sentence-transformers.

    Half precision on a CUDA device, float32 elsewhere. Vectors come back as float32 either way.
    """

    def __init__(self, name: str, device: str | None = None) -> None:
        """Load the model.

        Args:
            name: A sentence-transformers model of the hub or a local folder; or two of them joined by `+`,
                image tower first: `clip-ViT-B-32+clip-ViT-B-32-multilingual-v1`.
            device: In torch's words; without it a GPU if there is one.

        Raises:
            EncoderError: It cannot be loaded, or does not take both pictures and texts.
        """
        image_name, _, text_name = name.partition("+")
        self._images = _load(image_name, device)
        super().__init__(_load(text_name, device) if text_name else self._images)
        if not (self._images.supports("image") and self._texts.supports("text")):
            raise EncoderError(f"{name} does not encode both pictures and texts; give a CLIP model or IMAGE+TEXT")
        dimension = self._images.get_embedding_dimension()
        if dimension is None or dimension != self._texts.get_embedding_dimension():
            raise EncoderError(f"the towers of {name} have vectors of different length; give two that share a space")
        self.detail = 2 * _input_side(self._images)
        self.on_cpu = self._images.device.type == "cpu"
        weights = _fingerprint(image_name)
        self.spec = Spec(
            encoder="+".join(_settled(part) for part in name.split("+")),
            dimension=dimension,
            space=f"clip {weights} loader {LOADER_VERSION}",
            text=f"clip {_fingerprint(text_name) if text_name else weights}",
        )

    def pixels(self, picture: Image.Image) -> Vectors:
        values: torch.Tensor = self._images.preprocess([_without_far_ends(picture)])["pixel_values"]
        return np.asarray(values[0].numpy(), np.float32)

    def encode_pixels(self, pixels: Vectors) -> Vectors:
        import torch

        model, batch = self._images, torch.from_numpy(pixels)
        batch = batch.pin_memory() if model.device.type == "cuda" else batch  # so that the GPU fetches it by itself
        inputs = batch.to(device=model.device, dtype=model.dtype, non_blocking=True)
        with torch.inference_mode():
            vectors = model({"pixel_values": inputs, "modality": "image"})["sentence_embedding"]
        return unit_rows(vectors.float().cpu().numpy())


def load_encoder(name: str, device: str | None = None) -> Encoder:
    """Load the encoder `name`: `conse`, a folder of two towers, or what `ClipEncoder` takes; or raise EncoderError."""
    name = name.strip()
    if name == FALLBACK_ENCODER:
        from gallery.conse import ConseEncoder

        return ConseEncoder(device)
    if (Path(name) / TOWERS_FILE).is_file():
        from gallery.towers import TwoTowerEncoder

        return TwoTowerEncoder(Path(name), device)
    return ClipEncoder(name, device)


def choose_encoder(wanted: str | None) -> tuple[str, str]:
    """Return the name of the encoder for a new collection, and a sentence that says why it is this one.

    `wanted` decides if given. Otherwise it is CLIP if its weights are on this machine or the model hub answers
    within five seconds, else ConSE, which needs no download.
    """
    if wanted:
        return wanted, f"Encoder {wanted}, as asked for."
    if _is_cached(DEFAULT_ENCODER):
        return DEFAULT_ENCODER, f"Encoder {DEFAULT_ENCODER}, from this machine's cache."
    if _hub_answers(DEFAULT_ENCODER):
        return DEFAULT_ENCODER, f"Encoder {DEFAULT_ENCODER}, from the model hub."
    return FALLBACK_ENCODER, (
        f"The model hub did not answer, so {DEFAULT_ENCODER} cannot be had: using {FALLBACK_ENCODER}, which names "
        "things but does not understand scenes."
    )


def best_device(device: str | None) -> str:
    """Return `device`, or without one the GPU if torch finds one, else `cpu`."""
    import torch

    if device:
        try:
            torch.empty(0, device=device)
        except Exception as error:  # what torch raises depends on how it was built
            raise EncoderError(f"DEVICE {device} cannot be used ({error}); unset it, or use cpu") from error
        return device
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def sentence_transformer(name: str, device: str | None, *, local_only: bool) -> "SentenceTransformer":
    """Load a sentence-transformers model; without the network if `local_only`."""
    from sentence_transformers import SentenceTransformer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]  # of reading weights, a second's work; a download still shows how far it is
    return SentenceTransformer(
        name,
        device=best_device(device),
        local_files_only=local_only,
        # Pillow's resize gives the torchvision backend's pixels, and runs beside the model without starting threads.
        processor_kwargs={"backend": "pil"},
    )


def _load(name: str, device: str | None) -> "SentenceTransformer":
    best_device(device)
    remedy = f"give a local folder or a name of the model hub, or --encoder {FALLBACK_ENCODER}, which needs no download"
    cached = _is_cached(name)
    if not cached and not _hub_answers(name):
        raise EncoderError(f"encoder {name} is not on this machine and the model hub did not give it; {remedy}")
    try:
        model = _from_cache(name, device) if cached else sentence_transformer(name, device, local_only=False)
    except Exception as error:  # the hub's client, the disk and the model's own code raise what they like
        why = " ".join(str(error).split())[:300]
        raise EncoderError(f"encoder {name} cannot be loaded ({why}); {remedy}") from error
    limit = getattr(getattr(model.config, "text_config", None), "max_position_embeddings", None)
    if limit and (model.max_seq_length or limit + 1) > limit:
        model.max_seq_length = limit  # a folder saved by transformers does not say it, and long texts would fail
    return model.half() if model.device.type == "cuda" else model


def _from_cache(name: str, device: str | None) -> "SentenceTransformer":
    try:
        return sentence_transformer(name, device, local_only=True)
    except Exception:
        if Path(name).is_dir() or not _hub_answers(name):
            raise
        return sentence_transformer(name, device, local_only=False)  # a download that was cut short is gone on with


def _without_far_ends(picture: Image.Image) -> Image.Image:
    """Cut what is more than four times the short side from the centre, which the model's crop leaves out anyway.

    Its processor would first scale all of it: a picture of 60 000 x 1 pixels would take gigabytes.
    """
    most = MOST_ELONGATED * min(picture.size)
    width, height = (min(side, most) for side in picture.size)
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    return picture.crop((left, top, left + width, top + height)) if (width, height) != picture.size else picture


def _input_side(model: "SentenceTransformer") -> int:
    vision = getattr(model.config, "vision_config", None)
    return int(getattr(vision, "image_size", None) or 224)


def _settled(name: str) -> str:
    """A folder's name must hold wherever the next command is run."""
    return str(Path(name).resolve()) if Path(name).is_dir() else name.strip()


def _fingerprint(name: str) -> str:
    """Return the digest of a model's weights and settings, wherever it lies."""
    from huggingface_hub import snapshot_download

    folder = Path(name if Path(name).is_dir() else snapshot_download(_repository(name), local_files_only=True))
    weights = [*folder.rglob("*.safetensors")] or [*folder.rglob("*.bin")]
    return digest_of_files([*weights, *folder.rglob("*.json")])


def _repository(name: str) -> str:
    return name if "/" in name else f"sentence-transformers/{name}"


def _is_cached(name: str) -> bool:
    if Path(name).is_dir():
        return True
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        return any(isinstance(try_to_load_from_cache(_repository(name), file), str) for file in _WEIGHTS)
    except HFValidationError:
        return False


def _hub_answers(name: str) -> bool:
    """Ask in a thread of its own: neither name look-up nor a silent network may hold the run up."""
    answers = []

    def ask() -> None:
        from huggingface_hub import HfApi

        try:
            HfApi().model_info(_repository(name), timeout=HUB_SECONDS)
        except Exception:  # noqa: BLE001 - whatever is wrong with the network, there is no hub
            return
        answers.append(name)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(HUB_SECONDS)
    return bool(answers)
