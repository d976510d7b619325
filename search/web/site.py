"""The page's routes: HTML for eyes. The whole state is in the address, so nothing here needs JavaScript."""

from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, File, Request, UploadFile
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from gallery.errors import BadInput
from search.answer import Answer
from search.current import NotReadyError
from search.request import Request as SearchRequest
from search.web.address import Address
from search.web.pages import Neighbours
from search.web.services import Context, InContext

SIMILAR = 12
site = APIRouter(include_in_schema=False)


async def _address(request: Request) -> Address:
    return Address.read(request.query_params.multi_items())


State = Annotated[Address, Depends(_address)]


@site.get("/")
def results(context: InContext, address: State) -> Response:
    """Show the results, or, without delay, a page that says the encoder is still loading."""
    pages = context.services.pages
    try:
        answer = _answer(context, address, address.request())
        names = context.services.collections.names()
        return HTMLResponse(pages.results(context.prefix, address, answer, context.facets(), names))
    except NotReadyError as error:
        headers = {"cache-control": "no-store", "retry-after": "2"}
        return HTMLResponse(pages.waking(context.prefix, address, str(error)), headers=headers)
    except BadInput as error:
        return HTMLResponse(pages.refused(context.prefix, address, str(error), context.facets()), 400)


@site.post("/picture")
async def picture(context: InContext, file: Annotated[UploadFile, File()]) -> Response:
    """Take an uploaded picture to search with, and redirect to its results."""
    key, _ = await context.take(await file.read())
    return RedirectResponse(f"{context.prefix}/?{Address(picture=key).query_string}", 303)


@site.get("/picture/{key}.jpg")
def sent_picture(context: InContext, key: str) -> Response:
    """Show an uploaded picture."""
    headers = {"cache-control": "private, max-age=86400"}
    return Response(context.services.sent.get(key).jpeg, media_type="image/jpeg", headers=headers)


@site.get("/pictures/{id}")
def detail(context: InContext, address: State, id: UUID) -> Response:
    """Show one picture: its facts, its neighbours in the results, and the most similar pictures."""
    record = context.record(id)
    alike = context.answer(SearchRequest(like=id, limit=SIMILAR))
    around = _around(context, address) if address.at else Neighbours()
    name = context.engine().collection.name
    dashboard = f"{context.services.dashboard}{name}" if context.services.dashboard else None
    return HTMLResponse(context.services.pages.detail(context.prefix, address, record, alike, around, dashboard))


@site.get("/help")
def help_page(context: InContext) -> Response:
    """Explain the query language and the keys."""
    return HTMLResponse(context.services.pages.help(context.prefix))


@site.get("/manifest.webmanifest")
async def manifest(context: InContext) -> Response:
    """Return the manifest with which browsers install the page as an app."""
    icon: dict[str, Any] = {"src": "/static/icon.svg", "sizes": "any", "type": "image/svg+xml"}
    said = {
        "name": f"gallery: {context.collection}",
        "short_name": "gallery",
        "start_url": f"{context.prefix}/",
        "scope": f"{context.prefix}/",
        "display": "standalone",
        "background_color": "#fbfbfa",
        "theme_color": "#fbfbfa",
        "icons": [icon, {"src": "/static/icon-512.png", "sizes": "512x512", "type": "image/png"}],
    }
    return JSONResponse(said, media_type="application/manifest+json")


def _answer(context: Context, address: Address, request: SearchRequest) -> Answer:
    sent = context.services.sent.get(address.picture).vector_for(context.engine()) if address.picture else None
    return context.answer(request, sent)


def _around(context: Context, address: Address) -> Neighbours:
    """Return the pictures before and after one in its results."""
    first = max(address.at - 2, 0)
    try:
        answer = _answer(context, address, address.request(limit=address.at + 1 - first, offset=first))
    except BadInput:  # for example, an uploaded picture is no longer kept
        return Neighbours()
    by_rank = {hit.rank: hit for hit in answer.hits}
    return replace(Neighbours(), before=by_rank.get(address.at - 1), after=by_rank.get(address.at + 1))
