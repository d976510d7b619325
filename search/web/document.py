"""The description of the API for tools, in OpenAPI: what FastAPI cannot know of tokens and collections."""

from typing import Any

from fastapi import FastAPI

from gallery.settings import DEFAULT_COLLECTION
from search.web.limits import OPEN_TO_ALL

DESCRIPTION = """Find pictures by describing them.

Every route with the tag `search` or `pictures` exists for the default collection, and below `/c/NAME` for each
collection: `/c/NAME/api/search`. Errors are problem+json. If SEARCH_TOKEN is set, send it as a bearer token."""
_ROOT = {"url": "/", "description": "The default collection"}
_SERVERS: list[dict[str, Any]] = [
    _ROOT,
    {
        "url": "/c/{collection}",
        "description": "Any collection",
        "variables": {"collection": {"default": DEFAULT_COLLECTION, "description": "See /api/collections"}},
    },
]
_TOKEN = {"type": "http", "scheme": "bearer", "description": "SEARCH_TOKEN, if the page has one"}


class DescribedApp(FastAPI):
    """An app whose description says how to log in, and how to choose a collection."""

    def openapi(self) -> dict[str, Any]:
        """Return the description."""
        if self.openapi_schema is None:
            document = super().openapi()
            document["servers"] = _SERVERS
            document["components"]["securitySchemes"] = {"token": _TOKEN}
            document["security"] = [{"token": []}, {}]
            for path, operations in document["paths"].items():
                for operation in operations.values():
                    if operation["tags"] == ["server"]:
                        operation["servers"] = [_ROOT]
                    if path in OPEN_TO_ALL:
                        operation["security"] = []
        return self.openapi_schema or {}
