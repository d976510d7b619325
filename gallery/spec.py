"""What a collection was made with: kept beside its vectors, compared before they are used."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from gallery.errors import SpecMismatch

SCHEMA = 1
"""Version of the payload's layout."""
TOWERS_FILE = "towers.json"
"""A folder with a file of this name holds two towers that `baseline train two-tower` trained."""


@dataclass(frozen=True, slots=True)
class Spec:
    """The encoder of a collection.

    Attributes:
        encoder: The name under which `load_encoder` loads it.
        dimension: Length of the vectors.
        space: Fingerprint of the image tower and the image loader: vectors compare only within one space.
        text: Fingerprint of the text tower.
        schema: Version of the payload's layout.
    """

    encoder: str
    dimension: int
    space: str
    text: str
    schema: int = SCHEMA

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits for the two towers: what is kept for an encoder goes by it."""
        return hashlib.sha256(f"{self.space}\n{self.text}".encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, str | int]:
        """Return the spec as a plain mapping."""
        return asdict(self)

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
            )
        except (KeyError, ValueError) as error:
            raise SpecMismatch(f"collection {collection} does not say how it was made ({error}); restore it") from error

    def fits(self, other: "Spec") -> bool:
        """Return whether vectors of the two compare."""
        return self.space == other.space and self.dimension == other.dimension

    def check(self, other: "Spec", collection: str) -> None:
        """Refuse vectors of `other` in a collection of this spec.

        Raises:
            SpecMismatch: The spaces differ.
        """
        if not self.fits(other):
            raise SpecMismatch(
                f"collection {collection} holds vectors of {self.encoder} [{self.space}], not of {other.encoder} "
                f"[{other.space}]; name it with --encoder to index all anew, or use another --collection"
            )


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of_files(paths: Iterable[Path]) -> str:
    """Return 16 hexadecimal digits for the contents of files, whatever folder they lie in."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(bytes.fromhex(sha256_of(path)))
    return digest.hexdigest()[:16]
