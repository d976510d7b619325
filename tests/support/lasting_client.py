"""A stand-in for a server that survives closing."""

from qdrant_client import QdrantClient


class LastingClient(QdrantClient):
    """One database for a whole test: every `:memory:` is a separate database, gone when it is closed.

    `QdrantClient.close(client)` closes it for good.
    """

    def close(self, *_: object, **__: object) -> None:
        pass
