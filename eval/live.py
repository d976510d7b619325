"""Judging a collection in use: with queries of its owner, or with the captions that it holds."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gallery.encoder import Encoder

from eval.collapse import Collapse, collapse
from eval.metrics import MEASURES, Estimate, estimate, per_query
from eval.photos import EngineRetriever
from eval.qrels import Qrels, Wanted
from eval.runs import Run, Topic, retrieve
from gallery.errors import BadInput
from gallery.records import ImageRecord
from gallery.stores.collection import ImageCollection
from search.engine import SearchEngine
from search.filtering import is_end_of


@dataclass(frozen=True, slots=True)
class IndexQuality:
    """The approximate search of the index against the comparison with every vector.

    Attributes:
        overlap: Mean share of the `k` truly nearest pictures that the index finds.
        approximate_ms: Median milliseconds of a search through the index; encoding the text is not in it.
        exact_ms: The same, with every vector.
    """

    k: int
    overlap: float
    approximate_ms: float
    exact_ms: float


@dataclass(frozen=True, slots=True)
class LiveReport:
    """What was measured on a collection."""

    collection: str
    encoder: str
    pictures: int
    topics: Sequence[Topic]
    qrels: Qrels
    run: Run
    measures: Mapping[str, Estimate]
    collapse: Collapse
    index: IndexQuality


def judge_collection(
    collection: ImageCollection, encoder: Encoder, topics: Sequence[Topic], qrels: Qrels, depth: int = 100
) -> LiveReport:
    """Ask the collection every topic, and compare with the qrels, whose documents are ids of pictures."""
    engine = EngineRetriever(encoder.spec.encoder, SearchEngine(encoder, collection))
    run = retrieve(engine, topics, depth, document=lambda image: image.id)
    pictures = collection.count()
    return LiveReport(
        collection=collection.name,
        encoder=encoder.spec.encoder,
        pictures=pictures,
        topics=topics,
        qrels=qrels,
        run=run,
        measures={name: estimate(values, topics) for name, values in per_query(run, qrels, MEASURES).items()},
        collapse=collapse(run, pictures),
        index=index_quality(collection, encoder, [topic.text for topic in topics]),
    )


def index_quality(collection: ImageCollection, encoder: Encoder, texts: Sequence[str], k: int = 10) -> IndexQuality:
    """Search for every text with the index and without it."""
    overlaps: list[float] = []
    milliseconds: dict[bool, list[float]] = {False: [], True: []}
    for text in texts:
        vector = encoder.encode_texts([text])[0]
        found = {}
        for exact in (False, True):
            began = time.perf_counter()
            found[exact] = {hit.image.id for hit in collection.nearest(vector, k, exact=exact)}
            milliseconds[exact].append((time.perf_counter() - began) * 1000)
        overlaps.append(len(found[False] & found[True]) / max(len(found[True]), 1))
    return IndexQuality(
        k, float(np.mean(overlaps)), float(np.median(milliseconds[False])), float(np.median(milliseconds[True]))
    )


def topics_from_file(
    wanted: Sequence[Wanted], collection: ImageCollection, path: Path
) -> tuple[list[Topic], dict[str, dict[str, int]]]:
    """Return the topics of a file of queries; each stands for itself, however many pictures it wants.

    Raises:
        BadInput: A path is not in the collection, or stands for several of its pictures; with file and line.
    """
    places = {file.path: record for record in collection.records() for file in record.files}
    topics, qrels = [], {}
    for line in wanted:
        where = f"{path}, line {line.line}"
        ids = {_named(place, places, where).id for place in line.paths}
        topics.append(Topic(f"line-{line.line}", line.query, f"line-{line.line}"))
        qrels[f"line-{line.line}"] = dict.fromkeys(sorted(ids), 1)
    return topics, qrels


def topics_from_captions(collection: ImageCollection) -> tuple[list[Topic], dict[str, dict[str, int]]]:
    """Return a topic for every caption in the collection; pictures with the same caption are all relevant to it.

    Raises:
        BadInput: No picture has a caption.
    """
    records = list(collection.records())
    holders: dict[str, dict[str, int]] = {}
    for record in records:
        for caption in record.captions:
            holders.setdefault(caption, {})[record.id] = 1
    if not holders:
        raise BadInput(f"no picture of collection {collection.name} has a caption; ingest with --captions FILE.csv")
    topics = [Topic(f"caption-{n}", caption, next(iter(ids))) for n, (caption, ids) in enumerate(holders.items(), 1)]
    return topics, {topic.id: holders[topic.text] for topic in topics}


def _named(place: str, places: Mapping[str, ImageRecord], where: str) -> ImageRecord:
    """Return the picture with this path, or the only one whose path ends with it."""
    whole = str(Path(place).expanduser().absolute())
    if whole in places:
        return places[whole]
    found = {record.id: record for path, record in places.items() if is_end_of(place, path)}
    if len(found) != 1:
        several = f"could be {len(found)} pictures; give more of its path"
        problem = several if found else "is not in the collection; ingest it"
        raise BadInput(f"{where}: {place} {problem}, or correct the line")
    return next(iter(found.values()))
