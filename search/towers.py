"""The encoder of an engine: the text tower is loaded at once, the picture tower on first use."""

import threading
from collections.abc import Callable
from pathlib import Path

from gallery.encoders import Encoder, PictureEncoder, TextEncoder, choose_device, load_encoder
from gallery.errors import BadInput
from gallery.opening import encoder_of_collection
from gallery.settings import Settings
from gallery.spec import Spec
from gallery.stores import ImageCollection
from gallery.vectors import Vectors

Say = Callable[[str], None]


class Towers:
    """The text tower that an engine uses, and the picture tower of the same encoder.

    Attributes:
        texts: Encodes queries.
    """

    def __init__(self, texts: TextEncoder, open_pictures: Callable[[], PictureEncoder] | None = None) -> None:
        """Take a text tower, and a function that opens the picture tower; without it, the engine takes only texts."""
        self.texts = texts
        self._open_pictures = open_pictures
        self._pictures: PictureEncoder | None = None
        self._opening = threading.Lock()

    @classmethod
    def of_collection(
        cls, collection: ImageCollection, settings: Settings, text_encoder: str | None, say: Say
    ) -> "Towers":
        """Open the text tower of a collection's encoder.

        Args:
            collection: Its spec names the encoder.
            settings: Where encoders are kept, and the device for pictures.
            text_encoder: Name of another text tower that shares the collection's space.
            say: Called with a message before each slow step.

        Raises:
            EncoderError: The encoder is unavailable.
            SpecMismatch: It belongs to another space.
        """
        encoder = _encoder(collection, settings, text_encoder, say)
        return cls(encoder.texts(), _opener(encoder, collection.spec, collection.name, settings, say))

    def pictures(self) -> PictureEncoder:
        """Return the picture tower, opened when first asked for.

        Raises:
            EncoderError: It cannot be opened.
        """
        if self._open_pictures is None:
            raise BadInput("this engine takes texts only; open it with SearchEngine.open to search by pictures")
        with self._opening:
            if self._pictures is None:
                self._pictures = self._open_pictures()
            return self._pictures

    def picture_vector(self, path: Path) -> Vectors:
        """Return the unit vector of an image file, shape `(dimension,)`.

        Raises:
            UnreadableImage: The file is not a picture.
            EncoderError: The picture tower cannot be opened.
        """
        from gallery.pictures import open_image  # imported here, as a search by text does not need its decoders

        encoder = self.pictures()
        vector: Vectors = encoder.encode_images([open_image(str(path), encoder.detail).rgb])[0]
        return vector


def _encoder(collection: ImageCollection, settings: Settings, text_encoder: str | None, say: Say) -> Encoder:
    spec = collection.spec
    if text_encoder is None:
        return encoder_of_collection(settings, collection, say)
    name = text_encoder if "+" in text_encoder else f"{spec.encoder.partition('+')[0]}+{text_encoder}"
    encoder = load_encoder(settings, name, say=say)
    spec.check(encoder.spec, collection.name)
    return encoder


def _opener(
    encoder: Encoder, spec: Spec, collection: str, settings: Settings, say: Say
) -> Callable[[], PictureEncoder]:
    def opened() -> PictureEncoder:
        pictures = encoder.pictures(choose_device(settings.device), for_one=True, say=say)
        spec.check(pictures.spec, collection)
        return pictures

    return opened
