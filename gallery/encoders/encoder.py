"""An encoder is a folder: two graphs, a tokenizer and a manifest. This opens one."""

from pathlib import Path

from gallery.encoders.manifest import PICTURE_GRAPH, TEXT_GRAPH, read_manifest
from gallery.encoders.sessions import Device
from gallery.encoders.towers import PictureTower, TextTower
from gallery.encoders.verification import verify
from gallery.spec import Spec


class Encoder:
    """An encoder folder, whose towers are opened when somebody asks for them.

    Attributes:
        folder: Where it lies.
        manifest: What it says of itself.
    """

    def __init__(self, folder: Path, remembered: Path) -> None:
        """Read the manifest.

        Args:
            folder: The encoder folder.
            remembered: See `gallery.encoders.verification.verify`.

        Raises:
            EncoderError: It is no encoder folder, or one of another version.
        """
        self.folder = folder
        self.manifest = read_manifest(folder)
        self._remembered = remembered

    @property
    def spec(self) -> Spec:
        """Names the encoder and fingerprints its towers."""
        return self.manifest.spec

    def texts(self) -> TextTower:
        """Open the text tower.

        Raises:
            EncoderError: It is damaged or cannot be opened.
        """
        verify(self.folder, self.manifest, [TEXT_GRAPH], self._remembered)
        return TextTower(self.folder, self.manifest)

    def pictures(self, device: Device | None = None, *, for_one: bool = False) -> PictureTower:
        """Open the picture tower, on the processor unless another device is given; see `PictureTower`.

        Raises:
            EncoderError: It is damaged or cannot be opened.
        """
        verify(self.folder, self.manifest, [PICTURE_GRAPH], self._remembered)
        return PictureTower(self.folder, self.manifest, device or Device(), for_one=for_one)
