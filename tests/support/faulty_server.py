"""A server, by default in memory, that fails as a real one does."""

from collections.abc import Callable
from typing import Any

import grpc
from lasting_client import LastingClient
from qdrant_client import models


class Answer(grpc.RpcError, grpc.Call):  # type: ignore[misc]  # as grpc itself makes them
    """grpc's error for a node that is missing, or that refuses."""

    def __init__(self, code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE, said: str = "not there") -> None:
        self._code = code
        self._said = said

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._said


class FaultyServer(LastingClient):
    """One database for a whole test, some of whose calls fail first."""

    def __init__(self, **place: Any) -> None:  # noqa: ANN401 - the client's own
        super().__init__(**(place or {"location": ":memory:"}))
        self.calls: list[str] = []
        self.lacking: set[str] = set()
        """Points that one replica alone has, so that a read from all of them does not find these."""
        self._faults: dict[str, list[Exception]] = {}

    def fail(self, method: str, *errors: Exception) -> None:
        """Let the next calls of a method raise these errors, one after another."""
        self._faults.setdefault(method, []).extend(errors)

    def retrieve(self, *args: Any, **options: Any) -> list[models.Record]:  # noqa: ANN401 - as in the base class
        return [point for point in super().retrieve(*args, **options) if point.id not in self.lacking]

    def __getattribute__(self, name: str) -> Any:  # noqa: ANN401 - whatever the client has
        found = super().__getattribute__(name)
        if name.startswith("_") or name in ("fail", "calls", "close", "lacking") or not callable(found):
            return found
        return self._noting(name, found)

    def _noting(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:  # noqa: ANN401 - the client's
            self.calls.append(name)
            if self._faults.get(name):
                raise self._faults[name].pop(0)
            return function(*args, **options)

        return call
