"""`ingest --encoders`: which encoders can be used, and which of them are on this machine."""

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Column, Table

from gallery.encoders import load_encoder, place_of
from gallery.encoders.catalogue import Entry, entries, find
from gallery.encoders.hub import Hub
from gallery.encoders.manifest import Manifest, is_encoder_folder, read_manifest
from gallery.encoders.packaged import missing
from gallery.encoders.sources import hub_of, is_downloaded
from gallery.errors import BadInput, GalleryError
from gallery.extras import install
from gallery.settings import Settings
from ingest.progress import print_rows, print_table

_SHORT_HEADER: tuple[Column | str, ...] = (Column("encoder", no_wrap=True), "MB", "languages", "torch", "here")
"""On a terminal: names are to be typed, so they are never broken."""


def list_encoders(settings: Settings) -> None:
    """Print the encoders of the catalogue and those made from other models: for a terminal, what fits 80 columns."""
    listed = rows(place_of(settings), hub_of(place_of(settings)))
    console = Console()
    if not console.is_terminal:
        print_rows([], listed)
        return
    shown = [[row[5] or row[0], row[3], row[4], row[7], row[6]] for row in listed]
    print_table(console, Table(*_SHORT_HEADER), shown)
    for line in (
        f"torch is needed once, to make the encoder: {install('export')}",
        "Full names, licences and vector lengths: ingest --encoders | cat",
    ):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def export_encoder(settings: Settings, name: str, folder: Path, *, insist: bool, say: Callable[[str], None]) -> None:
    """Write an encoder to `folder`, which another machine can use as `--encoder`.

    Args:
        settings: Where encoders are kept.
        name: As `load_encoder` takes it.
        folder: The target, which must be missing or empty.
        insist: Whether to join two towers that are not known to share a space.
        say: Called with a message before each slow step.

    Raises:
        BadInput: The folder holds something, or cannot be written.
        EncoderError: The encoder is unavailable.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInput(f"{folder} is not empty; give another folder with --to")
    encoder = load_encoder(settings, name, insist=insist, say=say)
    draft = folder.with_name(f"{folder.name}.draft")
    try:
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(encoder.folder, draft)
        if folder.exists():
            folder.rmdir()
        draft.replace(folder)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise BadInput(f"{folder} cannot be written ({error.strerror}); make room, or give another folder") from error
    megabytes = sum(file.stat().st_size for file in folder.iterdir()) / 1e6
    say(f"{folder} holds {encoder.spec.encoder}, {megabytes:.0f} MB: copy it anywhere, and give it as --encoder.")


def rows(place: Path, hub: Hub) -> list[list[str]]:
    """Return a row per encoder.

    Its name, licence, vector length, megabytes, languages and short name, if it is here, and if making it takes torch.

    Args:
        place: Where encoder folders lie.
        hub: Its cache is checked, without using the network.
    """
    made = {manifest.spec.encoder: manifest for manifest in _manifests(place)}
    listed = {_usable_name(entry): entry for entry in entries()}
    rows = [
        [
            name,
            entry.licence,
            str(entry.dimension),
            str(entry.megabytes),
            entry.languages,
            _usable_name(entry, short=True),
            _here(name, entry, made, hub),
            "needed" if name not in made and _takes_torch(entry) else "",
        ]
        for name, entry in listed.items()
    ]
    for name, manifest in made.items():
        if name not in listed:
            rows.append([name, manifest.licence, str(manifest.spec.dimension), "", "", "", "ready", ""])
    return rows


def _usable_name(entry: Entry, *, short: bool = False) -> str:
    """Return the value for `--encoder`: a text tower alone is joined to its picture tower."""
    names = [found for partner in entry.partners[:1] if (found := find(partner))] + [entry]
    return "+".join((each.short if short else None) or each.name for each in names)


def _takes_torch(entry: Entry) -> bool:
    """Return whether a tower has no ready graph."""
    both = [*filter(None, map(find, entry.partners[:1])), entry]
    needed = [each.picture_port for each in both if each.picture] + [each.text_port for each in both if each.text]
    return entry.repository is not None and None in needed


def _here(name: str, entry: Entry, made: dict[str, Manifest], hub: Hub) -> str:
    if name in made:
        return "ready"
    if entry.repository is None:
        return "no" if missing() else "installed"
    return "downloaded" if is_downloaded(name, hub) else "no"


def _manifests(place: Path) -> list[Manifest]:
    found = []
    for folder in sorted(place.glob("*")):
        if is_encoder_folder(folder) and not folder.name.startswith("."):
            with contextlib.suppress(GalleryError):  # a damaged folder is rebuilt when needed
                found.append(read_manifest(folder))
    return found
