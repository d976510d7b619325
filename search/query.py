"""What a line asks for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Term:
    """Something that the pictures are to be like, or unlike where its weight is negative.

    Attributes:
        text: What the picture shows; where `like` is true, the path or the id of a picture.
        weight: Its part in the sum; 1 unless the line says otherwise.
    """

    text: str
    weight: float = 1.0
    like: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A line, understood. Without terms it asks for the newest pictures."""

    terms: tuple[Term, ...] = ()


def parse_query(line: str) -> Query:
    """Read a line as free text."""
    text = line.encode("utf-8", "replace").decode().strip()
    return Query((Term(text),) if text else ())
