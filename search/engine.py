"""A query becomes a list of hits."""

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from gallery.calibration import Calibration, load_calibration
from gallery.encoders import TextEncoder
from gallery.errors import BadInput
from gallery.records import Hit
from gallery.settings import Settings
from gallery.stores.collection import ImageCollection, Where, open_collection
from gallery.stores.filters import Filter, as_filter
from search.answer import Answer
from search.filtering import lower
from search.grouping import Grouping
from search.hybrid import DEPTH, fuse
from search.query import Query, clean_query, parse_query
from search.ranking import Order, page
from search.strict import strict_score
from search.terms import Likeness, combine, likeness, meaning_of
from search.towers import Towers
from search.words import Words

MOST_OF_ONE_SCORE = 20_000


class SearchEngine:
    """Searches one collection.

    A line of the query language, a text, a picture or a vector becomes hits, best first:

    >>> import doctest_gallery  # pictures all red, green, blue and gold
    >>> settings, encoder, photos = doctest_gallery.make()
    >>> with SearchEngine.open(settings, text_encoder=Towers(encoder, lambda: encoder)) as engine:
    ...     [hit.image.captions[0] for hit in engine.ask("2*red -gold has:captions", limit=1).hits]
    ...     [hit.image.captions[0] for hit in engine.search("gold", limit=1)]
    ...     [hit.image.captions[0] for hit in engine.ask(f'like:"{photos / "red.png"}" + green', limit=1).hits]
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
            encoder: A text tower; or `Towers`, with which pictures can be searched by, too.
            collection: What is searched.
            calibration: Of the encoder: with it, hits of one text have a probability.
            settings: Where measurements and the index of words are kept; without them they are made anew.

        Raises:
            SpecMismatch: The encoder's vectors cannot be compared with the collection's.
        """
        self.towers = encoder if isinstance(encoder, Towers) else Towers(encoder)
        self._settings = settings
        collection.spec.check(self.towers.texts.spec, collection.name)
        self.collection = collection
        self._calibration = calibration
        self._load_seconds = 0.0
        self._words = Words(collection, settings)
        self._known: dict[str, NDArray[np.float32]] = {}

    @classmethod
    def open(
        cls,
        settings: Settings,
        name: str | None = None,
        *,
        text_encoder: str | TextEncoder | Towers | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> Self:
        """Open a collection with its own encoder; to be closed, or used in a `with`.

        Args:
            settings: Where things are.
            name: The collection; without it the only one there is, else `photos`.
            text_encoder: Another text tower of the same space, e.g. one for more languages, or its name.
            say: Told what takes time.

        Raises:
            CollectionError: There is none of that name, or none can be chosen.
            EncoderError: Its encoder cannot be loaded.
            SpecMismatch: The text encoder belongs to another space.
        """
        started = time.monotonic()
        collection = open_collection(settings, name)
        try:
            towers = (
                Towers.of_collection(collection, settings, text_encoder, say)
                if text_encoder is None or isinstance(text_encoder, str)
                else text_encoder
            )
            engine = cls(towers, collection, settings=settings)
            engine._calibration = load_calibration(settings, engine.towers.texts.spec)
        except BaseException:
            collection.close()
            raise
        engine._load_seconds = time.monotonic() - started
        return engine

    def ask(
        self,
        query: str | Query,
        limit: int = 10,
        offset: int = 0,
        *,
        where: Where | None = None,
        min_score: float | None = None,
        sort: Order = "score",
        group: Grouping | None = None,
        strict: bool = False,
        hybrid: bool = False,
    ) -> Answer:
        """Answer a line of the query language, or what `parse_query` made of one.

        A query without terms asks for the newest pictures.

        Args:
            query: What the pictures show, and filters.
            limit: The most hits, or groups; at least 1.
            offset: How many of the first hits or groups are left out.
            where: Filters besides those of the line, see `gallery.stores.collection.Where`.
            min_score: The least cosine of a hit.
            sort: `date` puts the hits in the order of their date, newest first: all with `min_score` or better,
                or without it the best `limit`.
            group: Puts hits together, of which each group's best is among the hits.
            strict: Leaves out of the answer to a single text what is no answer, see `search.strict`.
            hybrid: Ranks by captions and file names as well, see `search.hybrid`; the cosine still has to be enough.

        Raises:
            BadInput: The line cannot be understood, or names a picture that is not there.
        """
        started = time.monotonic()
        understood = parse_query(query) if isinstance(query, str) else query
        pictures = {
            term.text: likeness(term.text, self.collection, self.picture_vector)
            for term in understood.terms
            if term.like
        }
        vector = self._aim(understood, pictures)
        encoded = time.monotonic()
        lowered = lower(understood.conditions, self.collection)
        own = tuple(picture.id for picture in pictures.values() if picture.id)
        wanted = as_filter(where) & lowered.filter & Filter(without=own)
        if strict and understood.is_one_text:
            min_score = max(
                strict_score(self.towers.texts, self.collection, self._settings, self._calibration),
                -1 if min_score is None else min_score,
            )
        fused = (
            " ".join(term.text for term in understood.terms if term.weight > 0 and not term.like)
            if hybrid and vector is not None
            else None
        )

        def rank(count: int, also: Filter) -> list[Hit]:
            if vector is None:
                return [Hit(record, 0.0) for record in self.collection.newest(count, where=wanted & also)]
            if fused is None:
                return self.nearest(vector, count, where=wanted & also, min_score=min_score)
            return self._fused(vector, fused, count, wanted, min_score)

        depth = 0 if fused is None else DEPTH
        hits, groups = page(rank, limit, offset, sort, group, bounded=min_score is not None, fused=depth)
        if understood.is_one_text and not hybrid:
            hits = self.with_probabilities(hits)
            groups = tuple(replace(found, hits=tuple(self.with_probabilities(found.hits))) for found in groups)
        texts = [term.text for term in understood.terms if not term.like]
        towers = self.towers.texts
        return Answer(
            hits,
            understood,
            tokens=max((towers.count_tokens(text) for text in texts), default=0),
            text_limit=towers.text_limit,
            seconds={
                "load": self._load_seconds,
                "encode": encoded - started,
                "search": time.monotonic() - encoded,
            },
            groups=groups,
            meanings=(*(meaning_of(term, pictures) for term in understood.terms), *lowered.meanings),
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
            where: Filters, see `gallery.stores.collection.Where`.
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

    def prepare(self, queries: Sequence[str | Query]) -> None:
        """Encode the texts of many queries at once, before they are asked; those that are none are passed over."""
        texts: dict[str, None] = {}
        for query in queries:
            with contextlib.suppress(BadInput):
                understood = parse_query(query) if isinstance(query, str) else query
                texts |= dict.fromkeys(term.text for term in understood.terms if not term.like)
        self._known = dict(zip(texts, self.towers.texts.encode_texts(list(texts)), strict=True))

    def vector(self, query: str) -> NDArray[np.float32]:
        """Return the unit vector of a text, shape `(dimension,)`."""
        text = clean_query(query)
        known = self._known.get(text)
        vector: NDArray[np.float32] = self.towers.texts.encode_texts([text])[0] if known is None else known
        return vector

    def picture_vector(self, path: str | Path) -> NDArray[np.float32]:
        """Return the unit vector of an image file, shape `(dimension,)`; loads the image tower.

        Raises:
            UnreadableImage: The file is no picture.
        """
        return self.towers.picture_vector(Path(path))

    def nearest(
        self,
        vector: NDArray[np.float32],
        limit: int = 10,
        *,
        where: Where | None = None,
        min_score: float | None = None,
    ) -> list[Hit]:
        """Return the pictures nearest to a unit vector, best first, those of one score by id, at most `limit`."""
        wanted = limit + 1
        while True:
            hits = self.collection.nearest(vector, wanted, where=where, min_score=min_score)
            # Of several with the last score the engine returns any: more are asked for until they are all there.
            if len(hits) < wanted or hits[-1].score < hits[limit - 1].score or wanted > MOST_OF_ONE_SCORE:
                return hits[:limit]
            wanted = limit + 4 * (wanted - limit)

    def _aim(self, query: Query, pictures: Mapping[str, Likeness]) -> NDArray[np.float32] | None:
        if not query.terms:
            return None
        vectors = [pictures[term.text].vector if term.like else self.vector(term.text) for term in query.terms]
        return combine(vectors, [term.weight for term in query.terms])

    def _fused(
        self, vector: NDArray[np.float32], text: str, count: int, where: Filter, min_score: float | None
    ) -> list[Hit]:
        depth = max(count, DEPTH)
        near = self.nearest(vector, depth, where=where, min_score=min_score)
        said = self._words.search(text, depth, where)
        if min_score is not None and said:
            among = Filter(within=tuple(hit.image.id for hit in said))
            enough = self.collection.nearest(vector, len(said), where=among, min_score=min_score, exact=True)
            ids = {hit.image.id for hit in enough}
            said = [hit for hit in said if hit.image.id in ids]
        return fuse([near, said], count)

    def close(self) -> None:
        """Let go of the collection."""
        self.collection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
