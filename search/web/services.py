"""What the routes of the API and of the page work with."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import Depends, Request

from gallery.errors import BadInput
from gallery.pictures import Thumbnails
from gallery.records import ImageRecord
from search.answer import Answer
from search.collections import Collections
from search.engine import SearchEngine
from search.places import original_first
from search.request import Request as SearchRequest
from search.strangers import HiddenError, refuse_circles, refuse_files
from search.terms import Vector
from search.web.changes import Changes
from search.web.metrics import Metrics
from search.web.pages import Pages
from search.web.readiness import Readiness
from search.web.sent import SentPicture, SentPictures


class UnknownPictureError(BadInput):
    """The collection does not have the requested picture."""


@dataclass(frozen=True, slots=True)
class Services:
    """What the routes share.

    Attributes:
        showing: Threads that make thumbnails and read files.
        taking: The thread that decodes uploads, so that they hold up nobody else.
        secret: Known to the page and to its owner's commands; the page proves to them that it knows it.
        hide_places: Hide from visitors the coordinates at which pictures were taken.
        dashboard: Address of a collection in Qdrant's dashboard, up to its name; None without a dashboard.
    """

    collections: Collections
    pages: Pages
    thumbnails: Thumbnails
    metrics: Metrics
    sent: SentPictures
    changes: Changes
    secret: str
    dashboard: str | None
    hide_places: bool
    showing: ThreadPoolExecutor
    taking: ThreadPoolExecutor
    readiness: Readiness = field(default_factory=Readiness)


@dataclass(frozen=True, slots=True)
class Context:
    """What the routes share for one request, with the collection that its address names."""

    services: Services
    name: str | None

    @property
    def prefix(self) -> str:
        """The prefix of this collection's addresses."""
        return "" if self.name is None else f"/c/{quote(self.name, safe='')}"

    @property
    def collection(self) -> str:
        """The name of the collection."""
        return self.name or self.services.collections.first

    def engine(self) -> SearchEngine:
        """Return the engine of the collection as it is published now."""
        return self.services.collections.engine(self.name)

    def answer(self, request: SearchRequest, sent: Vector | None = None) -> Answer:
        """Answer a visitor's request, which may not name files of this machine.

        Raises:
            UnknownPictureError: The collection does not have the picture to compare with.
            BadInput: The request makes no sense, or names a file.
        """
        if request.like:
            self.record(request.like)
        refuse_files(request.query)
        if self.services.hide_places:
            refuse_circles(request.query)
        answer = self.engine().answer(request, sent)
        self.services.metrics.stages(answer.seconds)
        return answer.without_locations() if self.services.hide_places else answer

    def record(self, id: UUID) -> ImageRecord:
        """Return a picture of the collection, with its existing files first.

        Raises:
            UnknownPictureError: It is not there.
        """
        found = self.engine().collection.get([str(id)]).get(str(id))
        if found is None:
            raise UnknownPictureError("there is no such picture in the collection; search again")
        return original_first(replace(found, location=None) if self.services.hide_places else found)

    def check_gives_files(self) -> None:
        """Refuse to give out files on a page that hides coordinates, because files contain them.

        Raises:
            HiddenError: This is such a page.
        """
        if self.services.hide_places:
            raise HiddenError("original files are not served here, as they contain GPS positions; use /views/ID.jpg")

    async def shown(self, work: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401 - what `work` returns
        """Run what reads files of the collection."""
        return await asyncio.get_running_loop().run_in_executor(self.services.showing, work, *arguments)

    async def take(self, data: bytes) -> tuple[str, SentPicture]:
        """Keep an uploaded picture and return its key."""

        def taken() -> tuple[str, SentPicture]:
            picture = SentPicture.of(data, self.engine())
            return self.services.sent.keep(data, picture), picture

        return await asyncio.get_running_loop().run_in_executor(self.services.taking, taken)

    def facets(self) -> Mapping[str, Mapping[str | int, int]]:
        """Return for every key that is filtered by its values, how many pictures a filter by each lets through."""
        contents = self.engine().contents
        keys = ("year", "format", "camera", "place")
        return {"folder": contents.folders(), **{key: contents.facet(key) for key in keys}}


# Dependencies are async because FastAPI runs others in a thread, which is slower.
async def _context(request: Request) -> Context:
    return Context(request.app.state.services, request.path_params.get("collection"))


InContext = Annotated[Context, Depends(_context)]
