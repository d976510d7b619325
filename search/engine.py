"""A request becomes an answer."""

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from gallery.calibration import Calibration, calibration_state, load_calibration
from gallery.encoders import TextEncoder
from gallery.errors import BadInput
from gallery.records import Hit
from gallery.settings import Settings
from gallery.stores import Filter, ImageCollection, Where, open_store
from search.answer import Answer
from search.contents import Contents
from search.filtering import lower, unmatched
from search.hybrid import DEPTH
from search.notes import notes_on
from search.query import Query, clean_text
from search.ranking import MOST_BY_DATE, best_by_date, bound_of, folded, nearest, page, ranking, with_reasons
from search.strict import least_score
from search.terms import Likeness, Vector, combine, likeness, meaning_of
from search.towers import Towers

if TYPE_CHECKING:
    from search.request import Asked


class SearchEngine(AbstractContextManager["SearchEngine", None]):
    """Searches one collection, in the state in which it was opened.

    Attributes:
        state: Differs between any two engines that may answer differently; None if unknown, as on a server.

    A request, a text, a picture or a vector becomes hits, best first:

    >>> from search.request import Request
    >>> import doctest_gallery  # pictures all red, green, blue and gold
    >>> settings, encoder, photos = doctest_gallery.make()
    >>> with SearchEngine.open(settings, text_encoder=Towers(encoder, lambda: encoder)) as engine:
    ...     [hit.captions[0] for hit in engine.answer(Request(q="2*red -gold has:captions", limit=1)).hits]
    ...     [hit.image.captions[0] for hit in engine.search("gold", limit=1)]
    ...     [hit.captions[0] for hit in engine.answer(Request(q=f'like:"{photos / "red.png"}" + green', limit=1)).hits]
    ...     [hit.image.captions[0] for hit in engine.nearest(engine.picture_vector(photos / "blue.png"), limit=1)]
    ['all red']
    ['all gold']
    ['all green']
    ['all blue']
    """

    def __init__(
        self,
        encoder: TextEncoder | Towers,
        collection: ImageCollection,
        calibration: Calibration | None = None,
        settings: Settings | None = None,
    ) -> None:
        """Bring the two together.

        Args:
            encoder: A text tower, or `Towers`, which can search by pictures too.
            collection: What is searched.
            calibration: The encoder's calibration; with it, hits of a single text have a probability.
            settings: Where measurements and the index of words are kept; without it, they are made again each time.

        Raises:
            SpecMismatch: The encoder's vectors cannot be compared with the collection's.
        """
        self.towers = encoder if isinstance(encoder, Towers) else Towers(encoder)
        collection.spec.check(self.towers.texts.spec, collection.name)
        self.collection = collection
        self.contents = Contents(collection)
        self._calibration = calibration
        self._calibration_is_current: Callable[[], bool] = lambda: True
        self.state: str | None = None
        self._load_seconds = 0.0
        self._settings = settings
        self._known: dict[str, Vector] = {}

    @classmethod
    def open(
        cls,
        settings: Settings,
        name: str | None = None,
        *,
        text_encoder: str | TextEncoder | Towers | None = None,
        loaded: Sequence["SearchEngine"] = (),
        prepared: Callable[[Towers], Towers] = lambda towers: towers,
        say: Callable[[str], None] = lambda _: None,
    ) -> Self:
        """Open a collection with its own encoder; close it, or use it in a `with` block.

        Args:
            settings: Folders, addresses and the device.
            name: The collection. Default: the only one, or else `photos`.
            text_encoder: Another text tower of the same space, e.g. one for more languages, or its name.
            loaded: Engines of this or other collections; if one has the collection's encoder, it is shared.
            prepared: Called with a loaded encoder; returns what to use in its place.
            say: Called with a message before each slow step.

        Raises:
            CollectionError: No collection has that name, or no name was given and there are several.
            EncoderError: Its encoder cannot be loaded.
            SpecMismatch: The text encoder belongs to another space.
        """
        started = time.monotonic()
        collection = open_store(settings).open(name)
        try:
            same = [engine.towers for engine in loaded if engine.collection.spec == collection.spec]
            towers = same[0] if same else prepared(_towers(collection, settings, text_encoder, say))
            spec = towers.texts.spec
            state = calibration_state(settings, spec)  # before reading: later changes are noticed
            engine = cls(towers, collection, load_calibration(settings, spec), settings)
        except BaseException:
            collection.close()
            raise
        engine._calibration_is_current = lambda: calibration_state(settings, spec) == state
        engine.state = f"{collection.generation} {state}" if collection.generation else None
        engine._load_seconds = time.monotonic() - started
        return engine

    def is_current(self) -> bool:
        """Whether the collection and the calibration are still those that were opened."""
        return self.collection.is_current() and self._calibration_is_current()

    def answer(self, request: "Asked", sent: Vector | None = None) -> Answer:
        """Answer a request.

        Args:
            request: The request.
            sent: The unit vector of an uploaded picture that hits should also resemble, shape `(dimension,)`.

        Raises:
            BadInput: The line cannot be understood, or names a missing picture.
        """
        started = time.monotonic()
        query = request.query
        pictures = {t.text: likeness(t.text, self.collection, self.picture_vector) for t in query.terms if t.like}
        vector = self._aim(query, pictures, sent)
        encoded = time.monotonic()
        lowered = lower(query.filters, self.collection)
        where = lowered.filter & Filter(without=tuple(id for each in pictures.values() for id in each.ids))
        one_text = query.is_one_text and sent is None
        hybrid, dated = request.hybrid and vector is not None, request.sort == "date" and vector is not None
        least = self.least_score(measure=request.strict or dated) if one_text else None
        bound = bound_of(self.collection, request, vector, where, least)
        total = self.contents.count(where) if bound is None and (dated or not hybrid) else None
        by_date = None if not dated else MOST_BY_DATE if total is None else best_by_date(total)
        rank = ranking(self.collection, request, vector, where, bound)
        hits, groups = page(rank, request, by_date=by_date, fused=DEPTH if hybrid else 0)
        if one_text and not hybrid:
            hits = self.with_probabilities(hits)
            groups = tuple(replace(group, hits=tuple(self.with_probabilities(group.hits))) for group in groups)
        if request.why:
            hits = with_reasons(self.collection, hits[: request.limit], request, vector) + hits[request.limit :]
        tokens = max((self.towers.texts.count_tokens(term.text) for term in query.terms if not term.like), default=0)
        told = replace(self._blank(request), tokens=tokens, text_limit=self.towers.texts.text_limit)
        return replace(
            told.filled(hits[: request.limit], groups[: request.limit], scored=vector is not None),
            meanings=[*(meaning_of(term, pictures) for term in query.terms), *lowered.meanings],
            notes=[
                *lowered.hints,
                *([] if hits else unmatched(query.filters, self.collection)),
                *notes_on(told, query, self.collection.progress, unruled=request.strict and one_text and least is None),
            ],
            corrections=[str(replace(query, filters=filters)) for filters in lowered.corrections],
            total=None if dated else total,
            more=len(hits) > request.limit,
            weak=one_text and not hybrid and bool(hits) and least is not None and max(h.score for h in hits) < least,
            seconds={
                "load": round(self._load_seconds, 4),
                "encode": round(encoded - started, 4),
                "search": round(time.monotonic() - encoded, 4),
            },
        )

    def least_score(self, *, measure: bool = True) -> float | None:
        """Return the minimum cosine for a hit to count as an answer to a single text; see `search.strict`."""
        return least_score(self.towers.texts, self.collection, self._settings, self._calibration, measure=measure)

    def _blank(self, request: "Asked") -> Answer:
        return Answer(
            query=request.q,
            encoder=self.collection.spec.encoder,
            collection=self.collection.name,
            understood=str(request.query),
            offset=request.offset,
        )

    def search(
        self, query: str, limit: int = 10, *, where: Where | None = None, min_score: float | None = None
    ) -> list[Hit]:
        """Return the pictures that answer a text best, best first, at most `limit`.

        The text is taken as it is, never as a path or an address. Its part beyond the encoder's `text_limit` has
        no effect.

        Args:
            query: What the picture shows.
            limit: At least 1.
            where: Filters, see `gallery.stores.Where`.
            min_score: The least cosine of a hit.

        Raises:
            BadInput: The query is empty.
        """
        return self.with_probabilities(self.nearest(self.vector(query), limit, where=where, min_score=min_score))

    def with_probabilities(self, hits: Sequence[Hit]) -> list[Hit]:
        """Return hits of one text with the probability that it describes them; as they are without a calibration.

        The scores must be cosines of the text's vector: of a sum of vectors they say something else.
        """
        known = self._calibration
        return [replace(hit, probability=known.probability(hit.score)) for hit in hits] if known else list(hits)

    def prepare(self, requests: Sequence["Asked"]) -> None:
        """Encode the texts of many requests at once, before they are asked; those that make no sense are skipped."""
        texts: dict[str, None] = {}
        for request in requests:
            with contextlib.suppress(BadInput):
                texts |= dict.fromkeys(term.text for term in request.query.terms if not term.like)
        self._known = dict(zip(texts, self.towers.texts.encode_texts(list(texts)), strict=True))

    def vector(self, query: str) -> Vector:
        """Return the unit vector of a text, shape `(dimension,)`."""
        if not query.strip():
            raise BadInput("the query is empty; describe the picture that you are looking for")
        text = clean_text(query)
        known = self._known.get(text)
        vector: Vector = self.towers.texts.encode_texts([text])[0] if known is None else known
        return vector

    def picture_vector(self, path: str | Path) -> Vector:
        """Return the unit vector of an image file, shape `(dimension,)`; loads the image tower.

        Raises:
            UnreadableImage: The file is not a picture.
        """
        return self.towers.picture_vector(Path(path))

    def nearest(
        self,
        vector: Vector,
        limit: int = 10,
        *,
        where: Where | None = None,
        min_score: float | None = None,
        exact: bool = False,
    ) -> list[Hit]:
        """Return the pictures nearest to a unit vector, best first, those of one score by id, at most `limit`."""
        return folded(
            lambda count: nearest(self.collection, vector, count, where=where, min_score=min_score, exact=exact), limit
        )

    def _aim(self, query: Query, pictures: Mapping[str, Likeness], sent: Vector | None) -> Vector | None:
        vectors = [pictures[term.text].vector if term.like else self.vector(term.text) for term in query.terms]
        weights = [term.weight for term in query.terms]
        if sent is not None:
            vectors, weights = [*vectors, sent], [*weights, 1.0]
        return combine(vectors, weights) if vectors else None

    def close(self) -> None:
        """Let go of the collection."""
        self.collection.close()

    def __exit__(self, *_: object) -> None:
        self.close()


def _towers(
    collection: ImageCollection,
    settings: Settings,
    given: str | TextEncoder | Towers | None,
    say: Callable[[str], None],
) -> Towers:
    if given is None or isinstance(given, str):
        return Towers.of_collection(collection, settings, given, say)
    return given if isinstance(given, Towers) else Towers(given)
