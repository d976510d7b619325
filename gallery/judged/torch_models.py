"""Models that the baseline runs in torch."""

from typing import TYPE_CHECKING

from gallery.errors import EncoderError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def best_device(device: str | None) -> str:
    """Return `device` in torch's notation; by default the GPU if torch finds one, or else `cpu`.

    Raises:
        EncoderError: torch cannot use it.
    """
    import torch

    if device:
        try:
            torch.empty(0, device=device)
        except Exception as error:  # torch's errors depend on how it was built
            raise EncoderError(f"DEVICE {device} cannot be used ({error}); unset it, or use cpu") from error
        return device
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def sentence_transformer(name: str, device: str | None, *, local_only: bool) -> "SentenceTransformer":
    """Load a sentence-transformers model; without the network if `local_only`."""
    from sentence_transformers import SentenceTransformer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]  # of reading weights, which takes a second
    return SentenceTransformer(name, device=best_device(device), local_files_only=local_only)
