"""A line of the query language as the command `search` asks it, and what it shares with other requests."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from gallery.errors import BadInput
from search.parsing import parse_query
from search.query import Query, clean_text

Order = Literal["score", "date"]
Grouping = Literal["folder", "day", "near-duplicates"]
WORD_WEIGHT = 0.7
"""Chosen on captions and file names of 100 photos, with ConSE: results/hybrid.md."""
LONGEST = 20_000
"""How many characters a line may have."""


@dataclass(frozen=True, kw_only=True)
class AskedLine:
    """A line with the command's options, which click has checked. `search.request.Request` describes each field.

    The command does not use a `Request`: importing pydantic takes 60 ms, a fifth of a search.
    """

    q: str
    sort: Order = "score"
    min_score: float | None = None
    strict: bool = False
    hybrid: bool = False
    word_weight: float = WORD_WEIGHT
    why: bool = False
    exact: bool = False
    limit: int = 10
    offset: int = 0
    group: Grouping | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "q", clean_text(self.q))
        if not self.q.strip():
            raise BadInput("the query is empty; describe the picture that you are looking for")
        if len(self.q) > LONGEST:
            raise BadInput(f"the query has {len(self.q)} characters, and at most {LONGEST} are read")

    @cached_property
    def query(self) -> Query:
        """The parsed line.

        Raises:
            QueryError: The line cannot be understood.
        """
        return parse_query(self.q)
