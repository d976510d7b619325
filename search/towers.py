"""The encoder of an engine: its text side at once, its image side when a picture is to be encoded."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from gallery.errors import BadInput, EncoderError
from gallery.settings import Settings
from gallery.spec import TOWERS_FILE
from gallery.stores.collection import ImageCollection
from gallery.text_onnx import TextEncoder, load_exported

if TYPE_CHECKING:
    from gallery.encoder import Encoder


class Towers:
    """The text tower that an engine uses, and the whole encoder where that was loaded.

    Attributes:
        texts: Encodes queries.
        settings: Where things are, if known.
        note: What the user should know of how the text tower was had, if anything.
    """

    def __init__(
        self, texts: TextEncoder, settings: Settings | None = None, name: str | None = None, *, given: bool = True
    ) -> None:
        """Take a text tower; with settings, the encoder `name` can be loaded for pictures.

        Args:
            texts: Encodes queries.
            settings: Where things are, if known.
            name: The encoder with both towers.
            given: Whether somebody chose this text tower: then it is not loaded from an export, nor exported.
        """
        self.texts = texts
        self.note: str | None = None
        self.settings = settings
        self._name = name
        self._given = given
        # An encoder with both towers may have been given.
        self._whole: Encoder | None = cast("Encoder", texts) if hasattr(texts, "encode_pixels") else None

    @classmethod
    def of_collection(
        cls, collection: ImageCollection, settings: Settings, text_encoder: "str | TextEncoder | None"
    ) -> "Towers":
        """Load the text tower of a collection: the exported one if there is one, else the original.

        Args:
            collection: Its spec names the encoder.
            settings: Where exports are kept, and the device.
            text_encoder: Another text tower that shares the collection's space, or its name.

        Raises:
            EncoderError: It cannot be loaded.
        """
        name = collection.spec.encoder
        if text_encoder is not None and not isinstance(text_encoder, str):
            return cls(text_encoder, settings, name)
        if text_encoder:
            _check_takes_another(name)
            name = text_encoder if "+" in text_encoder else f"{name.partition('+')[0]}+{text_encoder}"
            return cls(_load(name, settings), settings, name)
        exported, note = None, None
        try:
            exported = load_exported(settings, collection.spec)
        except EncoderError as error:
            note = f"{error}. The original is used, which takes some seconds to load."
        towers = cls(exported or _load(name, settings), settings, name, given=False)
        towers.note = note
        return towers

    def whole(self) -> "Encoder":
        """Return the encoder with both towers, loaded when first asked for.

        Raises:
            EncoderError: It cannot be loaded.
        """
        if self._whole is None:
            if self.settings is None or self._name is None:
                raise BadInput("this engine takes texts only; open it with SearchEngine.open to search by pictures")
            self._whole = _load(self._name, self.settings)
        return self._whole

    def picture_vector(self, path: Path) -> NDArray[np.float32]:
        """Return the unit vector of an image file, shape `(dimension,)`.

        Raises:
            UnreadableImage: The file is none.
            EncoderError: The encoder cannot be loaded.
        """
        from gallery.pictures.images import open_image

        encoder = self.whole()
        vector: NDArray[np.float32] = encoder.encode_images([open_image(str(path), encoder.detail).rgb])[0]
        return vector

    def export(self, say: Callable[[str], None]) -> None:
        """Export the collection's text tower, if it is the original, so that the next process starts at once."""
        if self.settings is None or self._given or self._whole is None or self.texts is not self._whole:
            return
        from gallery.text_export import export_missing

        export_missing(self._whole, self.settings, say)


def _check_takes_another(name: str) -> None:
    """Refuse another text tower for an encoder that is no pair of them."""
    from gallery.encoder import FALLBACK_ENCODER

    if name == FALLBACK_ENCODER or (Path(name) / TOWERS_FILE).is_file():
        raise EncoderError(f"the pictures were encoded by {name}, which takes no other text tower; leave it out")


def _load(name: str, settings: Settings) -> "Encoder":
    from gallery.encoder import load_encoder  # torch, which texts do without where there is an export

    return load_encoder(name, settings.device)
