"""`encoder.json`: what an encoder folder holds, and how pictures and texts are prepared for its graphs."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from gallery.errors import EncoderError
from gallery.spec import Spec, sha256_of

MANIFEST = "encoder.json"
PICTURE_GRAPH, TEXT_GRAPH, TOKENIZER = "picture.onnx", "text.onnx", "tokenizer.json"
WEIGHTS_SUFFIX = ".data"
"""A graph keeps its weights in a file beside it, which the runtime maps instead of reading: `picture.onnx.data`."""
FORMAT = 1
"""Version of the folder's layout."""

Fit = Literal["shortest", "square", "squash"]
Interpolation = Literal["bilinear", "bicubic", "lanczos"]


@dataclass(frozen=True, slots=True)
class PicturePreparation:
    """How an upright RGB picture becomes the picture graph's input, `(3, side, side)`.

    Attributes:
        side: Pixels of the input's height and width.
        fit: `shortest` scales the shorter side to `resize` and crops the centre; `square` scales the centred square
            in one step; `squash` scales both sides and ignores the shape.
        resize: For `shortest`, the shorter side before the crop, in pixels. For `square`, the side of the whole square
            before its centre is cut out.
        interpolation: How to scale, with antialiasing as in Pillow.
        mean: Subtracted from each channel, of values 0 to 1.
        std: By which each channel is then divided.
    """

    side: int
    fit: Fit
    resize: int
    interpolation: Interpolation
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class TextPreparation:
    """How a text becomes the text graph's input.

    Attributes:
        limit: The most tokens that are read, special tokens included; 0 for no limit.
        padding: `longest` pads to the longest text of a batch, `limit` always to `limit` tokens.
        pad_id: The token to pad with.
        pad_token: The same token as text.
        lower_case: Whether the text is put into lower case first.
    """

    limit: int
    padding: Literal["longest", "limit"] = "longest"
    pad_id: int = 0
    pad_token: str = "[PAD]"  # noqa: S105 - no password
    lower_case: bool = False


@dataclass(frozen=True, slots=True)
class Manifest:
    """The manifest of an encoder folder.

    Attributes:
        spec: What a collection stores about the encoder: its name, vector length, and the fingerprints of its two
            towers.
        picture: How pictures are prepared.
        text: How texts are prepared.
        source: Where the weights come from, e.g. a repository and its revision.
        licence: The licence of the weights.
        form: The precision of the picture graph: `float32`, `int8` or `int8-mlp`.
        check: The result of comparing the graphs with the original, e.g. `{"texts": 100, "least_cosine": 0.99999}`.
        files: Name of each file -> its `size` in bytes and `sha256`.
    """

    spec: Spec
    picture: PicturePreparation
    text: TextPreparation
    source: str = ""
    licence: str = ""
    form: str = "float32"
    check: Mapping[str, float] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def with_files(self, folder: Path) -> "Manifest":
        """Return the manifest with the sizes and digests of all other files in `folder`."""
        paths = sorted(path for path in folder.iterdir() if path.is_file() and path.name != MANIFEST)
        return replace(self, files={p.name: {"size": p.stat().st_size, "sha256": sha256_of(p)} for p in paths})

    def files_of(self, graphs: Iterable[str]) -> list[str]:
        """Return the names of the files that these graphs need, including the tokenizer for the text graph."""
        wanted = set()
        for graph in graphs:
            wanted |= {graph, graph + WEIGHTS_SUFFIX} | ({TOKENIZER} if graph == TEXT_GRAPH else set())
        return sorted(wanted & self.files.keys())

    def write(self, folder: Path) -> None:
        """Write it to `folder`, after all other files: it turns the folder into an encoder."""
        values = {"format": FORMAT, **asdict(self), "spec": self.spec.to_dict()}
        (folder / MANIFEST).write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of an encoder folder.

    Raises:
        EncoderError: It is missing, or this version cannot read it.
    """
    path = folder / MANIFEST
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        version = values.pop("format")
        if version != FORMAT:
            raise EncoderError(f"{folder} has layout {version} and this version reads {FORMAT}; export the model again")
        values.pop("near_duplicate_cosine", None)  # of folders made before 1.0
        picture, text = values.pop("picture"), values.pop("text")
        return Manifest(
            spec=Spec.from_dict(values.pop("spec"), str(folder)),
            picture=PicturePreparation(**picture | {key: tuple(picture[key]) for key in ("mean", "std")}),
            text=TextPreparation(**text),
            **values,
        )
    except FileNotFoundError as error:
        raise EncoderError(f"{folder} is not an encoder folder: it has no {MANIFEST}") from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise EncoderError(f"{path} cannot be read ({error}); copy or export the encoder again") from error


def is_encoder_folder(folder: Path) -> bool:
    """Return whether a folder holds an encoder, sound or not."""
    return (folder / MANIFEST).is_file()
