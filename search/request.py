"""A request to a collection, as the API, the page, agents and Python make it. Every field is checked."""

from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from gallery.errors import BadInput
from search.asked import LONGEST, WORD_WEIGHT, AskedLine, Grouping, Order
from search.keys import KEYS, fault, nearest
from search.parsing import parse_query
from search.query import Condition, Query, Term, clean_text, either

MOST_HITS, DEEPEST, MOST_VALUES = 10_000, 10_000, 100
MOST_AT_ONCE = 200
"""How many hits the page, the API and agents get at a time."""
_ORDERED = ("<=", ">=", "<", ">")

Text = Annotated[str, BeforeValidator(lambda text: clean_text(text) if isinstance(text, str) else text)]
Values = Annotated[
    tuple[Text, ...], BeforeValidator(lambda given: (str(given),) if isinstance(given, str | int) else given)
]


def _values(key: str) -> Any:  # noqa: ANN401 - what pydantic's Field returns
    takes = f"As `{key}:` in a line: {KEYS[key].takes}. If repeated, any value may match."
    return Field(
        default=(),
        max_length=MOST_VALUES,
        description=takes,
        examples=[[KEYS[key].example]],
        json_schema_extra={"items": {"type": "string", "pattern": KEYS[key].pattern}},
    )


class Filters(BaseModel):
    """Filters by name, with the same meaning as in a line. All keys must hold, by any one of their values."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Values = _values("folder")
    path: Values = _values("path")
    camera: Values = _values("camera")
    format: Values = _values("format")
    year: Values = _values("year")
    before: Values = _values("before")
    after: Values = _values("after")
    width: Values = _values("width")
    height: Values = _values("height")
    orientation: Values = _values("orientation")
    has: Values = _values("has")
    place: Values = _values("place")
    near: Values = _values("near")
    text: Values = _values("text")
    kind: Values = _values("kind")

    @property
    def chosen(self) -> dict[str, Sequence[str]]:
        """The filters that are set."""
        return {key: values for key in KEYS if (values := getattr(self, key))}

    @cached_property
    def conditions(self) -> tuple[Any, ...]:
        """The filters, as in a line.

        Raises:
            BadInput: A filter does not accept its value.
        """
        chosen = self.chosen.items()
        return tuple(either(tuple(_condition(key, value) for value in values)) for key, values in chosen)


class Search(Filters):
    """What to look for, and in which order."""

    q: Text = Field(
        default="", max_length=LONGEST, description="A query in the query language", examples=["a red car -night"]
    )
    like: UUID | None = Field(default=None, description="The id of a picture that hits should be like")
    sort: Order = Field(
        default="score",
        description="`date` puts the pictures that match, or else the best, in the order of their date, newest first",
    )
    min_score: float | None = Field(default=None, ge=-1, le=1, description="The least cosine of a hit")
    strict: bool = Field(default=False, description="Leave out what the calibration says does not match")
    hybrid: bool = Field(default=False, description="Rank by the words of captions and file names as well")
    word_weight: float = Field(default=WORD_WEIGHT, ge=0, le=1, description="The weight of words in hybrid search")
    why: bool = Field(default=False, description="Say why each picture was found: its cosine, and the words it shares")
    exact: bool = Field(default=False, description="Compare with every vector, even if an index would be faster")

    @cached_property
    def query(self) -> Query:
        """The parsed line, together with what the other fields add to it.

        Raises:
            QueryError: The line cannot be understood.
            BadInput: A filter's value cannot.
        """
        line = parse_query(self.q)
        terms = (*line.terms, Term(str(self.like), like=True)) if self.like else line.terms
        return Query(terms, (*line.filters, *self.conditions))


class Request(Search):
    """A query, and which part of the answer to return. Without a line: all pictures, newest first."""

    limit: int = Field(default=10, ge=1, le=MOST_HITS, description="The most hits, or groups")
    offset: int = Field(default=0, ge=0, le=DEEPEST, description="How many of the first hits or groups to leave out")
    group: Grouping | None = Field(default=None, description="Put hits together; limit and offset then count groups")


Asked = AskedLine | Request
"""What an engine answers."""


def request_of(**options: Any) -> Request:  # noqa: ANN401 - fields have all sorts of types
    """Return a request.

    Raises:
        BadInput: An option does not exist, or its value is invalid.
    """
    try:
        return Request(**options)
    except ValidationError as error:
        raise BadInput(explained(error.errors(), Request)) from error


def explained(errors: Sequence[Any], model: type[BaseModel]) -> str:
    """Return the first of pydantic's errors as a sentence; for an unknown name, suggest a known one."""
    first = errors[0]
    where = [str(part) for part in first["loc"] if part not in ("query", "body")]
    name = where[0] if where else "the request"
    if first["type"] == "extra_forbidden":
        near = nearest(name, model.model_fields)
        known = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(model.model_fields))}"
        return f"there is no parameter {name}; {known}"
    return f"{'.'.join(where) or name}: {first['msg'].removeprefix('Input ')}"


def _condition(key: str, value: str) -> Condition:
    op = next((op for op in _ORDERED if KEYS[key].ordered and value.startswith(op)), ":")
    plain = value.removeprefix(op) if op != ":" else value
    if wrong := fault(key, op, plain):
        raise BadInput(wrong)
    return Condition(key, op, plain)
