"""The text that a picture shows, found and read by RapidOCR's networks (extra `ocr`); none is ever downloaded."""

import hashlib
import time
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gallery.errors import BadInput
from gallery.records import TextLine

DETAIL = 1200
"""Pixels of the shorter side that are enough to read a picture's text."""
LOOKED_AT = 400_000
"""Pixels at which a picture is searched for text at all: those without any, most photos, cost no more."""
READ_AT = 1_500_000
"""Pixels at which text is read, once there is some."""
LEAST_SIDE = 16
"""Pixels of the shorter side below which there is no text to be read."""
MOST_LINES = 200
"""Lines that are kept of a picture: the largest."""
MOST_SECONDS = 6.0
"""Of processor time, after which no further line of a picture is read."""
LEAST_CONFIDENCE = 0.6
"""Of a line that is kept: textures and leaves are taken for letters with less."""
_PROCEDURE = 1
"""Is raised when the same networks read otherwise than before, so that pictures are read again."""
_KEYS_INSIDE = b"\n\tcharacter\x12"
"""The entry of a network's metadata that holds its characters."""
_MISSING = "reading text in pictures needs rapidocr: run pip install 'gallery-search[ocr]'"

Pixels = NDArray[np.uint8]


class TextReader(Protocol):
    """Reads the text in pictures.

    Attributes:
        name: Of the reader and its networks: other answers, another name.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    def read(self, rgb: Image.Image) -> tuple[TextLine, ...]:
        """Return the lines of text that a picture shows, in reading order. Called by several threads at once."""
        ...


class Networks:
    """RapidOCR's three networks: one finds lines, one turns those that are upside down, one reads them."""

    def __init__(self, folder: Path | None = None) -> None:
        """Open the networks of the package, or those of a folder.

        Args:
            folder: Holds `*rec*.onnx`, which reads lines, with its characters inside or in `*.txt`; if it holds
                `*det*.onnx` too, that finds them.

        Raises:
            BadInput: The package is not there, or the folder lacks what it needs.
        """
        try:
            import rapidocr
        except ImportError as error:
            raise BadInput(_MISSING) from error
        packaged = Path(rapidocr.__file__).parent / "models"
        finder, recogniser = _network(packaged, "det"), _network(packaged, "rec")
        keys = None
        if folder:
            recogniser = _network(folder, "rec")
            keys = next(iter(sorted(folder.glob("*.txt"))), None)
            finder = _network(folder, "det") if any(folder.glob("*det*.onnx")) else finder
        contents = [path.read_bytes() for path in (finder, recogniser)]
        if not keys and _KEYS_INSIDE not in contents[1]:
            raise BadInput(f"{recogniser} does not say which characters it reads; put its list beside it, as keys.txt")
        digest = hashlib.sha256(b"".join(hashlib.sha256(content).digest() for content in contents)).hexdigest()[:8]
        self.name = f"rapidocr {recogniser.stem} {digest} {_PROCEDURE}"
        shared = {
            "Global.log_level": "critical",
            "Global.use_preprocess_img": False,  # the sizes are chosen here
            "Global.text_score": 0.0,
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,  # each thread reads pictures of its own
            "Det.model_path": str(finder),
            "Det.limit_type": "max",
            "Det.limit_side_len": 100_000,
            "Cls.model_path": str(_network(packaged, "cls")),
            "Rec.model_path": str(recogniser),
            "Rec.rec_keys_path": str(keys) if keys else None,
        }
        # What may be asked of one object is kept in it between two calls: so each does one thing.
        self._find = rapidocr.RapidOCR(params=shared | {"Global.use_cls": False, "Global.use_rec": False})
        self._recognise = rapidocr.RapidOCR(params=shared | {"Global.use_det": False})
        try:
            self._find(np.zeros((64, 64, 3), np.uint8))
            self._recognise(np.zeros((48, 96, 3), np.uint8))
        except Exception as error:
            raise BadInput(f"the networks {finder} and {recogniser} cannot be opened: {_first(error)}") from error

    def read(self, rgb: Image.Image) -> tuple[TextLine, ...]:
        """Return what `TextReader` asks for."""
        if min(rgb.size) < LEAST_SIDE:
            return ()
        seen = _at_most(rgb, LOOKED_AT)
        boxes = self._boxes(seen)
        if len(boxes) and seen.width < rgb.width:
            seen = _at_most(rgb, READ_AT)
            boxes = self._boxes(seen)
        return self._lines(_bgr(seen), boxes)

    def _boxes(self, rgb: Image.Image) -> NDArray[np.float32]:
        """Return the corners of the lines, clockwise from the upper left; shape (n, 4, 2)."""
        boxes = self._find(_bgr(rgb)).boxes
        return np.empty((0, 4, 2), np.float32) if boxes is None else np.asarray(boxes, np.float32)

    def _lines(self, pixels: Pixels, boxes: NDArray[np.float32]) -> tuple[TextLine, ...]:
        from rapidocr.utils.process_img import get_rotate_crop_image

        height, width = pixels.shape[:2]
        heights = np.linalg.norm(boxes[:, 0] - boxes[:, 3], axis=1)
        kept = np.sort(np.argsort(-heights, kind="stable")[:MOST_LINES])
        lines, end = [], time.thread_time() + MOST_SECONDS
        for box in boxes[kept]:
            if time.thread_time() > end:
                break
            found: Any = self._recognise(get_rotate_crop_image(pixels, box))
            for text, confidence in zip(found.txts or (), found.scores or (), strict=True):
                if confidence >= LEAST_CONFIDENCE and any(map(str.isalnum, text)):
                    (left, top), (right, bottom) = box.min(0) / (width, height), box.max(0) / (width, height)
                    sides = (left, top, right, bottom)
                    lines.append(TextLine(text.strip(), round(float(confidence), 3), _rounded(sides)))
        return tuple(lines)


def _first(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]


def _network(folder: Path, kind: str) -> Path:
    found = sorted(folder.glob(f"*{kind}*.onnx"))
    if len(found) != 1:
        raise BadInput(f"{folder} has {len(found)} files *{kind}*.onnx; give a folder with one of them")
    return found[0]


def _at_most(rgb: Image.Image, pixels: int) -> Image.Image:
    ratio = (pixels / (rgb.width * rgb.height)) ** 0.5
    if ratio >= 1:
        return rgb
    size = max(1, round(rgb.width * ratio)), max(1, round(rgb.height * ratio))
    return rgb.resize(size, Image.Resampling.BICUBIC, reducing_gap=2)


def _bgr(rgb: Image.Image) -> Pixels:
    return np.ascontiguousarray(np.asarray(rgb)[:, :, ::-1])


def _rounded(sides: tuple[Any, ...]) -> tuple[float, float, float, float]:
    left, top, right, bottom = (round(min(max(float(side), 0.0), 1.0), 4) for side in sides)
    return left, top, right, bottom
