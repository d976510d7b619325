"""Makes an encoder folder from installed packages, ready graphs, or a model to export, depending on its name."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from gallery.encoders.catalogue import Entry, find, find_pair, refuse_config, refuse_unfit, share_space
from gallery.encoders.encoder import Say
from gallery.encoders.manifest import TOKENIZER
from gallery.errors import EncoderError

if TYPE_CHECKING:
    from gallery.encoders.hub import Hub

FALLBACK = "conse"


def path_of(name: str) -> Path | None:
    """Return the path if a name is one.

    A path contains a slash: it begins like a path, or leads to a folder and is not in the catalogue.
    """
    if name.startswith(("/", "./", "../", "~")):
        return Path(name).expanduser()
    return Path(name) if "/" in name and not find(name) and Path(name).is_dir() else None


def canonical(name: str) -> str:
    """Return the catalogue's name of an encoder, or of each part of a pair; unchanged if it has none.

    >>> canonical("openai/clip-vit-base-patch32")
    'clip-ViT-B-32'
    """
    parts = [(find(part), part.strip()) for part in name.split("+")]
    return "+".join(entry.name if entry else part for entry, part in parts)


def hub_of(place: Path) -> "Hub":
    """Return the model hub that the environment configures; downloads are kept beside `place`."""
    from gallery.encoders.hub import Hub  # imported here, as its client takes a while

    return Hub(place.parent / "downloads")


def is_downloaded(name: str, hub: "Hub") -> bool:
    """Return whether the sources of a catalogue encoder are on this machine, without using the network."""
    pictures, texts = find_pair(name)
    if pictures is None or texts is None:
        return False
    return _ports_here(pictures, texts, hub) or _originals_here(pictures, texts, hub)


def hub_has(name: str, hub: "Hub") -> bool:
    """Return whether the model hub offers the ready graphs of a catalogue encoder, within seconds."""
    pictures, texts = find_pair(name)
    repositories = [port.repository for port in (pictures and pictures.picture_port, texts and texts.text_port) if port]
    return bool(repositories) and all(hub.answers(repository) for repository in repositories)


def _ports_here(pictures: Entry, texts: Entry, hub: "Hub") -> bool:
    ports = [(pictures.picture_port, []), (texts.text_port, [TOKENIZER])]
    return all(
        port and hub.there(port.repository, [port.file, *filter(None, [port.dense]), *also], port.revision)
        for port, also in ports
    )


def _originals_here(pictures: Entry, texts: Entry, hub: "Hub") -> bool:
    """Return whether the original weights have been downloaded, by any program, and can be exported."""
    repositories = {entry.repository: entry.revision for entry in (pictures, texts)}
    here = all(name and hub.source_there(name, revision) for name, revision in repositories.items())
    return here and importlib.util.find_spec("torch") is not None


def make(name: str, place: Path, *, insist: bool, say: Say) -> Path:
    """Make the folder of an encoder in `place`, and return it.

    Args:
        name: A canonical name, a repository of the hub, two of them joined by `+`, or the path of a model.
        place: Where encoder folders lie.
        insist: Whether to join two towers that are not known to share a space.
        say: Called with a message before each slow step.

    Raises:
        EncoderError: The encoder is unavailable, or cannot be reproduced correctly.
    """
    if path := path_of(name):
        from gallery.encoders.export import export

        return export(path, place, insist=insist, say=say)
    if name == FALLBACK:
        from gallery.encoders.conse import build_conse

        return build_conse(place)
    refuse_unfit(name)
    from gallery.encoders.ports import has_ports, make_from_ports

    pictures, texts = find_pair(name)
    for part, entry in _parts(name):
        if entry is None and "/" not in part:
            raise EncoderError(f"there is no encoder {part}; see ingest --encoders, or give a path, which has a slash")
    if "+" in name and not insist and not share_space(pictures, texts):
        raise EncoderError(
            f"the two parts of {name} are not known to share a space, without which no text finds its picture; add "
            "--yes if you know that they do"
        )
    hub = hub_of(place)
    if pictures and texts and has_ports(pictures, texts) and not _prefers_originals(pictures, texts, hub):
        return make_from_ports(pictures, texts, hub, place)
    return _exported(name, hub, place, say)


def _prefers_originals(pictures: Entry, texts: Entry, hub: "Hub") -> bool:
    """Return whether only the original weights are here; their fingerprints are those of earlier versions."""
    return _originals_here(pictures, texts, hub) and not _ports_here(pictures, texts, hub)


def _exported(name: str, hub: "Hub", place: Path, say: Say) -> Path:
    """Download a model, or the two of a pair, and export it."""
    from gallery.encoders.export import export, torch_missing

    if importlib.util.find_spec("torch") is None:
        raise torch_missing(name)
    repositories = [(entry.repository if entry else None) or part.strip() for part, entry in _parts(name)]
    revisions = [entry.revision if entry else None for _, entry in _parts(name)]
    for repository, (part, entry) in zip(repositories, _parts(name), strict=True):
        if entry is None:  # checks its configuration before downloading its weights
            refuse_config(part, hub.config(repository))
    sources = [str(hub.fetch_source(*each)) for each in zip(repositories, revisions, strict=True)]
    made = export("+".join(sources), place, name=name, insist=True, say=say)
    for repository in repositories:
        hub.forget(repository)
    return made


def _parts(name: str) -> list[tuple[str, Entry | None]]:
    return [(part, find(part)) for part in name.split("+")]
