"""The API: JSON. Each route is there for the first collection, and below /c/NAME for every other."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, File, Query, Request, UploadFile
from fastapi.responses import Response
from pydantic import Field

import gallery
from gallery.errors import GalleryError
from search.answer import Answer, to_json
from search.collections import unnamed
from search.current import NotReadyError
from search.engine import SearchEngine
from search.request import MOST_AT_ONCE
from search.request import Request as SearchRequest
from search.web.metrics import CONTENT_TYPE
from search.web.problems import COMMON, problems
from search.web.running import proof_of
from search.web.services import InContext
from search.web.suggestions import suggestions

api = APIRouter(tags=["search"])
of_the_server = APIRouter(tags=["server"])


class ApiRequest(SearchRequest):
    """A request over HTTP, which gets so many hits at once."""

    limit: int = Field(default=10, ge=1, le=MOST_AT_ONCE, description="The most hits, or groups")


Parameters = Annotated[ApiRequest, Query()]


@dataclass(frozen=True, slots=True)
class CollectionAnswer:
    """A collection.

    Attributes:
        address: Where its page and its API are.
    """

    name: str
    encoder: str
    pictures: int
    address: str


@dataclass(frozen=True, slots=True)
class Added:
    """A picture that was added."""

    id: str


@api.get("/api/search", response_model=Answer, responses=COMMON)
def search(context: InContext, parameters: Parameters, http: Request) -> Response:
    """Find pictures by a line of the query language, best first. Without one: all of them, the newest first."""
    tag = _tag(context.engine(), http)
    if tag and tag in http.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=_cached(tag))
    return json_response(context.answer(parameters), headers=_cached(tag))


@api.post("/api/search/image", response_model=Answer, responses=COMMON | problems(408, 413, 415))
async def search_image(context: InContext, parameters: Parameters, file: Annotated[UploadFile, File()]) -> Response:
    """Find pictures that are like one that is sent, and like the line if there is one. It is not kept on disk."""
    _, picture = await context.take(await file.read())
    answer = await context.shown(lambda: context.answer(parameters, picture.vector_for(context.engine())))
    return json_response(answer)


@api.get("/api/images/{id}/similar", response_model=Answer, responses=COMMON)
def similar(context: InContext, parameters: Parameters, id: UUID) -> Response:
    """Find pictures that are like one of the collection, without itself."""
    context.record(id)
    return json_response(context.answer(parameters.model_copy(update={"like": id})))


@api.get("/api/facets", response_model=dict[str, dict[str, int]], responses=COMMON)
def facets(context: InContext) -> Response:
    """Return the values that can be filtered by, and how many pictures have them."""
    return json_response(context.facets())


@api.get("/api/suggestions", response_model=list[str], responses=COMMON)
def suggest(context: InContext, q: Annotated[str, Query(max_length=200, examples=["dog folder:al"])]) -> Response:
    """Return lines that begin as this one does: with folders, cameras, formats and captions of the collection."""
    return json_response(suggestions(q, context.engine()))


@api.get("/api/collection", response_model=CollectionAnswer, responses=COMMON)
def collection(context: InContext) -> Response:
    """Return what is searched here."""
    engine = context.engine()
    pictures = engine.collection.count()
    return json_response(
        CollectionAnswer(context.collection, engine.collection.spec.encoder, pictures, f"{context.prefix}/")
    )


@api.post("/api/pictures", response_model=Added, status_code=201, responses=COMMON | problems(413))
async def add(context: InContext, file: Annotated[UploadFile, File()]) -> Response:
    """Add a picture, as `ingest` does; where the page was started with --allow-changes."""
    data = await file.read()
    changes = context.services.changes
    id = await context.shown(lambda: changes.add(context.collection, file.filename or "picture", data))
    return json_response(Added(id), 201, {"location": f"{context.prefix}/pictures/{id}"})


@api.delete("/api/pictures/{id}", status_code=204, responses=COMMON)
async def remove(context: InContext, id: UUID) -> Response:
    """Take a picture out of the collection; its files stay. Where the page was started with --allow-changes."""
    await context.shown(lambda: context.services.changes.remove(context.collection, context.record(id)))
    return Response(status_code=204)


@of_the_server.get("/api/collections", response_model=list[str], responses=problems(401, 503))
def collections(context: InContext) -> Response:
    """Return the names of all collections; /c/NAME/api/search searches one."""
    return json_response(list(context.services.collections.names()))


@of_the_server.get("/api/version")
async def version() -> dict[str, str]:
    """Return the version of the program, and that of the API, which changes only where clients have to."""
    return {"version": gallery.__version__, "api": "1"}


@of_the_server.get("/api/proof", include_in_schema=False)
def prove(context: InContext, nonce: Annotated[str, Query(max_length=100)]) -> dict[str, str | None]:
    """Prove to a command of the owner that this is the page."""
    return {
        "proof": proof_of(context.services.secret, nonce),
        "collection": unnamed(context.services.collections.names()),
    }


@of_the_server.get("/health")
async def health() -> dict[str, str]:
    """Say that the process lives."""
    return {"status": "ok"}


@of_the_server.get("/ready", responses=problems(401, 503))
def ready(context: InContext) -> dict[str, str]:
    """Say whether a search would be answered, by making one."""
    try:
        context.answer(SearchRequest(q="a picture", limit=1))
    except GalleryError as error:
        raise NotReadyError(str(error)) from error
    return {"status": "ok"}


@of_the_server.get("/metrics", response_class=Response, responses=problems(401))
async def metrics(context: InContext) -> Response:
    """Return counts for Prometheus."""
    return Response(context.services.metrics.text(), media_type=CONTENT_TYPE)


def json_response(answer: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return an answer as JSON in ASCII, as `search --json` prints it, without its line breaks: they take time."""
    return Response(to_json(answer, indent=None), status, headers, media_type="application/json")


def _tag(engine: SearchEngine, http: Request) -> str | None:
    """Return what changes with everything that an answer depends on, but its seconds."""
    if engine.state is None:
        return None
    of = f"{gallery.__version__} {engine.state} {http.url.path} {http.url.query}"
    return f'W/"{sha256(of.encode("utf-8", "replace")).hexdigest()[:32]}"'


def _cached(tag: str | None) -> dict[str, str]:
    return {"etag": tag, "cache-control": "private, no-cache"} if tag else {"cache-control": "no-store"}
