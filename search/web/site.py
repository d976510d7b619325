"""The page's routes: HTML for eyes. The whole state is in the address, so nothing here needs JavaScript."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, File, Request, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from gallery.errors import BadInput
from search.answers import SearchAnswer
from search.grouping import Grouping
from search.web.asked import AskedPicture
from search.web.asking import PER_PAGE, Asked
from search.web.desk import Wanted
from search.web.live import NotReadyError
from search.web.parameters import Here, House

SIMILAR = 12
site = APIRouter(include_in_schema=False)


async def _asked(request: Request) -> Asked:
    return Asked.read(request.query_params.multi_items())


State = Annotated[Asked, Depends(_asked)]


@site.get("/")
def results(here: Here, asked: State) -> Response:
    """Show what was found, at once: where the model is not there yet, a page that says so."""
    try:
        answer = _answer(here, asked)
        poor = not (asked.like or asked.picture) and here.desk.nothing_matches(answer)
        return HTMLResponse(here.pages.results(asked, answer, here.desk.facets(), poor=poor))
    except NotReadyError as error:
        return HTMLResponse(here.pages.waking(asked, str(error)), headers={"cache-control": "no-store"})
    except BadInput as error:
        return HTMLResponse(here.pages.refused(asked, str(error), here.desk.facets()), 400)


@site.post("/picture")
async def picture(here: Here, file: Annotated[UploadFile, File()]) -> Response:
    """Take a picture to search with, and lead to its answer."""
    key, _ = await here.decoded(here.ask_with, await file.read())
    return RedirectResponse(Asked(picture=key).address(), 303)


@site.get("/picture/{key}.jpg")
def sent_picture(here: Here, key: str) -> Response:
    """Show the picture that somebody searched with."""
    return Response(_sent(here, key).jpeg, media_type="image/jpeg", headers={"cache-control": "private, max-age=86400"})


@site.get("/pictures/{id}")
def detail(here: Here, asked: State, id: UUID) -> Response:
    """Show one picture, all that is known of it, and what is most like it."""
    record = here.desk.record(str(id))
    alike = here.desk.similar(record.id, Wanted(limit=SIMILAR))
    return HTMLResponse(here.pages.detail(asked, record, alike))


def _answer(here: House, asked: Asked) -> SearchAnswer:
    group: Grouping | None = None if asked.stacks else "near-duplicates"
    wanted = Wanted(asked.q, PER_PAGE, PER_PAGE * (asked.page - 1), sort=asked.sort, group=group, where=asked.where)
    if asked.like:
        answer = here.desk.similar(asked.like, wanted)
    elif asked.picture:
        answer = here.desk.ask_picture(_sent(here, asked.picture), wanted)
    else:
        answer = here.desk.ask(wanted)
    return here.counted(answer)


def _sent(here: House, key: str) -> AskedPicture:
    found = here.asked.get(key)
    if found is None:
        raise BadInput("the picture that this address searches with is no longer kept; send it again")
    return found
