"""A server's double that stays when it is closed."""

from qdrant_client import QdrantClient


class LastingClient(QdrantClient):
    """One database for all of a test: every `:memory:` is a database of its own, gone when it is closed.

    `QdrantClient.close(client)` closes it for good.
    """

    def close(self, *_: object, **__: object) -> None:
        pass
