"""The app: the API and the page over HTTP, and its error responses."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import HTTPConnection

import gallery
from gallery.errors import BadInput, CollectionError, Damaged, EncoderError, GalleryError, Reason, UnreadableImage
from gallery.pictures import Thumbnails
from gallery.settings import Settings
from search.collections import Collections, UnknownCollectionError
from search.current import NotReadyError
from search.query import QueryError
from search.request import explained
from search.strangers import HiddenError
from search.web.changes import BusyError, Changes, ChangesRefusedError
from search.web.document import DESCRIPTION, DescribedApp
from search.web.endpoints import ApiRequest, api, of_the_server
from search.web.images import images
from search.web.limits import Gate, Limits, Observed, SameOrigin, TokenBackend
from search.web.metrics import Metrics
from search.web.pages import Pages
from search.web.problems import PROBLEM, problem
from search.web.sent import SentPictures
from search.web.services import Context, Services, UnknownPictureError
from search.web.site import site

_FOLDER = Path(__file__).parent
_STATUS: dict[type[Exception], int] = {
    UnknownPictureError: 404,
    UnknownCollectionError: 404,
    ChangesRefusedError: 403,
    HiddenError: 403,
    BusyError: 409,
    Damaged: 409,  # it stays so until somebody mends it: nobody should try again
    NotReadyError: 503,
    BadInput: 400,
    UnreadableImage: 415,
    CollectionError: 503,
    EncoderError: 503,
    GalleryError: 400,
}
"""The first class that fits decides."""
_UNREADABLE = {
    Reason.EMPTY: "the file is empty",
    Reason.TOO_LARGE: "the picture is too large; send a smaller one",
    Reason.NOT_AN_IMAGE: "the file is not a picture in a readable format",
    Reason.UNSUPPORTED: "the file is a picture in an unsupported format",
}


def create_app(
    collections: Collections,
    settings: Settings,
    limits: Limits | None = None,
    *,
    secret: str = "",
    changes: Path | None = None,
    hide_places: bool = False,
) -> FastAPI:
    """Return the app over some collections.

    Args:
        collections: The collections to search.
        settings: Folders, addresses and the device.
        limits: The limits on requests.
        secret: Known to the page and to its owner's commands; the page proves to them that it knows it.
        changes: Folder for pictures that are added through the API; without it, none can be added.
        hide_places: Hide from visitors the coordinates at which pictures were taken.

    Raises:
        BadInput: Changes are allowed, but no token is set.
    """
    limits = limits or Limits(token=settings.search_token)
    metrics = Metrics()
    services = Services(
        collections=collections,
        pages=Pages(_FOLDER / "templates", may_change=changes is not None, gives_files=not hide_places),
        thumbnails=Thumbnails(settings.data_dir),
        metrics=metrics,
        sent=SentPictures(),
        changes=Changes(settings, changes),
        secret=secret,
        hide_places=hide_places,
        dashboard=_dashboard(settings.qdrant_url),
        showing=ThreadPoolExecutor(2, "showing"),
        taking=ThreadPoolExecutor(1, "taking"),
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        collections.begin()
        yield
        services.showing.shutdown(wait=False, cancel_futures=True)
        services.taking.shutdown(wait=False, cancel_futures=True)

    app = DescribedApp(
        title="gallery-search",
        version=gallery.__version__,
        description=DESCRIPTION,
        docs_url=None,  # they would load their assets from elsewhere
        redoc_url=None,
        openapi_url="/api/openapi.json",
        lifespan=lifespan,
    )
    app.state.services = services
    app.include_router(of_the_server)
    for router in (api, images, site):
        app.include_router(router)
        app.include_router(router, prefix="/c/{collection}", include_in_schema=False)
    app.mount("/static", StaticFiles(directory=_FOLDER / "static"))
    for kind in (GalleryError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, _error_response)
    _add_layers(app, limits, metrics, services.pages)
    return app


def _dashboard(servers: str | None) -> str | None:
    """Return the address of collections in Qdrant's dashboard, without a password.

    >>> _dashboard("https://me:secret@node1:6333/,https://node2:6333")
    'https://node1:6333/dashboard#/collections/'
    """
    if not servers:
        return None
    parts = urlsplit(servers.split(",")[0])
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}:{parts.port or 6333}/dashboard#/collections/"


def _add_layers(app: FastAPI, limits: Limits, metrics: Metrics, pages: Pages) -> None:
    """Put the layers around the app; the one added last is the outermost."""

    def ask_for_token(connection: HTTPConnection, error: Exception) -> Response:
        headers = {"www-authenticate": 'Basic realm="gallery-search", charset="UTF-8"'}
        if "text/html" in connection.headers.get("accept", ""):
            return HTMLResponse(pages.error("", 401, str(error)), 401, headers)
        return problem(401, str(error), headers)

    app.add_middleware(Gate, limits=limits)
    app.add_middleware(AuthenticationMiddleware, backend=TokenBackend(limits.token), on_error=ask_for_token)
    app.add_middleware(SameOrigin, shares_thumbnails=limits.shares_thumbnails)
    if limits.hosts is not None:
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(limits.hosts), www_redirect=False)
    app.add_middleware(Observed, metrics=metrics, shares_thumbnails=limits.shares_thumbnails)


async def _error_response(request: Request, error: Exception) -> Response:
    """Return the response to an error: a page for the page's visitors, problem+json for all others."""
    status, sentence = _status_and_sentence(error, has_body=request.method == "POST")
    headers = dict(getattr(error, "headers", None) or {}) | ({"retry-after": "2"} if status == 503 else {})
    request.scope[PROBLEM] = sentence
    path = request.url.path
    services: Services = request.app.state.services
    context = Context(services, request.path_params.get("collection"))
    if path.removeprefix(context.prefix).startswith(("/api", "/thumbs", "/views", "/images", "/ready", "/static")):
        return problem(status, sentence, headers, column=error.column if isinstance(error, QueryError) else None)
    if status == 404 and isinstance(error, UnknownCollectionError):
        context = Context(services, None)
    return HTMLResponse(services.pages.error(context.prefix, status, sentence), status, headers)


def _status_and_sentence(error: Exception, *, has_body: bool) -> tuple[int, str]:
    if isinstance(error, RequestValidationError):
        return 422, explained(error.errors(), ApiRequest)
    if isinstance(error, HTTPException):
        phrase = HTTPStatus(error.status_code).phrase
        return error.status_code, phrase if error.detail == phrase else f"{phrase}: {error.detail}"
    if isinstance(error, UnreadableImage) and not has_body:  # a file of the collection, not an uploaded one
        return 404, f"its file cannot be shown: {error}"
    if isinstance(error, UnreadableImage):
        sentence = _UNREADABLE.get(error.reason, "the file is damaged; send another one")
        return 413 if error.reason is Reason.TOO_LARGE else 415, sentence
    status = next(status for kind, status in _STATUS.items() if isinstance(error, kind))
    return status, str(error)
