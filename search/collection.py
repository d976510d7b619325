"""The Python API: a collection to be searched."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from gallery.encoders import TextEncoder
from gallery.records import ImageRecord
from gallery.settings import Settings
from gallery.stores import ONCE
from search.answer import Answer
from search.current import CurrentEngine
from search.engine import SearchEngine
from search.request import Asked, request_of


class Collection(AbstractContextManager["Collection", None]):
    """A collection, always in its latest published state. Thread-safe; use it in a `with` block."""

    def __init__(self, engines: CurrentEngine) -> None:
        self._engines = engines

    @property
    def name(self) -> str:
        """The collection's name."""
        return self._engines.get().collection.name

    def __len__(self) -> int:
        return self._engines.get().collection.count(ONCE)

    def search(self, query: str = "", **options: Any) -> Answer:  # noqa: ANN401 - the fields of Request
        """Answer a line of the query language; without one, return the newest pictures.

        Args:
            query: The line, e.g. `dog + snow -cat year:2021`.
            options: The fields of `search.request.Request`, e.g. `limit=5`, `folder="alps"`, `group="day"`.

        Raises:
            BadInput: The line or an option is invalid.
        """
        return self.answer(request_of(q=query, **options))

    def answer(self, request: Asked) -> Answer:
        """Answer a request."""
        return self._engines.get().answer(request)

    def like(self, picture: str | Path, **options: Any) -> Answer:  # noqa: ANN401 - the fields of Request
        """Return the pictures most like an image file.

        Raises:
            UnreadableImage: The file is not a picture.
        """
        engine = self._engines.get()
        return engine.answer(request_of(**options), engine.picture_vector(picture))

    def get(self, id: str) -> ImageRecord | None:
        """Return everything known about a picture, or None if the collection does not have it."""
        return self._engines.get().collection.get([id]).get(id)

    def close(self) -> None:
        """Close the collection."""
        self._engines.close()

    def __exit__(self, *_: object) -> None:
        self.close()


def open_collection(
    name: str | None = None, settings: Settings | None = None, *, text_encoder: str | TextEncoder | None = None
) -> Collection:
    """Open a collection to search it.

    Args:
        name: Default: the only one, or else `photos`.
        settings: Folders, addresses and the device; read from the environment by default.
        text_encoder: Another text tower of the same space, or its name.

    Raises:
        CollectionError: No collection has that name, or no name was given and there are several.
        EncoderError: Its encoder cannot be loaded.
    """
    where = settings or Settings.from_environ()
    engines = CurrentEngine(lambda loaded: SearchEngine.open(where, name, text_encoder=text_encoder, loaded=loaded))
    engines.get()
    return Collection(engines)
