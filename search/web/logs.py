"""The page's log on stderr, without queries: a line for each failed request; with LOG_LEVEL=info for every request."""

import logging

from gallery.errors import BadInput
from gallery.printable import printable

_LOG = logging.getLogger("search")
LEVELS = ("debug", "info", "warning", "error")


def log_to_stderr(level: str | None) -> None:
    """Write this process's log to stderr; libraries write their warnings only.

    Raises:
        BadInput: There is no such level.
    """
    if level and level.lower() not in LEVELS:
        raise BadInput(f"LOG_LEVEL is {level!r}; set it to one of: {', '.join(LEVELS)}")
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    _LOG.setLevel((level or "warning").upper())


def log_request(method: str, path: str, status: int, seconds: float, problem: str | None) -> None:
    """Write a line about a request. `path` must be without its query, which is private, as the pictures are."""
    level = logging.INFO if status < 500 else logging.ERROR
    if _LOG.isEnabledFor(level):
        because = f": {printable(problem)}" if problem and status >= 500 else ""  # others repeat parts of queries
        _LOG.log(level, "%s %s %s in %.2f s%s", method, printable(path), status, seconds, because)
