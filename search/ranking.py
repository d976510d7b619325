"""The ranking that an answer is cut from: by vector, by date, or by vector and words together."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from gallery.records import Hit
from gallery.stores import Filter, ImageCollection, Where, moment
from search.grouping import Group, best_file_first, completed, filled, grouped
from search.hybrid import DEPTH, fuse, with_words
from search.places import original_first
from search.terms import Vector

if TYPE_CHECKING:
    from search.request import Asked

Rank = Callable[[int, Filter], list[Hit]]
"""Returns at most a given number of hits that pass a filter, in order; fewer only if there are no more."""

MOST_BY_DATE = 10_000
"""The most hits that are ordered by date if a minimum score decides which pictures match."""
BEST_BY_DATE, LEAST_BY_DATE, SHARE_BY_DATE = 100, 10, 0.1
MOST_OF_ONE_SCORE = 20_000


def ranking(
    collection: ImageCollection,
    request: "Asked",
    vector: Vector | None,
    where: Filter,
    min_score: float | None,
) -> Rank:
    """Return the ranking that a request asks for; without a vector the newest pictures come first.

    A video is represented by its best frame. Of a picture's places, the original comes first.
    """

    def rank(count: int, also: Filter) -> list[Hit]:
        hits = folded(lambda wanted: ranked(wanted, also), count)
        return [replace(hit, image=original_first(hit.image)) for hit in hits]

    def ranked(count: int, also: Filter) -> list[Hit]:
        if vector is None:
            return [Hit(record, 0.0) for record in collection.newest(count, where=where & also)]
        if request.hybrid:
            return fused(collection, vector, request, count, where=where, min_score=min_score)
        return nearest(collection, vector, count, where=where & also, min_score=min_score, exact=request.exact)

    return rank


def folded(ranked: Callable[[int], list[Hit]], count: int) -> list[Hit]:
    """Return the first `count` pictures and videos of a ranking, each video by its best frame.

    Args:
        ranked: Returns at most a given number of hits in order, with every frame of a video; fewer only if there are no
            more.
        count: The most hits to return.
    """
    wanted = count
    while True:
        hits = ranked(wanted)
        first: dict[str, Hit] = {}
        for hit in hits:
            first.setdefault(hit.image.sha256, hit)
        once = list(first.values())
        if len(once) >= count or len(hits) < wanted:
            return once[:count]
        wanted *= 2


def bound_of(
    collection: ImageCollection, request: "Asked", vector: Vector | None, where: Filter, least: float | None
) -> float | None:
    """Return the least cosine of a request's hits; None without one.

    Args:
        collection: What is searched.
        request: May name a least cosine, or ask to be strict.
        vector: Unit vector of the query, shape `(dimension,)`.
        where: Filters.
        least: The least cosine of a hit that matches, if that is known. In the order of their date, others would come
            first as often as not, so they are left out if anything matches.
    """
    bounds = [bound for bound in (request.min_score, least if request.strict else None) if bound is not None]
    if bounds or least is None or vector is None or request.hybrid or request.sort != "date":
        return max(bounds, default=None)
    return least if collection.nearest(vector, 1, where=where, min_score=least) else None


def best_by_date(pictures: int) -> int:
    """Return how many of the best hits are ordered by date where nothing says which belong to the answer.

    >>> [best_by_date(pictures) for pictures in (5, 61, 500, 50_000)]
    [10, 10, 50, 100]
    """
    return min(BEST_BY_DATE, max(LEAST_BY_DATE, int(SHARE_BY_DATE * pictures)))


def page(
    rank: Rank, request: "Asked", *, by_date: int | None = None, fused: int = 0
) -> tuple[list[Hit], tuple[Group, ...]]:
    """Cut the requested page out of a ranking, and one hit or group more if there is one.

    Args:
        rank: The ranking.
        request: Says which hits or groups.
        by_date: How many of the first hits or groups are put in the order of their date before the page is cut; None
            leaves them as they are ranked.
        fused: How many hits are ranked in any case, where scores depend on what else is ranked, else 0: groups then
            have the members that the ranking came to, the same for whoever asks for one group more.
    """
    everything = Filter()
    cut = slice(request.offset, request.offset + request.limit + 1)
    if not request.group:
        hits = rank(by_date or cut.stop, everything)
        return (sorted(hits, key=_newest_first) if by_date else hits)[cut], ()
    groups = grouped(lambda count: rank(count, everything), request.group, by_date or cut.stop, fused)
    if not by_date:
        groups = groups[cut]
    if request.group == "near-duplicates":
        if not fused:
            groups = completed(groups, lambda stacks, most: rank(most, Filter(must=(("stack", stacks),))))
        groups = [best_file_first(group) for group in groups]
    if by_date:
        groups = sorted(groups, key=lambda found: _newest_first(found.hits[0]))[cut]
    if request.group != "near-duplicates" and not fused:
        groups = filled(groups, request.group, rank)
    return [found.hits[0] for found in groups], tuple(groups)


def nearest(
    collection: ImageCollection,
    vector: Vector,
    limit: int,
    *,
    where: Where | None = None,
    min_score: float | None = None,
    exact: bool = False,
) -> list[Hit]:
    """Return at most `limit` pictures nearest to a unit vector, best first; equal scores are ordered by id."""
    wanted = limit + 1
    while True:
        hits = collection.nearest(vector, wanted, where=where, min_score=min_score, exact=exact)
        # The engine may drop some of the hits that share the last score, so ask for more until all of them are there.
        if len(hits) < wanted or hits[-1].score < hits[limit - 1].score or wanted > MOST_OF_ONE_SCORE:
            return hits[:limit]
        wanted = limit + 4 * (wanted - limit)


def fused(
    collection: ImageCollection,
    vector: Vector,
    request: "Asked",
    count: int,
    *,
    where: Filter,
    min_score: float | None,
) -> list[Hit]:
    """Return the pictures nearest to a vector and those with the words of a line, fused by reciprocal rank."""
    depth = max(count, DEPTH)
    near = nearest(collection, vector, depth, where=where, min_score=min_score)
    said = with_words(collection, words_in(request), depth, where, vector, min_score)
    return fuse(near, said, request.word_weight, count)


def words_in(request: "Asked") -> str:
    """Return the texts that a line asks for more of."""
    return " ".join(term.text for term in request.query.terms if term.weight > 0 and not term.like)


def with_reasons(
    collection: ImageCollection, hits: Sequence[Hit], request: "Asked", vector: Vector | None
) -> list[Hit]:
    """Return hits with why they were found: the cosine with the query, and the words that they share with it."""
    from gallery.stores.words import shared_words  # imported here, as other searches do not need its tokenizer

    text = words_in(request)
    vectors = {} if vector is None else collection.vectors([hit.image.id for hit in hits])
    found = []
    for hit in hits:
        there = vectors.get(hit.image.id)
        cosine = None if vector is None or there is None else float(there @ vector)
        found.append(replace(hit, cosine=cosine, words=tuple(shared_words(text, hit.image))))
    return found


def _newest_first(hit: Hit) -> tuple[float, str]:
    """Return the sort key for hits, newest first, equal dates by id."""
    return -moment(hit.image).timestamp(), hit.image.id
