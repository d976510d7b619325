"""Errors as problem+json (RFC 9457): one sentence that says what happened and what to do about it."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from starlette.responses import JSONResponse

PROBLEM = "gallery.problem"
"""The key of a request's scope under which the sentence of its problem is left for the log."""
Problems = dict[int | str, dict[str, Any]]


class Problem(BaseModel):
    """What went wrong.

    Attributes:
        detail: One sentence.
        column: The column at which a line cannot be understood, from 1.
    """

    title: str
    status: int
    detail: str
    column: int | None = None


class _ProblemResponse(JSONResponse):
    media_type = "application/problem+json"


def problem(
    status: int, detail: str, headers: Mapping[str, str] | None = None, *, column: int | None = None
) -> JSONResponse:
    """Return the response that says what went wrong."""
    said = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail.encode("utf-8", "replace").decode())
    said.column = column
    return _ProblemResponse(said.model_dump(exclude_none=True), status, dict(headers or {}))


def problems(*statuses: int) -> Problems:
    """Return the error responses of an operation, for the API's documentation."""
    schema = {"application/problem+json": {"schema": Problem.model_json_schema()}}
    return {status: {"content": schema, "description": _WORDS[status]} for status in statuses}


_WORDS = {
    400: "The request makes no sense",
    401: "SEARCH_TOKEN is set and was not given",
    403: "Asked by a page of another site, or not allowed here",
    404: "Not there, or its file is not as it was indexed",
    408: "The body did not come in time",
    409: "The collection is damaged, or another process is changing it",
    413: "Too large",
    415: "Not a picture that can be read",
    422: "A parameter is unknown, missing or out of its range",
    429: "Too many requests at once",
    503: "The encoder is being loaded, or the collection cannot be reached",
}
COMMON = problems(400, 401, 403, 404, 409, 422, 429, 503)
