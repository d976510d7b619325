"""Makes encoder folders from models that need torch, once; the folders then work without it."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

from gallery.encoders.export.absence import torch_missing
from gallery.errors import EncoderError
from gallery.spec import TOWERS_FILE

__all__ = ["export", "torch_missing"]


def export(
    source: str | Path, place: Path, *, name: str | None = None, insist: bool = False, say: Callable[[str], None]
) -> Path:
    """Make an encoder folder, check it against the original, and return it.

    Args:
        source: A local folder of a model, two of them as `PICTURES+TEXTS`, or a folder of two trained towers.
        place: Where the encoder folder is made.
        name: The name of the encoder in collections; by default the resolved path of `source`.
        insist: Whether to join two models that are not known to share a space.
        say: Called with the current step, at least every two seconds.

    Raises:
        EncoderError: The model is not supported, the export differs from it, or torch is not installed.
    """
    from gallery.encoders.export.sources import read_model, read_texts

    missing = [package for package in ("torch", "sentence_transformers") if importlib.util.find_spec(package) is None]
    trained = (Path(source) / TOWERS_FILE).is_file()
    if trained:
        from gallery.encoders.export.trained import export_trained

        return export_trained(Path(source), place, name or str(Path(source).resolve()), say)
    pictures, texts = _parts(str(source))
    read = read_model(pictures), read_texts(texts) if texts else None
    if texts and not insist:
        raise EncoderError(
            f"nobody says that {pictures.name} and {texts.name} share a space, and without that every answer is "
            "wrong; add --yes to join them all the same"
        )
    if missing:
        raise torch_missing(name or str(source))
    from gallery.encoders.export.published import export_published

    own = "+".join(str(part.resolve()) for part in (pictures, texts) if part)
    return export_published(*read, place, name or own, say)


def _parts(source: str) -> tuple[Path, Path | None]:
    """Split `PICTURES+TEXTS`; a folder whose own name has a plus is one."""
    if Path(source).is_dir() or "+" not in source:
        return Path(source), None
    for place in (place for place, letter in enumerate(source) if letter == "+"):
        pictures, texts = Path(source[:place].strip()), Path(source[place + 1 :].strip())
        if pictures.is_dir() and texts.is_dir():
            return pictures, texts
    pictures_name, _, texts_name = source.partition("+")
    return Path(pictures_name.strip()), Path(texts_name.strip())
