"""The encoder that a collection was made with: stored beside its vectors, and compared before they are used."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gallery.errors import SpecMismatch
from gallery.vectors import least_cosine

SCHEMA = 1
"""Version of the payload's layout."""
TOWERS_FILE = "towers.json"
"""A folder with a file of this name holds two towers that `baseline train two-tower` trained."""
SAME_SPACE = 0.9999
"""The least cosine between the reference answers of two encoders with comparable vectors."""


@dataclass(frozen=True, slots=True)
class Spec:
    """The encoder of a collection.

    Attributes:
        encoder: The name under which `gallery.encoders.load_encoder` loads it.
        dimension: Length of the vectors.
        space: Fingerprint of the picture tower. Vectors of one space can be compared.
        text: Fingerprint of the text tower.
        picture_answers: The picture tower's vectors for a few drawings (`gallery.encoders.answers`), packed by
            `gallery.vectors.pack`; empty in collections of earlier versions.
        text_answers: The text tower's vectors for a few texts, packed likewise.
        schema: Version of the payload's layout.
    """

    encoder: str
    dimension: int
    space: str
    text: str
    picture_answers: str = ""
    text_answers: str = ""
    schema: int = SCHEMA

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that identify the two towers: the name of the encoder's files."""
        return hashlib.sha256(f"{self.space}\n{self.text}".encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """Return the spec as a plain mapping, without unknown answers."""
        return {key: value for key, value in asdict(self).items() if value != ""}

    @classmethod
    def from_dict(cls, values: Mapping[str, object], collection: str) -> "Spec":
        """Read what `to_dict` wrote.

        Raises:
            SpecMismatch: `collection` was not written by `ingest`, or by another version of it.
        """
        schema = values.get("schema")
        if schema is None:
            raise SpecMismatch(f"collection {collection} was not written by ingest; choose another --collection")
        if schema != SCHEMA:
            raise SpecMismatch(
                f"collection {collection} has layout {schema}, and this version reads {SCHEMA}; use a new --collection"
            )
        try:
            return cls(
                encoder=str(values["encoder"]),
                dimension=int(str(values["dimension"])),
                space=str(values["space"]),
                text=str(values["text"]),
                picture_answers=str(values.get("picture_answers", "")),
                text_answers=str(values.get("text_answers", "")),
            )
        except (KeyError, ValueError) as error:
            raise SpecMismatch(f"collection {collection} does not say how it was made ({error}); restore it") from error

    def fits(self, other: "Spec") -> bool:
        """Return whether their vectors can be compared: by fingerprint, or else by the picture towers' answers."""
        if self.dimension != other.dimension:
            return False
        return self.space == other.space or least_cosine(self.picture_answers, other.picture_answers) >= SAME_SPACE

    def check(self, other: "Spec", collection: str) -> None:
        """Refuse vectors of `other` in a collection of this spec.

        Raises:
            SpecMismatch: The spaces differ.
        """
        if not self.fits(other):
            raise SpecMismatch(
                f"collection {collection} holds vectors of {self.encoder} [{self.space}], not of {other.encoder} "
                f"[{other.space}]; name it with --encoder to index everything again, or use another --collection"
            )


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of_files(paths: Iterable[Path]) -> str:
    """Return 16 hexadecimal digits for the contents of files, in any folder."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(bytes.fromhex(sha256_of(path)))
    return digest.hexdigest()[:16]
