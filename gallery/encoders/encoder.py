"""An encoder is a folder: two graphs, a tokenizer and a manifest. This opens one."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from gallery.encoders.manifest import PICTURE_GRAPH, TEXT_GRAPH, read_manifest
from gallery.encoders.sessions import Device
from gallery.encoders.towers import PictureTower, TextTower
from gallery.encoders.verification import DamagedEncoderError, verify
from gallery.errors import EncoderError
from gallery.spec import SAME_SPACE, Spec
from gallery.vectors import least_cosine, pack

Say = Callable[[str], None]
"""Called with a message for the user, in one sentence."""


class Encoder:
    """An encoder folder, whose towers are opened on request.

    Attributes:
        folder: Where it lies.
        manifest: Its manifest.
    """

    def __init__(self, folder: Path, remembered: Path, remake: Callable[[], Path] | None = None) -> None:
        """Read the manifest.

        Args:
            folder: The encoder folder.
            remembered: See `gallery.encoders.verification.verify`.
            remake: Makes the folder again if a file is damaged; without it, damage is an error.

        Raises:
            EncoderError: It is not an encoder folder, or one of another version.
        """
        self.folder = folder
        self.manifest = read_manifest(folder)
        self._remembered = remembered
        self._remake = remake

    @property
    def spec(self) -> Spec:
        """Names the encoder and fingerprints its towers."""
        return self.manifest.spec

    def elsewhere(self, folder: Path, remake: Callable[[], Path]) -> "Encoder":
        """Return the encoder in another folder, which `remake` makes again if it is damaged."""
        return Encoder(folder, self._remembered, remake)

    def known_as(self, spec: Spec) -> "Encoder":
        """Return the encoder under the name and fingerprints of a collection whose vectors it can reproduce."""
        other = Encoder(self.folder, self._remembered, self._remake)
        other.manifest = replace(other.manifest, spec=spec)
        return other

    def texts(self) -> TextTower:
        """Open the text tower.

        Raises:
            EncoderError: It is damaged or cannot be opened.
        """
        self._verify(TEXT_GRAPH)
        return TextTower(self.folder, self.manifest)

    def pictures(self, device: Device | None = None, *, for_one: bool = False, say: Say | None = None) -> PictureTower:
        """Open the picture tower.

        Args:
            device: Where it computes, by default the processor. A device whose vectors differ from the processor's is
                not used.
            for_one: See `PictureTower`.
            say: Called if the processor is used instead of the device.

        Raises:
            EncoderError: It is damaged or cannot be opened.
        """
        self._verify(PICTURE_GRAPH)
        if device is None or device.is_cpu:
            return PictureTower(self.folder, self.manifest, Device(), for_one=for_one)
        from gallery.encoders.answers import drawings

        tower = PictureTower(self.folder, self.manifest, device, for_one=for_one)
        cosine = least_cosine(pack(tower.encode_images(drawings())), self.spec.picture_answers)
        if cosine >= SAME_SPACE:
            return tower
        if say:
            say(f"{device} gives different vectors from the processor's (cosine {cosine:.4f}); the processor is used.")
        return PictureTower(self.folder, self.manifest, Device(), for_one=for_one)

    def _verify(self, graph: str) -> None:
        try:
            verify(self.folder, self.manifest, [graph], self._remembered)
        except DamagedEncoderError as error:
            if self._remake is None:
                raise EncoderError(f"{error}; copy the encoder folder again") from error
            self.folder = self._remake()
            self.manifest = read_manifest(self.folder)
            verify(self.folder, self.manifest, [graph], self._remembered)
