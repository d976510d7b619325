"""A query becomes a list of hits."""

import time
from dataclasses import replace
from types import TracebackType
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from gallery.calibration import Calibration, load_calibration
from gallery.collection import ImageCollection, Where, open_collection
from gallery.encoder import Encoder, load_encoder
from gallery.errors import BadInput
from gallery.payload import moment
from gallery.records import Hit
from gallery.settings import Settings
from search.answer import Answer
from search.query import Query, parse_query

Order = Literal["score", "date"]
MOST_OF_ONE_SCORE = 20_000


class SearchEngine:
    """Searches one collection with one encoder."""

    def __init__(self, encoder: Encoder, collection: ImageCollection, calibration: Calibration | None = None) -> None:
        """Bring the two together; with a calibration of the encoder, hits of one text have a probability.

        Raises:
            SpecMismatch: The encoder's vectors cannot be compared with the collection's.
        """
        collection.spec.check(encoder.spec, collection.name)
        self._encoder = encoder
        self.collection = collection
        self._calibration = calibration
        self._load_seconds = 0.0

    @classmethod
    def open(cls, settings: Settings, name: str | None = None) -> Self:
        """Open a collection with its own encoder; to be closed, or used in a `with`.

        Raises:
            CollectionError: There is none of that name, or none can be chosen.
            EncoderError: Its encoder cannot be loaded.
        """
        started = time.monotonic()
        collection = open_collection(settings, name)
        try:
            encoder = load_encoder(collection.spec.encoder, settings.device)
            engine = cls(encoder, collection, load_calibration(settings, encoder.spec))
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
    ) -> Answer:
        """Answer a line, or what `parse_query` made of one. A query without terms asks for the newest pictures.

        Args:
            query: What the pictures show.
            limit: The most hits, at least 1.
            offset: How many of the first hits are left out.
            where: Filters, see `gallery.collection.Where`.
            min_score: The least cosine of a hit.
            sort: `date` puts the hits in the order of their date, newest first.

        Raises:
            BadInput: The line cannot be understood.
        """
        times = [time.monotonic()]
        understood = parse_query(query) if isinstance(query, str) else query
        texts = [term.text for term in understood.terms]
        vector = self.vector(texts[0]) if texts else None
        times.append(time.monotonic())
        if vector is None:
            records = self.collection.newest(offset + limit, where=where)
            hits = [Hit(record, 0.0) for record in records[offset:]]
        else:
            hits = self.nearest(vector, offset + limit, where=where, min_score=min_score)[offset:]
            hits = self.with_probabilities(hits) if _is_one_text(understood) else hits
            if sort == "date":
                hits.sort(key=lambda hit: (-moment(hit.image).timestamp(), hit.image.id))
        times.append(time.monotonic())
        return Answer(
            hits,
            understood,
            cut=any(self._encoder.count_tokens(text) > self._encoder.text_limit for text in texts),
            seconds={"load": self._load_seconds, "encode": times[1] - times[0], "search": times[2] - times[1]},
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
            where: Filters, see `gallery.collection.Where`.
            min_score: The least cosine of a hit.

        Raises:
            BadInput: The query is empty.
        """
        return self.with_probabilities(self.nearest(self.vector(query), limit, where=where, min_score=min_score))

    def with_probabilities(self, hits: list[Hit]) -> list[Hit]:
        """Return hits of one text with the probability that it describes them; as they are without a calibration.

        The scores must be cosines of the text's vector: of a sum of vectors they say something else.
        """
        known = self._calibration
        return [replace(hit, probability=known.probability(hit.score)) for hit in hits] if known else hits

    def vector(self, query: str) -> NDArray[np.float32]:
        """Return the unit vector of a text, shape `(dimension,)`."""
        text = clean_query(query)
        vector: NDArray[np.float32] = self._encoder.encode_texts([text])[0]
        return vector

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

    def close(self) -> None:
        """Let go of the collection."""
        self.collection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _is_one_text(query: Query) -> bool:
    return len(query.terms) == 1 and query.terms[0].weight > 0 and not query.terms[0].like


def clean_query(query: str) -> str:
    """Return the text as the encoders take it: what is no Unicode, out of a shell, becomes a question mark.

    Raises:
        BadInput: It is empty.
    """
    if not query.strip():
        raise BadInput("the query is empty; describe the picture that you look for")
    return query.encode("utf-8", "replace").decode()
