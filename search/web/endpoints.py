"""The API: JSON, and pictures."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, File, Query, Request, UploadFile
from fastapi.responses import Response

from gallery.errors import GalleryError
from gallery.pictures import THUMB, VIEW, read_original
from gallery.printable import printable
from search.answers import SearchAnswer, to_json
from search.web.asking import Asked
from search.web.desk import Wanted
from search.web.live import NotReadyError
from search.web.metrics import CONTENT_TYPE
from search.web.parameters import (
    COMMON,
    Group,
    Here,
    House,
    Limit,
    MinScore,
    Offset,
    Problems,
    Sort,
    Text,
    Where,
    problems,
)

FOR_EVER = "private, max-age=31536000, immutable"
api = APIRouter()


@dataclass(frozen=True, slots=True)
class CollectionAnswer:
    """What is searched here."""

    name: str
    encoder: str
    pictures: int


@api.get("/api/search", response_model=SearchAnswer, responses=COMMON)
def search(
    here: Here,
    where: Where,
    q: Text = "",
    limit: Limit = 10,
    offset: Offset = 0,
    min_score: MinScore = None,
    sort: Sort = "score",
    group: Group = None,
    strict: Annotated[bool, Query(description="Nothing rather than noise, where q is a single text")] = False,
    hybrid: Annotated[bool, Query(description="Rank by the words of captions and file names as well")] = False,
) -> Response:
    """Find pictures by a text, best first. Without a text: all of them, newest first."""
    filters = Asked(**where).where
    wanted = Wanted(q, limit, offset, min_score, sort, group, strict=strict, hybrid=hybrid, where=filters)
    return json_response(here.counted(here.desk.ask(wanted)))


@api.post("/api/search/image", response_model=SearchAnswer, responses=COMMON | problems(413, 415))
async def search_image(
    here: Here, where: Where, file: Annotated[UploadFile, File()], limit: Limit = 10, offset: Offset = 0
) -> Response:
    """Find pictures that are like one that is sent. It is not kept on disk."""
    _, picture = await here.decoded(here.ask_with, await file.read())
    wanted = Wanted(limit=limit, offset=offset, where=Asked(**where).where)
    answer = await asyncio.to_thread(here.desk.ask_picture, picture, wanted)
    return json_response(here.counted(answer))


@api.get("/api/images/{id}/similar", response_model=SearchAnswer, responses=COMMON | problems(404))
def similar(here: Here, where: Where, id: UUID, limit: Limit = 10, offset: Offset = 0) -> Response:
    """Find pictures that are like one of the collection, without itself."""
    wanted = Wanted(limit=limit, offset=offset, where=Asked(**where).where)
    return json_response(here.counted(here.desk.similar(str(id), wanted)))


@api.get("/api/facets", response_model=dict[str, dict[str, int]], responses=COMMON)
def facets(here: Here) -> Response:
    """Return the values that can be filtered by, and how many pictures have them."""
    return json_response(here.desk.facets())


@api.get("/api/collection", response_model=CollectionAnswer, responses=COMMON)
def collection(here: Here) -> Response:
    """Return what is searched here."""
    return json_response(here.desk.collection())


_JPEG: Problems = {
    200: {"content": {"image/jpeg": {}}, "description": "A JPEG"},
    304: {"description": "The browser has it already"},
}
_FILE: Problems = {200: {"content": {"image/*": {}}, "description": "The file"}}
_TEXT: Problems = {200: {"content": {"text/plain": {}}, "description": "Prometheus' format"}}


@api.get("/thumbs/{id}.jpg", response_class=Response, responses=COMMON | problems(404) | _JPEG)
async def thumb(here: Here, request: Request, id: UUID) -> Response:
    """Return a small upright JPEG of a picture; it never changes."""
    return await _small(here, request, id, THUMB)


@api.get("/views/{id}.jpg", response_class=Response, responses=COMMON | problems(404) | _JPEG)
async def view(here: Here, request: Request, id: UUID) -> Response:
    """Return an upright JPEG of a picture that fills a screen; it never changes."""
    return await _small(here, request, id, VIEW)


@api.get("/images/{id}", response_class=Response, responses=COMMON | problems(404) | _FILE)
async def image(here: Here, id: UUID) -> Response:
    """Return the file of a picture, as it was indexed, to be saved."""
    record = await asyncio.to_thread(here.desk.record, str(id))
    file, data = await here.decoded(read_original, record)
    name = quote(printable(Path(file.path).name))
    headers = {"cache-control": FOR_EVER, "content-disposition": f"attachment; filename*=UTF-8''{name}"}
    return Response(data, media_type=f"image/{record.format.lower()}", headers=headers)


@api.get("/health")
async def health() -> dict[str, str]:
    """Say that the process lives."""
    return {"status": "ok"}


@api.get("/ready", responses=problems(401, 403, 503))
def ready(here: Here) -> dict[str, str]:
    """Say whether a search would be answered, by making one."""
    try:
        here.desk.check()
    except GalleryError as error:
        raise NotReadyError(str(error)) from error
    return {"status": "ok"}


@api.get("/metrics", response_class=Response, responses=_TEXT | problems(401, 403))
async def metrics(here: Here) -> Response:
    """Return counts for Prometheus."""
    return Response(here.metrics.text(), media_type=CONTENT_TYPE)


def json_response(answer: object, status: int = 200) -> Response:
    """Return an answer as JSON in ASCII, as `search --json` prints it, without its line breaks: they take time."""
    return Response(to_json(answer, indent=None), status, media_type="application/json")


async def _small(here: House, request: Request, id: UUID, side: int) -> Response:
    record = await asyncio.to_thread(here.desk.record, str(id))
    headers = {"cache-control": FOR_EVER, "etag": f'"{record.sha256[:32]}-{side}"'}
    if headers["etag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(await here.decoded(here.thumbnails.jpeg, record, side), headers=headers, media_type="image/jpeg")
