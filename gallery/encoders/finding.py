"""From the name of an encoder, or from a collection, to an encoder folder: found on this machine, or made."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from gallery.encoders.encoder import Encoder, Say
from gallery.encoders.manifest import is_encoder_folder
from gallery.encoders.precision import form_of, in_form
from gallery.encoders.sources import canonical, hub_has, hub_of, is_downloaded, make, path_of
from gallery.errors import EncoderError, SpecMismatch, UnreadableImage
from gallery.settings import Settings
from gallery.spec import SAME_SPACE, Spec
from gallery.vectors import Vectors

DEFAULT = "clip-ViT-B-32"
FALLBACK = "conse"
Samples = Callable[[], Iterable[tuple[Path, Vectors]]]
"""Yields some pictures of a collection: their files, and their vectors, shape `(dimension,)`."""


def encoders_here(settings: Settings) -> Iterator[Encoder]:
    """Yield the encoders in DATA_DIR and those used before, newest first, skipping unreadable ones."""
    elsewhere = [Path(note.read_text(encoding="utf-8")) for note in place_of(settings).glob(".used/*")]
    folders = [folder for folder in (*place_of(settings).glob("[!.]*"), *elsewhere) if is_encoder_folder(folder)]
    for folder in sorted(folders, key=lambda folder: folder.stat().st_mtime, reverse=True):
        try:
            yield _opened(settings, folder)
        except EncoderError:
            continue


def load_encoder(settings: Settings, name: str, *, insist: bool = False, say: Say = print) -> Encoder:
    """Return the encoder with this name; make it if it is not on this machine.

    Args:
        settings: Where encoders are kept.
        name: A name of the catalogue, a repository of the model hub, `conse`, two of them joined by `+` (pictures
            first), or a path, which has a slash: of an encoder folder, or of a model to make one of.
        insist: Whether to join two towers that are not known to share a space.
        say: Called with a message before each slow step.

    Raises:
        EncoderError: The encoder is unavailable, or cannot be reproduced correctly.
    """
    name = name.strip()
    path = path_of(name)
    if path and is_encoder_folder(path):
        encoder = _opened(settings, path.resolve())
        _remember(settings, encoder)
        return encoder
    settled = str(path.resolve()) if path else canonical(name)
    if path is None:  # the model's folder may have changed since
        for encoder in encoders_here(settings):
            if encoder.spec.encoder == settled and encoder.manifest.form == "float32":
                return encoder
    return _opened(settings, make(settled, place_of(settings), insist=insist, say=say))


def encoder_of(
    settings: Settings, spec: Spec, collection: str, *, samples: Samples | None = None, say: Say = print
) -> Encoder:
    """Return the encoder whose vectors can be compared with a collection's.

    Args:
        settings: Where encoders are kept.
        spec: The collection's spec.
        collection: The collection's name.
        samples: Some of its pictures, by which the encoder of a collection from an earlier version is recognised if the
            fingerprints differ.
        say: Called with a message before each slow step.

    Raises:
        EncoderError: The encoder is unavailable.
        SpecMismatch: The encoder now available under its name gives different vectors.
    """
    here = list(encoders_here(settings))
    exact = [encoder for encoder in here if encoder.spec.space == spec.space]
    same = [encoder for encoder in exact if encoder.spec.text == spec.text]
    for encoder in (*same, *exact, *(encoder for encoder in here if encoder.spec.fits(spec))):
        return encoder
    encoder = _named(settings, spec, say)
    if encoder.spec.fits(spec):
        return encoder
    if not spec.picture_answers and samples and _agrees(settings, encoder, spec, samples):
        return encoder.known_as(spec)
    raise SpecMismatch(
        f"collection {collection} was made by another {spec.encoder} than the one available now; index it again "
        f"with --encoder, or copy the encoder's folder here and set ENCODER to its path"
    )


def choose_encoder(settings: Settings, wanted: str | None) -> tuple[str, str]:
    """Return the name of the encoder for a new collection, and a sentence that says why it was chosen.

    `wanted` decides if given. Otherwise it is CLIP if it is on this machine or the model hub answers within five
    seconds, else ConSE, which needs no download.
    """
    if wanted:
        return wanted, f"Encoder {wanted}, as asked for."
    if any(encoder.spec.encoder == DEFAULT for encoder in encoders_here(settings)):
        return DEFAULT, f"Encoder {DEFAULT}, from this machine."
    hub = hub_of(place_of(settings))
    if is_downloaded(DEFAULT, hub):
        return DEFAULT, f"Encoder {DEFAULT}, from this machine's cache."
    if hub_has(DEFAULT, hub):
        return DEFAULT, f"Encoder {DEFAULT}, from the model hub."
    return FALLBACK, (
        f"The model hub did not answer, so {DEFAULT} cannot be downloaded: using {FALLBACK}, which recognises objects "
        "but does not understand scenes."
    )


def place_of(settings: Settings) -> Path:
    """Return where encoder folders lie."""
    return settings.data_dir / "encoders"


def _opened(settings: Settings, folder: Path) -> Encoder:
    """Open a folder; one of ours is made again if it is damaged."""
    remembered = place_of(settings) / ".verified"
    if folder.parent != place_of(settings):
        return Encoder(folder, remembered)
    encoder = Encoder(folder, remembered)
    return Encoder(folder, remembered, partial(_remake, settings, encoder.spec))


def _remember(settings: Settings, encoder: Encoder) -> None:
    """Record the path of an encoder that was given as a folder, for later searches."""
    note = place_of(settings) / ".used" / encoder.spec.fingerprint
    with contextlib.suppress(OSError):
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(str(encoder.folder), encoding="utf-8")


def _remake(settings: Settings, spec: Spec) -> Path:
    folder = make(spec.encoder, place_of(settings), insist=True, say=_quiet)
    form = form_of(spec.space)
    return in_form(Encoder(folder, place_of(settings) / ".verified"), form, place_of(settings)).folder


def _named(settings: Settings, spec: Spec, say: Say) -> Encoder:
    """Return the encoder that a collection names, in that precision."""
    here = path_of(settings.encoder or "")
    if here and is_encoder_folder(here) and (given := _opened(settings, here.resolve())).spec.fits(spec):
        return given
    return in_form(load_encoder(settings, spec.encoder, insist=True, say=say), form_of(spec.space), place_of(settings))


def _agrees(settings: Settings, encoder: Encoder, spec: Spec, samples: Samples) -> bool:
    """Return whether an encoder reproduces a collection's vectors of some pictures; a match is remembered."""
    note = place_of(settings) / ".verified" / f"{spec.fingerprint}-{encoder.spec.fingerprint}"
    if note.exists():
        return True
    from gallery.pictures import open_image  # imported here, as a search by text does not need its decoders

    tower = encoder.pictures(for_one=True)
    cosines = []
    for path, vector in samples():
        with contextlib.suppress(UnreadableImage):
            cosines.append(float(tower.encode_images([open_image(str(path), tower.detail).rgb])[0] @ vector))
    # The median, because some files may have been edited, or be decoded with better colours now.
    agrees = bool(cosines) and float(np.median(cosines)) >= SAME_SPACE
    if agrees:
        with contextlib.suppress(OSError):
            note.parent.mkdir(parents=True, exist_ok=True)
            note.touch()
    return agrees


def _quiet(_: str) -> None:
    """Say nothing."""
