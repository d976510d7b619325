"""Which of two encoders finds a collection's pictures better, measured on a sample before indexing everything again."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from shlex import quote

import numpy as np
from pandas import DataFrame

from eval.encoders import Towers
from eval.measures import Estimate, mean_estimates, per_query
from eval.systems import SHOWN, TESTED
from gallery.encoders import PictureEncoder, TextEncoder, processors
from gallery.errors import BadInput, UnreadableImage
from gallery.judged.trec import Qrels, Topic, run_of_scores
from gallery.judged.vectors import Remembered
from gallery.pictures import open_original
from gallery.printable import counted
from gallery.records import ImageRecord
from gallery.stores import ImageCollection
from gallery.vectors import Vectors

MOST_PICTURES, DEPTH, TOLD_EVERY = 1000, 100, 32
LEAST_PHOTOS = 20
"""With fewer photos with a query than this, intervals are unreliably narrow."""
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Sample:
    """Pictures of a collection, and queries whose right answers are among them."""

    records: Sequence[ImageRecord]
    topics: Sequence[Topic]
    qrels: Qrels

    def without_others(self, ids: Set[str]) -> "Sample":
        """Return these pictures of it, and the queries that they answer."""
        topics = [topic for topic in self.topics if self.qrels[topic.id].keys() & ids]
        return Sample([record for record in self.records if record.id in ids], topics, self.qrels)


@dataclass(frozen=True, slots=True)
class Measured:
    """An encoder on a sample: its measures, and how many pictures it read and encoded per second.

    Attributes:
        given: The name that the user gave.
    """

    name: str
    given: str
    measures: Mapping[str, Estimate]
    images_per_second: float


@dataclass(frozen=True, slots=True)
class Contest:
    """Two encoders on the same pictures and queries.

    Attributes:
        differences: The second's mean minus the first's, with the interval of the paired difference.
        photos: How many photos the queries are for.
        unread: Pictures of the sample whose files are gone or changed, left out for both.
    """

    collection: str
    encoder: str
    first: Measured
    second: Measured
    differences: Mapping[str, Estimate]
    pictures: int
    queries: int
    photos: int
    unread: int = 0

    @property
    def advice(self) -> str:
        """The conclusion, in a sentence."""
        difference = self.differences[TESTED]
        if self.photos < LEAST_PHOTOS:
            return f"queries of {counted(self.photos, 'picture')} cannot tell; give at least {LEAST_PHOTOS}, better 100"
        if difference.low <= 0 <= difference.high:
            faster = max(self.first, self.second, key=lambda each: each.images_per_second)
            is_kept = faster.name == self.encoder
            also = "which is the faster one" if is_kept else f"or take the faster one, {faster.name}"
            return f"the difference is not certain, because its interval contains 0: stay with {self.encoder}, {also}"
        better = self.second if difference.value > 0 else self.first
        if better.name == self.encoder:
            return f"keep {better.name}: it puts the right picture higher"
        change = f"ingest PATH --collection {quote(self.collection)} --encoder {quote(better.given)}"
        return f"{better.name} puts the right picture higher; to change: {change}"

    def facts(self) -> dict[str, object]:
        """Return the figures as plain values."""
        return {**asdict(self), "advice": self.advice}

    def rows(self) -> list[tuple[str, ...]]:
        """Return the figures as lines to be read."""
        both = (self.first, self.second)
        return [
            ("", *(each.name for each in both), "difference"),
            *((m, *(str(each.measures[m]) for each in both), str(self.differences[m])) for m in SHOWN),
            ("images/s", *(f"{each.images_per_second:.1f}" for each in both)),
            ("pictures", str(self.pictures)),
            *([("left out", f"{self.unread}, whose files are gone or changed")] if self.unread else []),
            ("queries", f"{self.queries}, with {counted(self.photos, 'set')} of right pictures"),
            ("advice", self.advice),
        ]


def sample_of(
    collection: ImageCollection, topics: Sequence[Topic], qrels: Qrels, most: int = MOST_PICTURES, seed: int = 0
) -> Sample:
    """Draw pictures: first those that answer a query, then others, which make finding them harder."""
    records = sorted(collection.records(), key=lambda record: record.id)
    relevant = {document for names in qrels.values() for document in names}
    drawn = [records[place] for place in np.random.default_rng(seed).permutation(len(records))]
    wanted = sorted(drawn, key=lambda record: record.id not in relevant)[:most]
    return Sample(wanted, topics, qrels).without_others({record.id for record in wanted})


def compare_encoders(
    collection: ImageCollection, sample: Sample, towers: Iterable[tuple[str, Towers]], tell: Tell
) -> Contest:
    """Encode a sample with two encoders, one after the other, and measure both on the pictures that both could read.

    Raises:
        BadInput: No picture that answers a query can be read.
    """
    encoded = [(given, each.texts, *_vectors(each.pictures, sample.records, tell)) for given, each in towers]
    drawn = len(sample.records)
    sample = sample.without_others(set.intersection(*(set(vectors) for _, _, vectors, _ in encoded)))
    if not sample.topics:
        raise BadInput("no picture that answers a query can be read where it was indexed; run ingest again")
    values = [_values(texts, vectors, sample) for _, texts, vectors, _ in encoded]
    first, second = (
        Measured(texts.spec.encoder, given, mean_estimates(of, sample.topics), round(rate, 2))
        for (given, texts, _, rate), of in zip(encoded, values, strict=True)
    )
    return Contest(
        collection=collection.name,
        encoder=collection.spec.encoder,
        first=first,
        second=second,
        differences=mean_estimates(values[1] - values[0], sample.topics),
        pictures=len(sample.records),
        queries=len(sample.topics),
        photos=len({topic.photo for topic in sample.topics}),
        unread=drawn - len(sample.records),
    )


def _vectors(encoder: PictureEncoder, records: Sequence[ImageRecord], tell: Tell) -> tuple[dict[str, Vectors], float]:
    """Return the vectors of the readable pictures, and how many were read and encoded per second."""

    def encoded(start: int) -> dict[str, Vectors]:
        pixels = {}
        for record in records[start : start + encoder.at_once]:
            with suppress(UnreadableImage):
                pixels[record.id] = encoder.pixels(open_original(record, encoder.detail).rgb)
        return dict(zip(pixels, encoder.encode_pixels(np.stack(list(pixels.values()))), strict=True)) if pixels else {}

    found: dict[str, Vectors] = {}
    began, starts = time.monotonic(), range(0, len(records), encoder.at_once)
    with ThreadPoolExecutor(processors()) as pool:
        for start, vectors in zip(starts, pool.map(encoded, starts), strict=True):
            found |= vectors
            looked = min(start + encoder.at_once, len(records))
            if looked % TOLD_EVERY < encoder.at_once:
                tell(f"{encoder.spec.encoder}: {looked} of {counted(len(records), 'picture')}")
    return found, len(found) / max(time.monotonic() - began, 1e-6)


def _values(encoder: TextEncoder, vectors: Mapping[str, Vectors], sample: Sample) -> DataFrame:
    ids = [record.id for record in sample.records]
    texts = Remembered(encoder.encode_texts)([topic.text for topic in sample.topics])
    # On some processors, the scores of equal vectors differ in their last bit; rounding makes them equal.
    scores = np.round(texts @ np.stack([vectors[id] for id in ids]).T, 6)
    run = run_of_scores(encoder.spec.encoder, [topic.id for topic in sample.topics], ids, scores, DEPTH)
    return per_query(run, sample.qrels, SHOWN)
