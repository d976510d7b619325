"""Which encoder a run uses, and in which numeric form."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from PIL import Image

from gallery.encoders import (
    PICTURES_AT_ONCE,
    PICTURES_AT_ONCE_ON_A_GPU,
    SAMPLE,
    Encoder,
    PictureEncoder,
    choose_device,
    choose_encoder,
    choose_form,
    encoder_of,
    form_of,
    in_form,
    load_encoder,
    place_of,
)
from gallery.errors import UnreadableImage
from gallery.opening import samples_of
from gallery.pictures import find_images, open_image
from gallery.settings import Settings
from gallery.spec import Spec
from gallery.stores import Editor, open_store
from gallery.vectors import Vectors

AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Wish:
    """The user's choice of encoder.

    Attributes:
        name: As for `load_encoder`; None for the collection's own, or else the default.
        precision: A form of `gallery.encoders.FORMS`, `float32`, or `auto` to measure again; None keeps a collection's
            form, and chooses one for a new collection.
        insist: Whether to join two towers that are not known to share a space.
    """

    name: str | None = None
    precision: str | None = None
    insist: bool = False


class EncoderChoice:
    """Finds the encoder of a run, in the form that fits the pictures that are about to be indexed."""

    def __init__(
        self, settings: Settings, wish: Wish, roots: Sequence[Path], exclude: Sequence[str], say: Callable[[str], None]
    ) -> None:
        """Take everything that decides the choice.

        Args:
            settings: Where encoders are kept, which one is the default, and the device.
            wish: The user's choice.
            roots: Where pictures to measure with are found.
            exclude: Patterns of files to skip.
            say: Called with the choice, and the reason.
        """
        self._settings = settings
        self._wish = wish
        self._roots, self._exclude = roots, exclude
        self._say = say
        self._device = choose_device(settings.device)

    @property
    def has_wish(self) -> bool:
        """Whether the user named an encoder or a precision."""
        return self._wish.name is not None or self._wish.precision is not None

    @property
    def at_once(self) -> int:
        """How many pictures are best encoded together."""
        return PICTURES_AT_ONCE if self._device.is_cpu else PICTURES_AT_ONCE_ON_A_GPU

    def for_editor(self, editor: Editor) -> Callable[[], PictureEncoder]:
        """Return a function that opens the picture tower; if it differs from the collection's, begin the change."""
        device = self._device
        if editor.spec is None:
            return lambda: self.of_a_new_collection().pictures(device, say=self._say)
        if not self.has_wish:
            if editor.former:
                former = editor.former.collection.spec.encoder
                self._say(f"Continuing the change from {former} to {editor.spec.encoder}.")
            return lambda: self._of_collection(editor).pictures(device, say=self._say)
        encoder = self.for_collection(editor.spec)
        editor.change(encoder.spec)
        if editor.former:
            self._say(
                f"Indexing all of {editor.name} again with {encoder.spec.encoder}; until that is done, searches are "
                f"answered with {editor.former.collection.spec.encoder}."
            )
        return lambda: encoder.pictures(device, say=self._say)

    def of_a_new_collection(self) -> Encoder:
        """Return the encoder of a new collection."""
        name, why = choose_encoder(self._settings, self._wish.name or self._settings.encoder)
        self._say(why)
        return self._in_form(self._load(name))

    def for_collection(self, spec: Spec) -> Encoder:
        """Return the encoder that a collection will have, from its current one and the user's choice."""
        encoder = self._load(self._wish.name or spec.encoder)
        own_form = form_of(spec.space)
        is_its_own = encoder.spec.fits(spec) or f"{encoder.spec.space} {own_form}" == spec.space
        if is_its_own and self._wish.precision is None:
            return in_form(encoder, own_form, place_of(self._settings))
        return self._in_form(encoder)

    def _of_collection(self, editor: Editor) -> Encoder:
        assert editor.spec
        samples = partial(_published, self._settings, editor.name)
        return encoder_of(self._settings, editor.spec, editor.name, samples=samples, say=self._say)

    def _load(self, name: str) -> Encoder:
        return load_encoder(self._settings, name, insist=self._wish.insist, say=self._say)

    def _in_form(self, encoder: Encoder) -> Encoder:
        place, precision = place_of(self._settings), self._wish.precision
        if encoder.manifest.form != "float32":  # the user gave the folder of one form
            return encoder
        if precision in (None, AUTO):
            return choose_form(encoder, self._pictures, place, self._say, anew=precision == AUTO)
        return in_form(encoder, precision or "", place)

    def _pictures(self) -> list[Image.Image]:
        """Decode the first pictures to be indexed."""
        found = (file.path for root in self._roots for file in find_images(Path(root), lambda *_: None, self._exclude))
        pictures = []
        for path in islice(found, 2 * SAMPLE):
            with contextlib.suppress(UnreadableImage):
                pictures.append(open_image(path, 512).rgb)
            if len(pictures) == SAMPLE:
                break
        return pictures


def _published(settings: Settings, name: str) -> list[tuple[Path, Vectors]]:
    """Return some published pictures of a collection, with their vectors."""
    with contextlib.closing(open_store(settings).open(name)) as collection:
        return list(samples_of(collection))
