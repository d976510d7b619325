"""The JSON API. Each route exists for the default collection, and below /c/NAME for every collection."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, File, Query, Request, UploadFile
from fastapi.responses import Response
from pydantic import Field

import gallery
from gallery.stores import Filter
from search.answer import Answer, to_json
from search.collections import unnamed
from search.engine import SearchEngine
from search.request import MOST_AT_ONCE
from search.request import Request as SearchRequest
from search.web.metrics import CONTENT_TYPE
from search.web.problems import COMMON, PROBLEM, problem, problems
from search.web.running import proof_of
from search.web.services import InContext
from search.web.suggestions import suggestions

api = APIRouter(tags=["search"])
of_the_server = APIRouter(tags=["server"])


class ApiRequest(SearchRequest):
    """A request over HTTP, with a default number of hits."""

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
    """Find pictures like an uploaded one, and like the line if there is one. The upload is not kept on disk."""
    _, picture = await context.take(await file.read())
    answer = await context.shown(lambda: context.answer(parameters, picture.vector_for(context.engine())))
    return json_response(answer)


@api.get("/api/images/{id}/similar", response_model=Answer, responses=COMMON)
def similar(context: InContext, parameters: Parameters, id: UUID) -> Response:
    """Find pictures like one in the collection; that picture itself is left out."""
    context.record(id)
    return json_response(context.answer(parameters.model_copy(update={"like": id})))


@api.get("/api/facets", response_model=dict[str, dict[str, int]], responses=COMMON)
def facets(context: InContext) -> Response:
    """Return the values to filter by, and how many pictures have each."""
    return json_response(context.facets())


@api.get("/api/suggestions", response_model=list[str], responses=COMMON)
def suggest(context: InContext, q: Annotated[str, Query(max_length=200, examples=["dog folder:al"])]) -> Response:
    """Return completions of this line, with folders, cameras, formats and captions of the collection."""
    return json_response(suggestions(q, context.engine()))


@api.get("/api/collection", response_model=CollectionAnswer, responses=COMMON)
def collection(context: InContext) -> Response:
    """Return facts about the collection."""
    engine = context.engine()
    pictures = engine.contents.count(Filter())
    return json_response(
        CollectionAnswer(context.collection, engine.collection.spec.encoder, pictures, f"{context.prefix}/")
    )


@api.post("/api/pictures", response_model=Added, status_code=201, responses=COMMON | problems(413))
async def add(context: InContext, file: Annotated[UploadFile, File()]) -> Response:
    """Add a picture, as `ingest` does. Needs a page started with --allow-changes."""
    data = await file.read()
    changes = context.services.changes
    id = await context.shown(lambda: changes.add(context.collection, file.filename or "picture", data))
    return json_response(Added(id), 201, {"location": f"{context.prefix}/pictures/{id}"})


@api.delete("/api/pictures/{id}", status_code=204, responses=COMMON)
async def remove(context: InContext, id: UUID) -> Response:
    """Remove a picture from the collection; its files stay. Needs a page started with --allow-changes."""
    await context.shown(lambda: context.services.changes.remove(context.collection, context.record(id)))
    return Response(status_code=204)


@of_the_server.get("/api/collections", response_model=list[str], responses=problems(401, 503))
def collections(context: InContext) -> Response:
    """Return the names of all collections; /c/NAME/api/search searches one."""
    return json_response(list(context.services.collections.names()))


@of_the_server.get("/api/version")
async def version() -> dict[str, str]:
    """Return the version of the program, and that of the API, which changes only if clients must change."""
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
    """Report that the process is alive."""
    return {"status": "ok"}


@of_the_server.get("/ready", responses=problems(503))
async def ready(context: InContext, http: Request) -> Response:
    """Report within two seconds whether searches work, by making one. It needs no token: why not is in the log only."""
    search = SearchRequest(q="a picture", limit=1)
    fault = await context.services.readiness.fault(lambda: context.answer(search))
    if fault is None:
        return json_response({"status": "ok"})
    http.scope[PROBLEM] = fault
    return problem(503, "searches do not work at the moment; the log says why", {"retry-after": "2"})


@of_the_server.get("/metrics", response_class=Response, responses=problems(401))
async def metrics(context: InContext) -> Response:
    """Return counts for Prometheus."""
    return Response(context.services.metrics.text(), media_type=CONTENT_TYPE)


def json_response(answer: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return an answer as JSON in ASCII, as `search --json` prints it, without its line breaks: they take time."""
    return Response(to_json(answer, indent=None), status, headers, media_type="application/json")


def _tag(engine: SearchEngine, http: Request) -> str | None:
    """Return a tag that changes with everything that an answer depends on, except its timings."""
    if engine.state is None:
        return None
    of = f"{gallery.__version__} {engine.state} {http.url.path} {http.url.query}"
    return f'W/"{sha256(of.encode("utf-8", "replace")).hexdigest()[:32]}"'


def _cached(tag: str | None) -> dict[str, str]:
    return {"etag": tag, "cache-control": "private, no-cache"} if tag else {"cache-control": "no-store"}
