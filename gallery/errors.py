"""What can go wrong for a user. Every message says what happened and what to do about it.

GalleryError                 shown as one sentence; a command exits with 1
├── BadInput                 a file or value that the user gave cannot be used
├── CollectionError          a collection is missing, held by another process, or cannot be reached
│   ├── Unreachable          its server does not answer
│   ├── SpecMismatch         it was made by another encoder or another version
│   └── Damaged              its files have provably changed since they were written
├── EncoderError             an encoder cannot be loaded, or gave invalid vectors
└── UnreadableImage          one file is not a usable picture; a run continues without it
"""

from enum import StrEnum


class GalleryError(Exception):
    """Something that a user can cause and fix."""


class BadInput(GalleryError):
    """A file or a value that the user gave cannot be used."""


class CollectionError(GalleryError):
    """A collection is missing, held by another process, or cannot be reached."""


class Unreachable(CollectionError):
    """The server of a collection does not answer."""


class SpecMismatch(CollectionError):
    """The collection was made by another encoder or another version of this project."""


class Damaged(CollectionError):
    """Files of a collection have provably changed since they were written; a temporary fault does not count."""


class EncoderError(GalleryError):
    """An encoder cannot be loaded, or gave invalid vectors."""


class Reason(StrEnum):
    """Why a file is not a usable picture."""

    DAMAGED = "damaged"
    EMPTY = "empty"
    NOT_AN_IMAGE = "not-an-image"
    TOO_LARGE = "too-large"
    IO_ERROR = "io-error"
    NO_PERMISSION = "no-permission"
    NOT_A_FILE = "not-a-file"
    UNSUPPORTED = "unsupported"
    VANISHED = "vanished"

    @property
    def lasting(self) -> bool:
        """Whether the same bytes will fail again; other reasons may pass although the file does not change."""
        return self in (Reason.DAMAGED, Reason.EMPTY, Reason.NOT_AN_IMAGE, Reason.TOO_LARGE)


class UnreadableImage(GalleryError):
    """One file is not a usable picture.

    Attributes:
        reason: The code that is counted and stored.
        detail: What the system or the decoder said.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
