"""What a visitor of the page asked for, as it stands in the address."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal
from urllib.parse import urlencode

PER_PAGE = 60


@dataclass(frozen=True, slots=True)
class Asked:
    """The whole state of the page: the same address shows the same.

    Attributes:
        q: The text; without it, and without `like` and `picture`, all pictures are shown.
        like: The id of a picture of the collection that others should be like.
        picture: The key of a picture that was sent.
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
