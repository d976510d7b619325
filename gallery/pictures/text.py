"""The text in a picture, found and read by RapidOCR's networks (extra `ocr`), which are never downloaded."""

import hashlib
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gallery.errors import BadInput
from gallery.extras import install
from gallery.records import TextLine

DETAIL = 1200
"""How many pixels of the shorter side are enough to read a picture's text."""
LOOKED_AT = 400_000
"""The size in pixels at which a picture is first searched for text: most photos have none, and cost no more."""
READ_AT = 1_000_000
"""The size in pixels at which text is read once some was found."""
SURE = 0.9
"""Above this confidence, a line that was read at the first look is not read again."""
LEAST_SIDE = 16
"""Below this many pixels of the shorter side, text is unreadable."""
MOST_LINES = 200
"""The most lines of a picture that are kept; they are the largest."""
MOST_SECONDS = 6.0
"""Seconds of processor time after which no further line of a picture is read."""
LEAST_CONFIDENCE, LEAST_OF_FEW = 0.6, 0.9
"""The least confidence of a line that is kept, and of a line of one or two characters. Below it, textures are often
mistaken for letters."""
_PROCEDURE = 1
"""Raise this when the same networks read differently, so that pictures are read again."""
_KEYS_INSIDE = b"\n\tcharacter\x12"
"""The entry of a network's metadata that holds its characters."""

_LOG = logging.getLogger(__name__)

Pixels = NDArray[np.uint8]
Boxes = NDArray[np.float32]
"""Corners of lines, clockwise from the upper left; shape (n, 4, 2), or (4, 2) for one line."""


class TextReader(Protocol):
    """Reads the text in pictures.

    Attributes:
        name: The name of the reader and its networks; it changes whenever their results do.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    def read(self, rgb: Image.Image) -> tuple[TextLine, ...]:
        """Return the lines of text in a picture, in reading order. Called by several threads at once."""
        ...


class Networks:
    """RapidOCR's three networks: one finds lines, one turns those that are upside down, one reads them."""

    def __init__(self, folder: Path | None = None) -> None:
        """Open the networks of the package, or those of a folder.

        Args:
            folder: Holds `*rec*.onnx`, which reads lines, with its characters inside or in `*.txt`; if it holds
                `*det*.onnx` too, that finds them.

        Raises:
            BadInput: The package is not installed, or the folder lacks a file.
        """
        try:
            import rapidocr
        except ImportError as error:
            raise BadInput(f"reading text in pictures needs a package: {install('ocr')}") from error
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
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,  # each thread reads its own pictures
            "Det.model_path": str(finder),
            "Det.limit_type": "max",
            "Det.limit_side_len": 100_000,
            "Cls.model_path": str(_network(packaged, "cls")),
            "Rec.model_path": str(recogniser),
            "Rec.rec_keys_path": str(keys) if keys else None,
        }
        # RapidOCR's objects keep their options between calls, so each of ours serves one purpose.
        self._find = rapidocr.RapidOCR(params=shared | {"Global.use_cls": False, "Global.use_rec": False})
        self._recognise = rapidocr.RapidOCR(params=shared | {"Global.use_det": False})
        try:
            self._find(np.zeros((64, 64, 3), np.uint8))
            self._recognise(np.zeros((48, 96, 3), np.uint8))
        except Exception as error:
            raise BadInput(f"the networks {finder} and {recogniser} cannot be opened: {_last_line(error)}") from error

    def read(self, rgb: Image.Image) -> tuple[TextLine, ...]:
        """Return what `TextReader` asks for."""
        if min(rgb.size) < LEAST_SIDE:
            return ()
        try:
            return self._read(rgb)
        except Exception as error:  # noqa: BLE001 - one picture that RapidOCR or OpenCV fails at must not end a run
            _LOG.warning("No text was read in a picture of %d x %d pixels: %s", *rgb.size, _last_line(error))
            return ()

    def _read(self, rgb: Image.Image) -> tuple[TextLine, ...]:
        """Look for lines twice: the first look finds large ones, the second small ones."""
        end = time.thread_time() + MOST_SECONDS
        seen, whole = _at_most(rgb, LOOKED_AT), _at_most(rgb, READ_AT)
        pixels = _bgr(whole)
        boxes = self._boxes(_bgr(seen)) * np.float32(whole.width / seen.width)
        found = self._lines(pixels, boxes, end)
        if found and seen is not whole:
            sure = [box for box, line in found if line.confidence >= SURE]
            more = [box for box in self._boxes(pixels) if not any(_is_same(box, known) for known in sure)]
            again = self._lines(pixels, np.array(more, np.float32).reshape(-1, 4, 2), end)
            found = again + [each for each in found if not any(_is_same(each[0], box) for box, _ in again)]
        return _in_reading_order(found[:MOST_LINES])

    def _boxes(self, pixels: Pixels) -> Boxes:
        found: Any = self._find(pixels)
        return np.asarray([] if found.boxes is None else found.boxes, np.float32).reshape(-1, 4, 2)

    def _lines(self, pixels: Pixels, boxes: Boxes, end: float) -> list[tuple[Boxes, TextLine]]:
        """Read the largest lines, each with its corners, until this thread has used up its time."""
        heights = np.linalg.norm(boxes[:, 0] - boxes[:, 3], axis=1)
        lines = []
        for box in boxes[np.argsort(-heights, kind="stable")[:MOST_LINES]]:
            if time.thread_time() > end:
                break
            if line := self._line(pixels, box):
                lines.append((box, line))
        return lines

    def _line(self, pixels: Pixels, box: Boxes) -> TextLine | None:
        """Read one line; None if it has no letters after all."""
        from rapidocr.utils.process_img import get_rotate_crop_image

        found: Any = self._recognise(get_rotate_crop_image(pixels, box))
        text, confidence = (found.txts or ("",))[0].strip(), float((found.scores or (0.0,))[0])
        letters = sum(map(str.isalnum, text))
        if not letters or confidence < (LEAST_OF_FEW if letters <= 2 else LEAST_CONFIDENCE):
            return None
        size = pixels.shape[1], pixels.shape[0]
        left, top, right, bottom = np.clip([*(box.min(0) / size), *(box.max(0) / size)], 0, 1).round(4).tolist()
        return TextLine(text, round(confidence, 3), (left, top, right, bottom))


def _is_same(box: Boxes, other: Boxes) -> bool:
    """Return whether one of two boxes contains the other's centre."""
    return _holds(box, other.mean(0)) or _holds(other, box.mean(0))


def _holds(box: Boxes, point: NDArray[np.float32]) -> bool:
    along, to = np.roll(box, -1, axis=0) - box, point - box
    side = along[:, 0] * to[:, 1] - along[:, 1] * to[:, 0]
    return bool((side >= 0).all() or (side <= 0).all())


def _in_reading_order(found: Sequence[tuple[Boxes, TextLine]]) -> tuple[TextLine, ...]:
    """Sort lines by rows, and each row from left to right; a row begins half a line's height below the last one."""
    if not found:
        return ()
    boxes = np.array([box for box, _ in found])
    height = np.median(np.linalg.norm(boxes[:, 0] - boxes[:, 3], axis=1))
    down = np.argsort(boxes[:, 0, 1], kind="stable")
    rows = np.cumsum(np.diff(boxes[down, 0, 1], prepend=boxes[down[0], 0, 1]) > height / 2)
    return tuple(found[at][1] for at in down[np.lexsort((boxes[down, 0, 0], rows))])


def _last_line(error: Exception) -> str:
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
