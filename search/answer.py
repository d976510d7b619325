"""What a search comes to."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gallery.records import Hit
from search.query import Query


@dataclass(frozen=True, slots=True)
class Group:
    """Hits that belong together, best first.

    Attributes:
        name: The folder, the day, or of near-duplicates the best hit's path.
        hits: Of a folder or a day the first five; of near-duplicates the first hundred.
    """

    name: str
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """Hits and how they came about.

    Attributes:
        hits: In the order that was asked for; of groups the best hit each. Browsing gives them the score 0.
        query: The line as it was understood.
        tokens: Of the longest text, as the encoder counts them.
        text_limit: How many of them the encoder reads, 0 for all; the rest of a text had no effect.
        seconds: How long each stage took: `load`, `encode` and `search`.
        groups: Where groups were asked for, one for each of `hits`.
        meanings: What each term and each filter was taken for, in words.
    """

    hits: list[Hit]
    query: Query
    tokens: int = 0
    text_limit: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)
    groups: tuple[Group, ...] = ()
    meanings: tuple[str, ...] = ()

    @property
    def cut(self) -> bool:
        """Whether a text was longer than the encoder reads."""
        return 0 < self.text_limit < self.tokens
