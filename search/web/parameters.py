"""What the routes of the API and of the page have in common: parameters, and what they work with."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import Depends, Query, Request

from gallery.pictures import Thumbnails
from search.answers import SearchAnswer
from search.grouping import Grouping
from search.web.asked import AskedPicture, AskedPictures
from search.web.asking import LONGEST, MOST_VALUES
from search.web.desk import DEEPEST, Desk
from search.web.metrics import Metrics
from search.web.pages import Pages


@dataclass(frozen=True, slots=True)
class Problem:
    """One sentence that says what happened, and what to do about it."""

    error: str


Filters = dict[str, Any]
"""Those filters of `search.web.asking.Asked` that were given."""


# What routes depend on is async, as FastAPI sends everything else through a thread, and that takes its time.
async def _filters(
    folder: Annotated[list[str], Query(default_factory=list, max_length=MOST_VALUES, description="Folders")],
    year: Annotated[
        list[Annotated[int, Query(ge=1, le=9999)]],
        Query(default_factory=list, max_length=MOST_VALUES, description="Years"),
    ],
    format: Annotated[list[str], Query(default_factory=list, max_length=MOST_VALUES, description="Such as JPEG")],
    camera: Annotated[list[str], Query(default_factory=list, max_length=MOST_VALUES, description="Maker and model")],
    min_width: Annotated[int, Query(ge=0, le=1_000_000, description="Pixels")] = 0,
) -> Filters:
    """Say which pictures are looked at; of several values of one key, one must match."""
    given = {"folder": folder, "year": year, "format": format, "camera": camera, "min_width": min_width}
    return {key: value for key, value in given.items() if value}


Where = Annotated[Filters, Depends(_filters)]
Limit = Annotated[int, Query(ge=1, le=200)]
Offset = Annotated[int, Query(ge=0, le=DEEPEST)]
MinScore = Annotated[float | None, Query(ge=-1, le=1, description="The least cosine")]
Text = Annotated[str, Query(max_length=LONGEST, description="What the picture shows", examples=["a red car"])]
Sort = Literal["score", "date"]
Group = Annotated[Grouping | None, Query(description="Put hits together; limit and offset then count groups")]
Problems = dict[int | str, dict[str, Any]]


def problems(*statuses: int) -> Problems:
    """Return what an operation may answer besides what it is for."""
    return {status: {"model": Problem, "description": _WORDS[status]} for status in statuses}


_WORDS = {
    400: "What was asked makes no sense",
    401: "SEARCH_TOKEN is set and was not given",
    403: "Asked for under a name that is not the page's",
    404: "Not in the collection, or its file is not as it was indexed",
    413: "Too large",
    415: "Not a picture that can be read",
    422: "A value is missing or out of its range",
    429: "Too many ask at once",
    503: "The model is being loaded, or the collection cannot be reached",
}
COMMON = problems(400, 401, 403, 422, 429, 503)


@dataclass(slots=True)
class House:
    """What the routes share."""

    desk: Desk
    pages: Pages
    thumbnails: Thumbnails
    metrics: Metrics
    asked: AskedPictures
    decoding: ThreadPoolExecutor
    """Two threads decode pictures, whoever asks: memory is what a bomb goes for."""

    def counted(self, answer: SearchAnswer) -> SearchAnswer:
        """Note an answer's seconds."""
        self.metrics.stages(answer.seconds)
        return answer

    async def decoded(self, work: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401 - what `work` returns
        """Run what decodes pictures, in turn."""
        return await asyncio.get_running_loop().run_in_executor(self.decoding, work, *arguments)

    def ask_with(self, data: bytes) -> tuple[str, AskedPicture]:
        """Take a picture that somebody sent."""
        picture = self.desk.take_picture(data)
        return self.asked.keep(data, picture), picture


async def _house(request: Request) -> House:
    house: House = request.app.state.house
    return house


Here = Annotated[House, Depends(_house)]
