"""What the page and the API ask of the engine."""

import time
from dataclasses import dataclass, field, replace
from typing import Literal
from uuid import UUID

from gallery.errors import BadInput
from gallery.pictures import THUMB, open_image, small_jpeg
from gallery.records import Hit, ImageRecord
from gallery.stores.collection import Where
from gallery.stores.filters import Filter, as_filter
from gallery.vectors import Vectors
from search.answers import SearchAnswer, group_answers, search_answer, whole_answer
from search.grouping import Grouping
from search.query import Query, QueryError, Term, parse_query
from search.ranking import newest_key, page
from search.web.asked import AskedPicture
from search.web.live import Live, Opened

FACETS = ("folder", "year", "format", "camera")
DEEPEST = 10_000
"""How far anybody may leaf."""
_UNKNOWN = "there is no such picture in the collection; search again"


class UnknownPictureError(BadInput):
    """A picture that the collection does not have was asked for."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A search: the line, and which hits or groups of it. Without a line: all pictures, newest first."""

    text: str = ""
    limit: int = 10
    offset: int = 0
    min_score: float | None = None
    sort: Literal["score", "date"] = "score"
    group: Grouping | None = None
    strict: bool = False
    hybrid: bool = False
    where: Where = field(default_factory=dict)


class Desk:
    """Answers what is wanted from what is open."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def ask(self, wanted: Wanted) -> SearchAnswer:
        """Answer a line, or browse without one.

        Raises:
            BadInput: The line makes no sense, or names a file, which nobody may make this process open.
        """
        opened = self._live.get()
        query, wrong = _of_strangers(wanted.text)
        by_date = wanted.sort == "date" and bool(query.terms)  # the best ones, in the order of their dates
        asked_for = wanted.limit + (not by_date)
        answer = opened.engine.ask(
            query,
            asked_for,
            wanted.offset,
            where=wanted.where or None,
            min_score=wanted.min_score,
            sort=wanted.sort,
            group=wanted.group,
            strict=wanted.strict,
            hybrid=wanted.hybrid,
        )
        shown = replace(answer, hits=answer.hits[: wanted.limit], groups=answer.groups[: wanted.limit])
        names = {"encoder": opened.collection.spec.encoder, "collection": opened.collection.name}
        more = len(answer.hits) >= asked_for
        return replace(whole_answer(shown, wanted.text, **names, more=more, offset=wanted.offset), wrong=wrong)

    def nothing_matches(self, answer: SearchAnswer) -> bool:
        """Whether a single text was asked for, and even its best hit is none that `strict` would leave."""
        least = self._live.get().least_score
        scores = [hit.score for hit in answer.hits if hit.score is not None]
        if least is None or not scores or answer.hits[0].rank > 1 or not _of_strangers(answer.query)[0].is_one_text:
            return False
        return max(scores) < least

    def ask_picture(self, picture: AskedPicture, wanted: Wanted) -> SearchAnswer:
        """Answer a picture that somebody sent.

        Raises:
            BadInput: The collection has another encoder since.
        """
        opened = self._live.get()
        if picture.space != opened.collection.spec.space:
            raise BadInput("the collection got another encoder since this picture was sent; send it again")
        return self._nearest(opened, picture.vector, wanted)

    def take_picture(self, data: bytes) -> AskedPicture:
        """Return what is kept of a picture file's bytes.

        Raises:
            UnreadableImage: They are no picture.
        """
        opened = self._live.get()
        encoder = opened.engine.towers.pictures()
        vector = encoder.encode_images([open_image(data, encoder.detail).rgb])[0]
        return AskedPicture(vector, opened.collection.spec.space, small_jpeg(data, THUMB))

    def similar(self, id: str, wanted: Wanted) -> SearchAnswer:
        """Answer with what is most like a picture of the collection, without itself."""
        opened = self._live.get()
        vector = opened.collection.vectors([id]).get(id)
        if vector is None:
            raise UnknownPictureError(_UNKNOWN)
        return self._nearest(opened, vector, wanted, without=id)

    def record(self, id: str) -> ImageRecord:
        """Return a picture of the collection.

        Raises:
            UnknownPictureError: It is not there.
        """
        found = self._live.get().collection.get([id]).get(id)
        if found is None:
            raise UnknownPictureError(_UNKNOWN)
        return found

    def facets(self) -> dict[str, dict[str | int, int]]:
        """Return for every key that the page filters by its values and how many pictures have them."""
        collection = self._live.get().collection
        return {key: collection.facet(key, 100) for key in FACETS}

    def check(self) -> None:
        """Ask a real question: through the model and the collection."""
        opened = self._live.get()
        opened.collection.nearest(opened.engine.vector("a picture"), 1)

    def collection(self) -> dict[str, str | int]:
        """Return what there is to know of the collection."""
        opened = self._live.get()
        return {
            "name": opened.collection.name,
            "encoder": opened.collection.spec.encoder,
            "pictures": opened.collection.count(),
        }

    def _nearest(self, opened: Opened, vector: Vectors, wanted: Wanted, *, without: str | None = None) -> SearchAnswer:
        start = time.monotonic()
        where = as_filter(wanted.where) & Filter(without=(without,) if without else ())

        def rank(count: int, also: Filter) -> list[Hit]:
            return opened.engine.nearest(vector, count, where=where & also, min_score=wanted.min_score)

        hits, groups = page(rank, wanted.limit + 1, wanted.offset, "score", wanted.group, bounded=False)
        shown, stacks = hits[: wanted.limit], list(groups[: wanted.limit])
        if wanted.sort == "date":
            shown.sort(key=newest_key)
            stacks.sort(key=lambda group: newest_key(group.hits[0]))
        answer = search_answer(
            shown,
            query=wanted.text,
            encoder=opened.collection.spec.encoder,
            collection=opened.collection.name,
            seconds={"search": time.monotonic() - start},
            more=len(hits) > wanted.limit,
            offset=wanted.offset,
        )
        return replace(answer, groups=group_answers(stacks, offset=wanted.offset))


def _of_strangers(line: str) -> tuple[Query, str]:
    """Read a line; one that is none is taken as text, and what is wrong with it is said."""
    try:
        query = parse_query(line)
    except QueryError as error:
        return Query((Term(line.strip()),)), f"taken as text, as {error}"
    for term in query.terms:
        if term.like and not _is_id(term.text):
            raise BadInput("like: takes the id of a picture here; send a picture from elsewhere instead")
    return query, ""


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
