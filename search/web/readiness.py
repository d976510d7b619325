"""Whether searches work at the moment, for probes that will not wait long."""

import asyncio
from collections.abc import Callable

from gallery.errors import GalleryError

SECONDS = 1.5


class Readiness:
    """Tries a search, one at a time: those who ask meanwhile wait for the same, as anybody may ask."""

    def __init__(self) -> None:
        self._trying: asyncio.Task[str | None] | None = None

    async def fault(self, search: Callable[[], object]) -> str | None:
        """Return why a search fails, or takes longer than `SECONDS`; None if it works."""
        if self._trying is None or self._trying.done():
            self._trying = asyncio.create_task(asyncio.to_thread(_fault, search))
        done, _ = await asyncio.wait([self._trying], timeout=SECONDS)
        return self._trying.result() if done else f"a search takes longer than {SECONDS} s"


def _fault(search: Callable[[], object]) -> str | None:
    try:
        search()
    except GalleryError as error:
        return str(error)
    return None
