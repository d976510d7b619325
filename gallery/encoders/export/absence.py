"""The error for a missing torch."""

from gallery.errors import EncoderError
from gallery.extras import install


def torch_missing(name: str) -> EncoderError:
    """Return the error for a machine without torch."""
    return EncoderError(
        f"{name} has to be exported first, which needs torch: run {install('export')}, or make its "
        f"folder on another machine with ingest --export-encoder {name} --to FOLDER"
    )
