"""What an engine is asked: a query, and how to answer it."""

# ruff: noqa: D102 - the protocol's properties are described in search.request

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

from gallery.errors import BadInput
from search.parsing import parse_query
from search.query import Query, clean_text

Order = Literal["score", "date"]
Grouping = Literal["folder", "day", "near-duplicates"]
WORD_WEIGHT = 0.7
"""Chosen on captions and file names of 100 photos, with ConSE: results/hybrid.md."""
LONGEST = 20_000
"""Characters of a line."""


class Asked(Protocol):
    """What an engine reads of a request. `search.request.Request` describes each field."""

    @property
    def q(self) -> str: ...
    @property
    def query(self) -> Query: ...
    @property
    def sort(self) -> Order: ...
    @property
    def min_score(self) -> float | None: ...
    @property
    def strict(self) -> bool: ...
    @property
    def hybrid(self) -> bool: ...
    @property
    def word_weight(self) -> float: ...
    @property
    def why(self) -> bool: ...
    @property
    def exact(self) -> bool: ...
    @property
    def limit(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def group(self) -> Grouping | None: ...


@dataclass(frozen=True, kw_only=True)
class AskedLine:
    """A line, with the options of the command `search`, which has checked them.

    A `search.request.Request` would do, but pydantic takes 60 ms to import, a fifth of a search.
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
