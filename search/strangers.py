"""What visitors of the page and agents may not ask, because they may be on other machines."""

from uuid import UUID

from gallery.errors import BadInput
from search.filtering import is_of_this_machine
from search.query import Combination, Condition, FilterExpression, Query


class HiddenError(BadInput):
    """A request that would reveal hidden coordinates."""


def refuse_files(query: Query) -> None:
    """Refuse a query that names files of this machine, because the answer would reveal whether they exist.

    Raises:
        BadInput: The query names such a file.
    """
    for term in query.terms:
        if term.like and not _is_id(term.text):
            raise BadInput("like: takes the id of a picture here, not a path")
    for wanted in query.filters:
        _check(wanted)


def refuse_circles(query: Query) -> None:
    """Refuse a query that could narrow down, circle by circle, where pictures were taken.

    Raises:
        HiddenError: It is such a query.
    """
    if any(map(_asks_where, query.filters)):
        raise HiddenError("where pictures were taken is hidden here, so near: does not work; use place: instead")


def _asks_where(wanted: FilterExpression) -> bool:
    if isinstance(wanted, Combination):
        return any(map(_asks_where, wanted.members))
    return wanted.key == "near"


def _check(wanted: FilterExpression) -> None:
    if isinstance(wanted, Combination):
        for member in wanted.members:
            _check(member)
    elif isinstance(wanted, Condition) and wanted.key in ("folder", "path") and is_of_this_machine(wanted.value):
        raise BadInput(f"{wanted.key} takes a name or a whole path here, not {wanted.value!r}")


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
