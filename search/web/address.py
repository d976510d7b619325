"""What a visitor of the page asked for, as encoded in the address."""

from collections.abc import Iterable
from functools import cached_property
from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from uuid import UUID

from pydantic import Field, ValidationError

from gallery.errors import BadInput
from search.keys import KEYS
from search.request import MOST_VALUES, Request, Search, explained

PER_PAGE = 60
LAST_PAGE = 150


class Address(Search):
    """The whole state of the page: the same address shows the same.

    Attributes:
        picture: The key of an uploaded picture to search with.
        stacks: `apart` shows every near-duplicate as a separate picture, instead of one for all.
        open: Ids of the pictures whose near-duplicates are shown with them.
        page: 1 is the first.
        at: On the page of one picture, its rank in the results.
    """

    picture: str = Field(default="", max_length=100)
    stacks: Literal["", "apart"] = ""
    open: Annotated[tuple[UUID, ...], Field(max_length=MOST_VALUES)] = ()
    page: int = Field(default=1, ge=1, le=LAST_PAGE)
    at: int = Field(default=0, ge=0, le=LAST_PAGE * PER_PAGE)

    @cached_property
    def query_string(self) -> str:
        """The query string, without default values."""
        return urlencode(self.model_dump(mode="json", exclude_defaults=True), doseq=True, errors="replace")

    @property
    def filters(self) -> int:
        """How many filters are set."""
        return len(self.chosen)

    def request(self, limit: int = PER_PAGE, offset: int | None = None) -> Request:
        """Return the request for this page, or for another part of the answer."""
        wanted = {name: getattr(self, name) for name in Search.model_fields}
        offset = PER_PAGE * (self.page - 1) if offset is None else offset
        wanted["why"] = self.hybrid
        return Request(**wanted, limit=limit, offset=offset, group=None if self.stacks else "near-duplicates")

    def to(self, **changes: Any) -> "Address":  # noqa: ANN401 - fields have all sorts of types
        """Return the address with some fields changed; any change goes back to the first page."""
        return Address(**{**self.model_dump(exclude_defaults=True), "page": 1, "at": 0, **changes})

    def cleared(self) -> "Address":
        """Return the address without its filters."""
        return self.to(**dict.fromkeys(KEYS, ()))

    def toggled(self, id: str) -> "Address":
        """Return the same page with a stack unfolded, or folded again."""
        one = UUID(id)
        opened = tuple(other for other in self.open if other != one)
        return self.to(open=opened if one in self.open else (*self.open, one)[-MOST_VALUES:], page=self.page)

    @classmethod
    def read(cls, pairs: Iterable[tuple[str, str]]) -> "Address":
        """Read the names and values of an address; empty values, as from an empty form, count as unset.

        Raises:
            BadInput: There is no such name, or its value is invalid.
        """
        given: dict[str, list[str]] = {}
        for name, value in pairs:
            if value:
                given.setdefault(name, []).append(value)
        several = {*KEYS, "open"}
        try:
            return cls(**{name: values if name in several else values[-1] for name, values in given.items()})  # type: ignore[arg-type]
        except ValidationError as error:
            raise BadInput(f"the address cannot be read: {explained(error.errors(), cls)}") from error
