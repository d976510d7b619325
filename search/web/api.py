"""The app: the API and the page over HTTP, and what it says when something went wrong."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

import gallery
from gallery.errors import BadInput, CollectionError, EncoderError, GalleryError, Reason, UnreadableImage
from gallery.pictures import Thumbnails
from gallery.settings import Settings
from search.web.asked import AskedPictures
from search.web.desk import Desk, UnknownPictureError
from search.web.endpoints import api, json_response
from search.web.limits import Gate, Limits
from search.web.live import Live, NotReadyError
from search.web.metrics import Metrics
from search.web.pages import Pages
from search.web.parameters import House
from search.web.site import site

_FOLDER = Path(__file__).parent
_STATUS: dict[type[Exception], int] = {
    UnknownPictureError: 404,
    NotReadyError: 503,
    BadInput: 400,
    UnreadableImage: 415,
    CollectionError: 503,
    EncoderError: 503,
    GalleryError: 400,
}
"""The first class that fits decides."""


def create_app(live: Live, settings: Settings, limits: Limits | None = None) -> FastAPI:
    """Return the app over what is open in `live`."""
    desk = Desk(live)
    metrics = Metrics()
    house = House(
        desk=desk,
        pages=Pages(_FOLDER / "templates"),
        thumbnails=Thumbnails(settings.data_dir),
        metrics=metrics,
        asked=AskedPictures(),
        decoding=ThreadPoolExecutor(2, "decoding"),
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        live.close()
        house.decoding.shutdown(wait=False, cancel_futures=True)

    app = FastAPI(
        title="gallery-search",
        version=gallery.__version__,
        description="Find pictures by describing them.",
        docs_url=None,  # their assets would come from elsewhere
        redoc_url=None,
        openapi_url="/api/openapi.json",
        lifespan=lifespan,
    )
    app.state.house = house
    app.include_router(api)
    app.include_router(site)
    app.mount("/static", StaticFiles(directory=_FOLDER / "static"))
    for kind in (GalleryError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, _sorry)
    app.add_middleware(Gate, limits=limits or Limits(token=settings.search_token), metrics=metrics)
    return app


async def _sorry(request: Request, error: Exception) -> Response:
    """Answer what went wrong: a page for the page's visitors, JSON for all others."""
    status, sentence = _said(error, has_body=request.method == "POST")
    headers = dict(getattr(error, "headers", None) or {})
    if request.url.path.startswith(("/api", "/thumbs", "/views", "/images", "/ready")):
        response = json_response({"error": sentence}, status)
    else:
        house: House = request.app.state.house
        response = HTMLResponse(house.pages.error(status, sentence), status)
    response.headers.update(headers | ({"retry-after": "2"} if status == 503 else {}))
    return response


def _said(error: Exception, *, has_body: bool) -> tuple[int, str]:
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        return 422, f"{where}: {first['msg']}"
    if isinstance(error, HTTPException):
        phrase = HTTPStatus(error.status_code).phrase
        return error.status_code, phrase if error.detail == phrase else f"{phrase}: {error.detail}"
    if isinstance(error, UnreadableImage) and not has_body:  # a file of the collection, not one that was sent
        return 404, f"its file cannot be shown: {error}"
    if isinstance(error, UnreadableImage) and error.reason is Reason.TOO_LARGE:
        return 413, str(error)
    status = next(status for kind, status in _STATUS.items() if isinstance(error, kind))
    return status, str(error)
