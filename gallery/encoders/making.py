"""Makes a folder beside its target and moves it there when complete, so that nobody ever sees half of one."""

import contextlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from gallery.encoders.manifest import TOKENIZER, Manifest
from gallery.encoders.sessions import Device
from gallery.encoders.towers import PictureTower, TextTower
from gallery.errors import EncoderError
from gallery.vectors import pack


def folder_name(manifest: Manifest) -> str:
    """Return the name of an encoder's folder in DATA_DIR: its own and its fingerprint, `conse-0123456789abcdef`."""
    name = Path(manifest.spec.encoder).name if "/" in manifest.spec.encoder else manifest.spec.encoder
    safe = "".join(character if character.isalnum() or character in "._-" else "-" for character in name)
    return f"{safe}-{manifest.spec.fingerprint}"


@contextlib.contextmanager
def drafted(place: Path, name: str) -> Iterator[Path]:
    """Yield an empty folder in `place` for making the encoder `name`; leftovers are removed at the end.

    Only one process makes an encoder of this name at a time; the others wait.

    Raises:
        EncoderError: The disk cannot be written to, or is full.
    """
    from filelock import FileLock

    draft = place / f".{name}.draft"
    try:
        place.mkdir(parents=True, exist_ok=True)
        with FileLock(place / f".{name}.lock"):
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir()
            try:
                yield draft
            finally:
                shutil.rmtree(draft, ignore_errors=True)
    except (OSError, MemoryError) as error:
        why = getattr(error, "strerror", None) or str(error) or "not enough memory"
        raise EncoderError(f"{name} cannot be written to {place}: {why}; make room, or set DATA_DIR") from error


def finish(draft: Path, manifest: Manifest, place: Path) -> Path:
    """Add answers and digests to the manifest, write it, and move the folder to its place; return that.

    `draft` holds the graphs and the tokenizer. An existing folder there is replaced.

    Raises:
        EncoderError: The graphs cannot be opened, or give vectors of another length than the manifest says.
    """
    from gallery.encoders.answers import TEXTS, drawings

    _simplify(draft / TOKENIZER)
    pictures = PictureTower(draft, manifest, Device(), for_one=True).encode_images(drawings())
    texts = TextTower(draft, manifest).encode_texts(TEXTS)
    lengths = {pictures.shape[1], texts.shape[1], manifest.spec.dimension}
    if len(lengths) > 1:
        raise EncoderError(f"the towers of {manifest.spec.encoder} differ in length: {sorted(lengths)}")
    spec = replace(manifest.spec, picture_answers=pack(pictures), text_answers=pack(texts))
    manifest = replace(manifest, spec=spec).with_files(draft)
    manifest.write(draft)
    final = place / folder_name(manifest)
    shutil.rmtree(final, ignore_errors=True)
    draft.replace(final)
    return final


def _simplify(tokenizer: Path) -> None:
    """Write merges as texts, "a b", instead of pairs: the library reads them faster, and with less memory.

    Pairs stay where a text would be ambiguous: a token has a space, or looks like the comment of a merges file.
    """
    values = json.loads(tokenizer.read_text(encoding="utf-8"))
    merges = values["model"].get("merges") or []
    if not all(isinstance(pair, list) for pair in merges):
        return
    texts = [" ".join(pair) for pair in merges]
    if texts and not any(text.count(" ") > 1 or text.startswith("#version") for text in texts):
        values["model"]["merges"] = texts
        draft = tokenizer.with_suffix(".draft")  # the file may be a link to another folder's
        draft.write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")
        draft.replace(tokenizer)
