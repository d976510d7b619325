"""Judges a collection in use, by its owner's queries or by its captions."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from pandas import DataFrame

from eval.asking import ask
from eval.measures import MEASURES, Estimate, first_rank, mean_estimates, per_query
from eval.systems import Collapse, collapse
from gallery.errors import BadInput
from gallery.judged.trec import Qrels, Run, Topic
from gallery.judged.vectors import Remembered
from gallery.printable import counted
from gallery.records import ImageRecord
from gallery.stores import ImageCollection
from gallery.vectors import Vectors
from search.engine import SearchEngine
from search.filtering import is_end_of

DEPTH = 100
LISTED = 10
INDEX_QUERIES = 500


@dataclass(frozen=True, slots=True)
class IndexQuality:
    """The index's approximate search, compared with the exact one.

    Attributes:
        overlap: Mean share of the `k` exactly nearest pictures that the index finds.
        approximate_ms: Median milliseconds of a search through the index, without encoding the text.
        exact_ms: The same for an exact search.
    """

    k: int
    overlap: float
    approximate_ms: float
    exact_ms: float


@dataclass(frozen=True, slots=True)
class LiveReport:
    """The measurements of a collection.

    Attributes:
        run: The answers; documents are ids of pictures.
        queries: A row per query: its text, the rank of the first right picture (0 where none was among the first
            `DEPTH`), a right picture's path, the path of the first answer, and every measure.
    """

    collection: str
    encoder: str
    pictures: int
    topics: Sequence[Topic]
    run: Run
    measures: Mapping[str, Estimate]
    collapse: Collapse
    index: IndexQuality
    queries: DataFrame

    def facts(self) -> dict[str, object]:
        """Return the figures as plain values."""
        return {
            "collection": self.collection,
            "encoder": self.encoder,
            "pictures": self.pictures,
            "queries": len(self.topics),
            "measures": {measure: asdict(found) for measure, found in self.measures.items()},
            "collapse": asdict(self.collapse),
            "index": asdict(self.index),
            "by query": self.queries.reset_index().to_dict("records"),
        }

    def rows(self) -> list[tuple[str, str]]:
        """Return the figures as readable lines, then the worst queries with what was found instead, then the best."""
        index, hubs, worst = self.index, self.collapse, self._worst()
        count, photos = len(self.topics), len({topic.photo for topic in self.topics})
        return [
            ("collection", self.collection),
            ("encoder", self.encoder),
            ("pictures", str(self.pictures)),
            ("queries", f"{count}, with {counted(photos, 'set')} of right pictures" if photos < count else str(count)),
            *((measure, str(found)) for measure, found in self.measures.items()),
            ("distinct first answers", f"{hubs.distinct:.0f} of {count}"),
            ("share of the most frequent", f"{hubs.most_frequent:.3f}"),
            ("skewness of 10-occurrence", f"{hubs.skewness:.2f}"),
            (f"overlap@{index.k} with exact search", f"{index.overlap:.4f}"),
            ("milliseconds with the index", f"{index.approximate_ms:.2f}"),
            ("milliseconds exact", f"{index.exact_ms:.2f}"),
            ("failures listed", f"{len(worst)} of {(self.queries['rank'] != 1).sum()}"),
            *(("failed", self._says(row)) for row in worst.to_dict("records")),
            *(("best", row["text"]) for row in self.queries[self.queries["rank"] == 1][:LISTED].to_dict("records")),
        ]

    def _worst(self) -> DataFrame:
        """Return the queries whose right picture is not first, the lowest rank first."""
        failed = self.queries[self.queries["rank"] != 1]
        lowest = failed["rank"].replace(0, DEPTH + 1)
        return failed.loc[lowest.sort_values(ascending=False, kind="stable").index[:LISTED]]

    @staticmethod
    def _says(row: Mapping[object, object]) -> str:
        rank = f"right picture at {row['rank']}" if row["rank"] else f"right picture not among {DEPTH}"
        return f"{row['text']}\t{rank}: {row['right']}\tfound instead: {row['found']}"


def judge_collection(engine: SearchEngine, topics: Sequence[Topic], qrels: Qrels, depth: int = DEPTH) -> LiveReport:
    """Search a collection for every topic, and compare with the qrels, whose documents are ids of pictures."""
    collection = engine.collection
    vectors = Remembered(engine.towers.texts.encode_texts)([topic.text for topic in topics])
    run = ask(collection.spec.encoder, engine, topics, vectors, depth, document=lambda image: image.id)
    values = per_query(run, qrels)
    paths = {record.id: record.path for record in collection.records()}
    first = {topic: answers[0].document if answers else "" for topic, answers in run.answers.items()}
    about = DataFrame(
        {
            "text": [topic.text for topic in topics],
            "rank": [first_rank(run, topic.id, qrels[topic.id]) or 0 for topic in topics],
            "right": [paths[next(iter(qrels[topic.id]))] for topic in topics],
            "found": [paths.get(first[topic.id], "") for topic in topics],
        },
        index=[topic.id for topic in topics],
    )
    return LiveReport(
        collection=collection.name,
        encoder=collection.spec.encoder,
        pictures=len(paths),
        topics=topics,
        run=run,
        measures=mean_estimates(values, topics),
        collapse=collapse([run], len(paths)),
        index=index_quality(collection, vectors),
        queries=about.join(values[list(MEASURES)]).rename_axis("query"),
    )


def index_quality(collection: ImageCollection, vectors: Vectors, k: int = 10) -> IndexQuality:
    """Search with the index and without it, for at most `INDEX_QUERIES` of the vectors."""
    overlaps: list[float] = []
    milliseconds: dict[bool, list[float]] = {False: [], True: []}
    for vector in vectors[:: -(-len(vectors) // INDEX_QUERIES)]:
        found = {}
        for exact in (False, True):
            began = time.perf_counter()
            found[exact] = {hit.image.id for hit in collection.nearest(vector, k, exact=exact)}
            milliseconds[exact].append((time.perf_counter() - began) * 1000)
        overlaps.append(len(found[False] & found[True]) / max(len(found[True]), 1))
    medians = [float(np.median(of)) for of in milliseconds.values()]
    return IndexQuality(k, float(np.mean(overlaps)), *medians)


def topics_of_collection(collection: ImageCollection, queries: Path | None) -> tuple[list[Topic], Qrels]:
    """Return the queries of a file, or without one the captions of the collection, with their right pictures."""
    return topics_from_file(queries, collection) if queries else topics_from_captions(collection)


def topics_from_file(path: Path, collection: ImageCollection) -> tuple[list[Topic], Qrels]:
    """Read a file of queries; those for the same pictures count as queries for one photo.

    A line is a query, a tab, and the paths of the pictures that should be found, with tabs or `|` between them. Lines
    that begin with # are comments, and a first line that begins with the word `query` is a header.

    Raises:
        BadInput: The file cannot be read, a line names no picture, or a path matches no picture of the collection or
            more than one. The message names the file and the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read as a text file in UTF-8: {error}") from error
    places: dict[str, ImageRecord] = {}
    by_name: dict[str, dict[str, ImageRecord]] = {}
    for record in collection.records():
        for file in record.files:
            places[file.path] = by_name.setdefault(Path(file.path).name, {})[file.path] = record
    topics, qrels = [], {}
    for number, line in enumerate(lines, 1):
        query, *given = (field.strip() for field in line.split("\t"))
        if not line.strip() or line.startswith("#") or (number == 1 and query.lower() == "query"):
            continue
        where = f"{path}, line {number}"
        if not query or not any(given):
            raise BadInput(f"{where}: give a query, a tab, and the path of a picture that should be found")
        named = [part for field in given for part in ([field] if field in places else field.split("|"))]
        ids = {_named(place.strip(), by_name, where).id for place in named if place.strip()}
        topics.append(Topic(f"line-{number}", query, " ".join(sorted(ids))))
        qrels[f"line-{number}"] = dict.fromkeys(sorted(ids), 1)
    if not topics:
        raise BadInput(f"{path} holds no query; a line is a query, a tab, and the path of a picture")
    return topics, qrels


def topics_from_captions(collection: ImageCollection) -> tuple[list[Topic], Qrels]:
    """Return a topic for every caption in the collection; all pictures with the same caption are relevant to it.

    Raises:
        BadInput: No picture has a caption.
    """
    holders: dict[str, dict[str, int]] = {}
    for record in collection.records():
        for caption in record.captions:
            holders.setdefault(caption, {})[record.id] = 1
    if not holders:
        raise BadInput(f"no picture of collection {collection.name} has a caption; ingest with --captions FILE.csv")
    topics = [Topic(f"caption-{n}", caption, next(iter(ids))) for n, (caption, ids) in enumerate(holders.items(), 1)]
    return topics, {topic.id: holders[topic.text] for topic in topics}


def _named(place: str, by_name: Mapping[str, Mapping[str, ImageRecord]], where: str) -> ImageRecord:
    """Return the picture with this path, or the only one whose path ends with it."""
    whole, places = Path(place).expanduser().absolute(), by_name.get(Path(place).name, {})
    if str(whole) in places:
        return places[str(whole)]
    found = {record.id: record for path, record in places.items() if is_end_of(place, path)}
    if len(found) != 1:
        several = f"could be {len(found)} pictures; give more of its path"
        problem = several if found else "is not in the collection; ingest it"
        raise BadInput(f"{where}: {place} {problem}, or correct the line")
    return next(iter(found.values()))
