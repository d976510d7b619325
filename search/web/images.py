"""The pictures themselves: thumbnails, the indexed files, and several of them as a zip file."""

import asyncio
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from io import BytesIO, UnsupportedOperation
from pathlib import PurePath
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, Response, StreamingResponse

from gallery.errors import UnreadableImage
from gallery.pictures import THUMB, TYPES, VIEW, find_video, read_original
from gallery.printable import printable
from gallery.records import ImageFile, ImageRecord
from gallery.stores import date_of
from search.request import MOST_AT_ONCE
from search.web.problems import COMMON, Problems, problems
from search.web.services import Context, InContext, UnknownPictureError

FOR_EVER = "private, max-age=31536000, immutable"
images = APIRouter(tags=["pictures"])
_JPEG: Problems = {
    200: {"content": {"image/jpeg": {}}, "description": "A JPEG"},
    304: {"description": "The browser has it already"},
}
_FILE: Problems = {
    200: {"content": {"image/*": {}, "video/*": {}}, "description": "The file"},
    206: {"description": "A range of a video's bytes"},
}
_ZIP: Problems = {200: {"content": {"application/zip": {}}, "description": "The files"}}


@images.get("/thumbs/{id}.jpg", response_class=Response, responses=COMMON | _JPEG)
async def thumb(context: InContext, request: Request, id: UUID) -> Response:
    """Return a small upright JPEG of a picture; it never changes."""
    return await _small(context, request, id, THUMB)


@images.get("/views/{id}.jpg", response_class=Response, responses=COMMON | _JPEG)
async def view(context: InContext, request: Request, id: UUID) -> Response:
    """Return an upright JPEG of a picture that fills a screen; it never changes."""
    return await _small(context, request, id, VIEW)


@images.get("/images/{id}", response_class=Response, responses=COMMON | problems(403) | _FILE)
async def image(context: InContext, id: UUID) -> Response:
    """Return the indexed file of a picture or a video; for a video, a range of its bytes can be requested."""
    context.check_gives_files()
    record = await asyncio.to_thread(context.record, id)
    headers = {"cache-control": FOR_EVER, "etag": f'"{record.sha256[:32]}"'}
    if record.frame is not None:
        video = await context.shown(find_video, record)
        named = headers | {"content-disposition": _disposition(video)}
        return FileResponse(video.path, media_type=TYPES.get(record.format, "video/mp4"), headers=named)
    file, data = await context.shown(read_original, record)
    headers["content-disposition"] = _disposition(file)
    return Response(data, media_type=f"image/{record.format.lower()}", headers=headers)


def _disposition(file: ImageFile) -> str:
    """Return the header that makes browsers save a file under its name; videos embedded in a page still play."""
    return f"attachment; filename*=UTF-8''{quote(printable(PurePath(file.path).name))}"


@images.get("/images.zip", response_class=Response, responses=COMMON | problems(403) | _ZIP)
def several(context: InContext, id: Annotated[list[UUID], Query(min_length=1, max_length=MOST_AT_ONCE)]) -> Response:
    """Return the indexed files of several pictures in one zip file; missing ones are left out."""
    context.check_gives_files()
    found = context.engine().collection.get([str(each) for each in id])
    if not found:
        raise UnknownPictureError("none of these pictures is in the collection; search again")
    headers = {"content-disposition": 'attachment; filename="pictures.zip"', "cache-control": "no-store"}
    return StreamingResponse(_zipped(list(found.values())), media_type="application/zip", headers=headers)


async def _small(context: Context, request: Request, id: UUID, side: int) -> Response:
    record = await asyncio.to_thread(context.record, id)
    headers = {"cache-control": FOR_EVER, "etag": f'"{record.id}-{side}"'}
    if headers["etag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    data = await context.shown(context.services.thumbnails.jpeg, record, side)
    return Response(data, headers=headers, media_type="image/jpeg")


class _Written(BytesIO):
    """A buffer for a zip file that is sent while it is written."""

    def tell(self) -> int:
        """It cannot be rewound."""
        raise UnsupportedOperation

    def taken(self) -> bytes:
        """Return what was written since the last call."""
        data = self.getvalue()
        self.seek(0)
        self.truncate()
        return data


def _original(record: ImageRecord) -> tuple[ImageFile, Iterable[bytes]]:
    """Return a file that still has the indexed content, and its bytes: a picture's in one piece."""
    if record.frame is None:
        file, data = read_original(record)
        return file, [data]
    file = find_video(record)
    return file, _parts(file.path)


def _parts(path: str) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while part := file.read(2**20):
            yield part


def _zipped(records: Sequence[ImageRecord]) -> Iterator[bytes]:
    written, names = _Written(), set[str]()
    with zipfile.ZipFile(written, "w") as archive:
        for record in {record.sha256: record for record in records}.values():
            try:
                file, parts = _original(record)
            except UnreadableImage:
                continue
            path = PurePath(printable(PurePath(file.path).name))
            name = path.name if path.name not in names else f"{path.stem}-{record.sha256[:8]}{path.suffix}"
            names.add(name)
            moment = datetime.fromisoformat(date_of(record))
            when = (max(moment.year, 1980), moment.month, moment.day, moment.hour, moment.minute, moment.second)
            entry = zipfile.ZipInfo(name, when)
            entry.file_size = file.size  # tells zipfile which entries need the ZIP64 form
            with archive.open(entry, "w") as target:
                for part in parts:
                    target.write(part)
                    yield written.taken()
    yield written.taken()
