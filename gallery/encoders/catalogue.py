"""The catalogue: which encoders are supported, where they come from, and which are refused and why.

The facts are in `catalogue.toml`. Other models are accepted or refused by their model type.
"""

import fnmatch
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gallery.encoders.manifest import PicturePreparation, TextPreparation
from gallery.errors import EncoderError

_FILE = Path(__file__).with_name("catalogue.toml")
_ADVICE = "see `ingest --encoders` for those that work"


@dataclass(frozen=True, slots=True)
class Port:
    """A ready ONNX graph of one tower.

    Attributes:
        repository: A repository on the hub.
        file: The graph in it, with its weights.
        output: The output that becomes the vector; without it the first one.
        revision: A commit; without it the newest one.
        mean_of_tokens: Whether the output has a row for each token, to be averaged.
        dense: A file of weights by which the mean is then multiplied, `(dimension, width)`.
    """

    repository: str
    file: str
    output: str | None = None
    revision: str | None = None
    mean_of_tokens: bool = False
    dense: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """A known output of the real weights.

    Attributes:
        text: A text.
        begins: The first numbers of its vector, as many as are known.
    """

    text: str
    begins: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A supported encoder.

    Attributes:
        name: The name under which it is loaded, and which collections store.
        type: Its model type; `text` is only a text tower, `conse` is made from installed packages.
        licence: The licence of the weights.
        dimension: Length of its vectors.
        megabytes: The size of the download.
        languages: The languages that it understands.
        short: A short name, in one word.
        repository: Where the original weights are on the hub; none for `conse`.
        revision: A commit of it; the newest by default.
        aliases: Other names of the same weights.
        partners: Names of the encoders whose pictures fit this text tower.
        picture: How pictures are prepared; none for a text tower.
        text: How texts are prepared.
        known: What it must answer.
        picture_port: Its ready picture graph, if there is one.
        text_port: Its ready text graph, if there is one.
    """

    name: str
    type: str
    licence: str
    dimension: int
    megabytes: int
    languages: str
    short: str | None = None
    repository: str | None = None
    revision: str | None = None
    aliases: tuple[str, ...] = ()
    partners: tuple[str, ...] = ()
    picture: PicturePreparation | None = None
    text: TextPreparation | None = None
    known: Known | None = None
    picture_port: Port | None = None
    text_port: Port | None = None


def entries() -> list[Entry]:
    """Return all supported encoders, in the order of the catalogue."""
    values = _read()
    return [_entry(name, given, values) for name, given in values["encoders"].items()]


def find(name: str) -> Entry | None:
    """Return the encoder with this name, short name, repository or alias, ignoring case.

    >>> find("openai/CLIP-vit-base-patch32").name, find("siglip2-base").name
    ('clip-ViT-B-32', 'siglip2-base-patch16-224')
    """
    wanted = name.strip().lower()
    for entry in entries():
        if wanted in (
            known.lower() for known in (entry.name, entry.short or "", entry.repository or "", *entry.aliases)
        ):
            return entry
    return None


def find_pair(name: str) -> tuple[Entry | None, Entry | None]:
    """Return the encoders that `PICTURES+TEXTS` names, or for a single name the same one twice.

    >>> [entry.name for entry in find_pair("clip-ViT-B-32+clip-ViT-B-32-multilingual-v1")]
    ['clip-ViT-B-32', 'clip-ViT-B-32-multilingual-v1']
    """
    pictures, _, texts = name.partition("+")
    return find(pictures), find(texts or pictures)


def share_space(pictures: Entry | None, texts: Entry | None) -> bool:
    """Return whether the catalogue says that these two towers were trained for each other."""
    if pictures is None or texts is None or pictures.picture is None:
        return False
    return pictures == texts or pictures.name in texts.partners


def refuse_unfit(name: str) -> None:
    """Refuse, by name alone and before any download, an encoder that would not work correctly.

    Raises:
        EncoderError: `name`, or a part of a pair, is unsuitable.
    """
    for part in name.lower().split("+"):
        for refused in _read()["refused"]:
            if any(fnmatch.fnmatchcase(part.strip(), pattern) for pattern in refused["names"]):
                raise EncoderError(f"{name} cannot be used: {refused['why']}; {_ADVICE}")
    for part in name.split("+")[1 if "+" in name else 0 :]:
        entry = find(part)
        if entry and entry.type == "text" and "+" not in name:
            raise EncoderError(
                f"{name} reads texts only; join it to the pictures that it fits: {entry.partners[0]}+{entry.name}"
            )


def refuse_config(name: str, config: Mapping[str, Any]) -> None:
    """Refuse an encoder whose `config.json` shows that it would not work correctly.

    Raises:
        EncoderError: It runs program code of its own, or its model type is not supported.
    """
    if "auto_map" in config:
        raise EncoderError(f"{name} cannot be used: it runs program code of its repository; {_ADVICE}")
    kind = config.get("model_type")
    if kind == "siglip2":  # the encoders of a fixed picture size have the type `siglip`
        raise EncoderError(f"{name} cannot be used: it takes pictures of any shape (NaFlex); {_ADVICE}")
    if kind not in supported_types():
        works = ", ".join(supported_types())
        raise EncoderError(
            f"{name} cannot be used: its model type is {kind}, and only {works} are supported; {_ADVICE}"
        )


def supported_types() -> list[str]:
    """Return the model types that can be exported."""
    types: list[str] = _read()["types"]
    return types


@functools.cache
def _read() -> dict[str, Any]:
    import tomllib  # a search does not need it

    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


def _entry(name: str, given: Mapping[str, Any], values: Mapping[str, Any]) -> Entry:
    ports = {tower: Port(**port) for tower, port in given.get("ports", {}).items()}
    rest = {key: value for key, value in given.items() if key not in ("ports", "picture", "text", "known")}
    return Entry(
        name=name,
        **rest | {key: tuple(given.get(key, ())) for key in ("aliases", "partners")},
        picture=_picture(given["picture"], values["pictures"]) if "picture" in given else None,
        text=TextPreparation(**values["texts"][given["text"]]) if "text" in given else None,
        known=Known(given["known"]["text"], tuple(given["known"]["begins"])) if "known" in given else None,
        picture_port=ports.get("picture"),
        text_port=ports.get("text"),
    )


def _picture(given: Mapping[str, Any], rules: Mapping[str, Any]) -> PicturePreparation:
    rule, side = rules[given["rule"]], given["side"]
    mean, std = (tuple(rule[key]) for key in ("mean", "std"))
    return PicturePreparation(side, rule["fit"], side, rule["interpolation"], mean, std)
