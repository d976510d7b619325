"""A database in memory that limits requests like a server in strict mode."""

from typing import Any

import httpx
from lasting_client import LastingClient
from qdrant_client import models
from qdrant_client.http.exceptions import UnexpectedResponse


class LimitedClient(LastingClient):
    """One database for a whole test; `most` is its limit per request."""

    def __init__(self, most: int) -> None:
        super().__init__(":memory:")
        self.most = most

    def query_points(self, *args: Any, **options: Any) -> models.QueryResponse:  # noqa: ANN401 - as in the base class
        self._check(options.get("limit", 10))
        answer = super().query_points(*args, **options)
        for point in answer.points:  # a server always gives a point the same; numpy differs in the last bits
            point.score = round(point.score, 6)
        return answer

    def scroll(self, *args: Any, **options: Any) -> tuple[list[models.Record], Any]:  # noqa: ANN401 - as above
        self._check(options.get("limit", 10))
        return super().scroll(*args, **options)

    def facet(self, *args: Any, **options: Any) -> models.FacetResponse:  # noqa: ANN401 - as above
        self._check(options.get("limit", 10))
        return super().facet(*args, **options)

    def _check(self, limit: int) -> None:
        if limit > self.most:
            said = f'Limit exceeded {limit} > {self.most} for "limit"'.encode()
            raise UnexpectedResponse(400, "Bad Request", said, httpx.Headers())
