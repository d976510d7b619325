"""What the routes of the API and of the page work with."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
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
from search.places import present_first
from search.request import Request as SearchRequest
from search.strangers import HiddenError, refuse_circles, refuse_files
from search.terms import Vector
from search.web.changes import Changes
from search.web.metrics import Metrics
from search.web.pages import Pages
from search.web.sent import SentPicture, SentPictures


class UnknownPictureError(BadInput):
    """A picture was asked for that the collection does not have."""


@dataclass(frozen=True, slots=True)
class Services:
    """What the routes share.

    Attributes:
        showing: Threads that make thumbnails and read files.
        taking: The thread that decodes what strangers send, so that it holds up nobody else.
        secret: What the page proves to know to the commands of its owner.
        hide_places: Keep from visitors at which degrees pictures were taken.
        dashboard: Address of a collection in Qdrant's dashboard, up to its name; None where there is none.
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


@dataclass(frozen=True, slots=True)
class Context:
    """What the routes share, for one request: of the collection that its address names."""

    services: Services
    name: str | None

    @property
    def prefix(self) -> str:
        """What addresses of this collection begin with."""
        return "" if self.name is None else f"/c/{quote(self.name, safe='')}"

    @property
    def collection(self) -> str:
        """The name of the collection."""
        return self.name or self.services.collections.first

    def engine(self) -> SearchEngine:
        """Return the engine of the collection as it is published now."""
        return self.services.collections.engine(self.name)

    def answer(self, request: SearchRequest, sent: Vector | None = None) -> Answer:
        """Answer a request of a stranger, who may not name files of this machine.

        Raises:
            UnknownPictureError: Hits should be like a picture that is not there.
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
        """Return a picture of the collection, its places where there is a file first.

        Raises:
            UnknownPictureError: It is not there.
        """
        found = self.engine().collection.get([str(id)]).get(str(id))
        if found is None:
            raise UnknownPictureError("there is no such picture in the collection; search again")
        return present_first(replace(found, location=None) if self.services.hide_places else found)

    def check_gives_files(self) -> None:
        """Refuse to give out files, which say where they were taken, on a page that hides it.

        Raises:
            HiddenError: This is such a page.
        """
        if self.services.hide_places:
            raise HiddenError("this page gives out no files, as they say where they were taken; use /views/ID.jpg")

    async def shown(self, work: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401 - what `work` returns
        """Run what reads files of the collection."""
        return await asyncio.get_running_loop().run_in_executor(self.services.showing, work, *arguments)

    async def take(self, data: bytes) -> tuple[str, SentPicture]:
        """Take a picture that somebody sent, and return its key."""

        def taken() -> tuple[str, SentPicture]:
            picture = SentPicture.of(data, self.engine())
            return self.services.sent.keep(data, picture), picture

        return await asyncio.get_running_loop().run_in_executor(self.services.taking, taken)

    def facets(self) -> Mapping[str, Mapping[str | int, int]]:
        """Return for every key that is filtered by its values, how many pictures a filter by each lets through."""
        contents = self.engine().contents
        keys = ("year", "format", "camera", "place")
        return {"folder": contents.folders(), **{key: contents.facet(key) for key in keys}}


# What routes depend on is async, as FastAPI sends everything else through a thread, and that takes its time.
async def _context(request: Request) -> Context:
    return Context(request.app.state.services, request.path_params.get("collection"))


InContext = Annotated[Context, Depends(_context)]
