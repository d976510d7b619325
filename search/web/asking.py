"""What a visitor of the page asked for, as it stands in the address."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal
from urllib.parse import urlencode
from uuid import UUID

from gallery.errors import BadInput

PER_PAGE = 60
LAST_PAGE = 150
LONGEST = 20_000
"""Characters of a query."""
MOST_VALUES = 100
"""Values of one filter, and stacks that are unfolded at once."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The whole state of the page: the same address shows the same.

    Attributes:
        q: The text; without it, and without `like` and `picture`, all pictures are shown.
        like: The id of a picture of the collection that others should be like.
        picture: The key of a picture that was sent.
        stacks: `apart` shows every near-duplicate as a picture of its own, instead of one for all.
        open: Ids of the pictures whose near-duplicates are shown with them.
        page: 1 is the first.
    """

    q: str = ""
    like: str = ""
    picture: str = ""
    folder: Sequence[str] = ()
    year: Sequence[int] = ()
    format: Sequence[str] = ()
    camera: Sequence[str] = ()
    min_width: int = 0
    sort: Literal["score", "date"] = "score"
    stacks: Literal["", "apart"] = ""
    open: Sequence[str] = ()
    page: int = 1

    @property
    def query(self) -> str:
        """The address's part after the question mark, without what is as it is by itself."""
        plain = asdict(Asked())
        wanted = {key: value for key, value in asdict(self).items() if value and value != plain[key]}
        return urlencode(wanted, doseq=True, errors="replace")

    @property
    def filters(self) -> int:
        """How many filters are set."""
        return sum(bool(chosen) for chosen in (self.folder, self.year, self.format, self.camera, self.min_width))

    @property
    def where(self) -> Mapping[str, Any]:
        """The filters as collections take them."""
        lists = {"folder": self.folder, "year": self.year, "format": self.format, "camera": self.camera}
        where: dict[str, Any] = {key: list(values) for key, values in lists.items() if values}
        return where | ({"width": {"gte": self.min_width}} if self.min_width else {})

    def address(self, path: str = "/", **changes: Any) -> str:  # noqa: ANN401 - fields have all sorts of types
        """Return the address of the page with some of it changed; a change of anything leads to the first page."""
        query = replace(self, **({"page": 1} | changes)).query
        return f"{path}?{query}" if query else path

    def toggled(self, id: str) -> str:
        """Return the address of the same page with a stack unfolded, or folded again."""
        opened = [other for other in self.open if other != id] if id in self.open else [*self.open, id][-MOST_VALUES:]
        return f"{self.address(open=opened, page=self.page)}#stack-{id}"

    @classmethod
    def read(cls, pairs: Iterable[tuple[str, str]]) -> "Asked":
        """Read the names and values of an address; what is empty, as in a form that nobody filled in, counts as unset.

        Raises:
            BadInput: A value is none that its name can have.
        """
        given: dict[str, list[str]] = {}
        for name, value in pairs:
            if value:
                given.setdefault(name, []).append(value)
        if most := next((name for name, values in given.items() if len(values) > MOST_VALUES), None):
            raise BadInput(f"the address has more than {MOST_VALUES} values of {most!r}; leave some out")
        last = {name: values[-1] for name, values in given.items()}
        if len(last.get("q", "")) > LONGEST:
            raise BadInput(f"the query is longer than {LONGEST} characters; shorten it")
        try:
            return cls(
                q=last.get("q", ""),
                like=str(UUID(last["like"])) if "like" in last else "",
                picture=last.get("picture", ""),
                folder=given.get("folder", ()),
                year=[_number(year, 1, 9999) for year in given.get("year", ())],
                format=given.get("format", ()),
                camera=given.get("camera", ()),
                min_width=_number(last.get("min_width", "0"), 0, 1_000_000),
                stacks="apart" if last.get("stacks") == "apart" else "",
                open=[str(UUID(id)) for id in given.get("open", ())],
                sort="date" if last.get("sort") == "date" else "score",
                page=_number(last.get("page", "1"), 1, LAST_PAGE),
            )
        except ValueError as error:
            raise BadInput(f"the address has a value that makes no sense: {error}") from error


def _number(text: str, least: int, most: int) -> int:
    value = int(text[:20])
    if not least <= value <= most:
        raise ValueError(f"{value} is not from {least} to {most}")
    return value
