"""Embedded collections: Qdrant Edge in this process, one generation a folder (see the module `generations`).

gen-000001/spec.json         the Spec
gen-000001/journal.sqlite    what ingest knows of the files
gen-000001/shard/            the engine's
gen-000001/progress.json     the ingest's progress, if it published before it had finished
gen-000001/sealed.json       the state of these files when complete; missing in an unfinished generation
"""

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from uuid import UUID

import numpy as np
import qdrant_edge as q
from numpy.typing import NDArray

from gallery.errors import CollectionError, Damaged
from gallery.printable import counted
from gallery.records import Hit, ImageRecord
from gallery.spec import Spec
from gallery.stores.common import best_first, check_facet, newest_first
from gallery.stores.contract import Progress
from gallery.stores.dates import moment
from gallery.stores.embedded.engine import SHARD, damaged, engine_errors, load_shard
from gallery.stores.embedded.filtering import engine_filter
from gallery.stores.embedded.generations import PROGRESS, published, published_state
from gallery.stores.embedded.indexes import absent_keys
from gallery.stores.embedded.seal import DAMAGE, check_seal
from gallery.stores.embedded.tuning import search_params
from gallery.stores.embedded.unindexed import most_frequent, newest_ids
from gallery.stores.filters import Filter, Where, as_filter
from gallery.stores.payload import public_url_of, to_record
from gallery.stores.words import WORDS, weights_of_query

_OPEN_ATTEMPTS = 20
_PAGE = 500
_DENSE = [""]
"""The names of the vectors to read: the dense one is unnamed."""
SPEC, JOURNAL = "spec.json", "journal.sqlite"


def open_published(folder: Path) -> "EmbeddedCollection":
    """Open the published generation of the collection at `folder` to search it.

    Raises:
        Damaged: Its files are not as they were written.
        CollectionError: There is none, or it cannot be opened at the moment.
    """
    for attempt in range(_OPEN_ATTEMPTS):
        generation, state = published(folder), published_state(folder)
        if generation is None:
            break
        try:
            collection = open_generation(generation, state)
        except CollectionError:
            if published(folder) == generation or attempt == _OPEN_ATTEMPTS - 1:
                raise
            continue
        if published(folder) == generation:
            return collection
        # Another process has published the next generation and is removing this one, of which the engine may
        # have opened what was left.
        collection.close()
    raise CollectionError(f"there is no collection {folder.name}; make it: ingest FOLDER --collection {folder.name}")


def open_generation(generation: Path, state: str | None = None, *, everything: bool = False) -> "EmbeddedCollection":
    """Open a generation for reading.

    Args:
        generation: Its folder.
        state: The mark of its publication, if it was published.
        everything: Compare the contents of all its files with the seal.

    Raises:
        Damaged: Its files are not as they were written.
        CollectionError: It cannot be opened at the moment.
    """
    name = generation.parent.name
    points = check_whole(generation, everything=everything)
    collection = EmbeddedCollection(name, read_spec(generation), load_shard(generation), state, generation.parent)
    collection.has_words = WORDS in sparse_vectors(generation)
    collection.progress = _progress(generation)
    found = collection.count()
    if points is not None and found != points:
        collection.close()
        raise damaged(name, f"it has {found} of {counted(points, 'picture')}")
    return collection


def check_whole(generation: Path, *, everything: bool = False) -> int | None:
    """Compare a generation but for its journal with its seal; see `gallery.stores.embedded.seal.check_seal`."""
    try:
        return check_seal(generation, but=JOURNAL, everything=everything)
    except Damaged as error:
        raise damaged(generation.parent.name, str(error)) from error


class EmbeddedCollection:
    """One generation, opened for reading."""

    def __init__(self, name: str, spec: Spec, shard: q.EdgeShard, generation: str | None, folder: Path) -> None:
        self.name = name
        self.spec = spec
        self.generation = generation
        self.shard = shard
        self.has_words = True
        self.progress: Progress | None = None
        self._folder = folder

    def nearest(
        self,
        vector: NDArray[np.float32],
        limit: int,
        *,
        where: Where | None = None,
        min_score: float | None = None,
        exact: bool = False,
    ) -> list[Hit]:
        return self._ranked(q.Query.Nearest(vector.tolist()), limit, where, min_score, search_params(exact=exact))

    def by_words(self, text: str, limit: int, *, where: Where | None = None) -> list[Hit]:
        words = q.SparseVector(*weights_of_query(text))
        return self._ranked(q.Query.Nearest(words, WORDS), limit, where)

    def _ranked(
        self,
        query: q.Query,
        limit: int,
        where: Where | None,
        least: float | None = None,
        params: q.SearchParams | None = None,
    ) -> list[Hit]:
        request = q.QueryRequest(
            query=query,
            limit=limit,
            filter=self._filter(where),
            score_threshold=least,
            params=params,
            with_payload=True,
        )
        with engine_errors(self.name):
            points = self.shard.query(request)
        return best_first(Hit(self._record(point), point.score) for point in points)

    def get(self, ids: Sequence[str]) -> dict[str, ImageRecord]:
        with engine_errors(self.name):
            points = self.shard.retrieve([UUID(id) for id in ids], with_payload=True, with_vector=False)
        return {str(point.id): self._record(point) for point in points}

    def present(self, ids: Sequence[str]) -> set[str]:
        with engine_errors(self.name):
            points = self.shard.retrieve([UUID(id) for id in ids], with_payload=False, with_vector=False)
        return {str(point.id) for point in points}

    def vectors(self, ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        with engine_errors(self.name):
            points = self.shard.retrieve([UUID(id) for id in ids], with_payload=False, with_vector=_DENSE)
        return {str(point.id): np.asarray(point.vector, np.float32) for point in points}

    def newest(self, limit: int, *, where: Where | None = None) -> list[ImageRecord]:
        return newest_first(self._page, limit, where)

    def _page(self, where: Filter, limit: int, by_date: bool) -> list[ImageRecord]:
        if by_date and "date" not in self._indexed_keys():
            found = self.get(newest_ids(self._points(where, only="date"), limit, self.name))
            return sorted(found.values(), key=moment, reverse=True)
        order = q.OrderBy("date", q.Direction.Desc) if by_date else None
        request = q.ScrollRequest(limit=limit, filter=self._filter(where), with_payload=True, order_by=order)
        with engine_errors(self.name):
            points, _ = self.shard.scroll(request)
        return [self._record(point) for point in points]

    def public_url(self) -> str | None:
        with engine_errors(self.name):
            points, _ = self.shard.scroll(q.ScrollRequest(limit=1, with_payload=True, with_vector=False))
        return public_url_of(points[0].payload or {}) if points else None

    def scan(self, where: Where | None = None) -> Iterator[tuple[ImageRecord, NDArray[np.float32]]]:
        for point in self._points(where, with_vector=_DENSE):
            yield self._record(point), np.asarray(point.vector, np.float32)

    def records(self, where: Where | None = None) -> Iterator[ImageRecord]:
        for point in self._points(where):
            yield self._record(point)

    def _points(
        self, where: Where | None, *, with_vector: bool | list[str] = False, only: str | None = None
    ) -> Iterator[q.Record]:
        """Yield every point with its payload, or `only` one key of it, in the order of the ids."""
        offset = None
        while True:
            request = q.ScrollRequest(
                offset=offset,
                limit=_PAGE,
                filter=self._filter(where),
                with_payload=[only] if only else True,
                with_vector=with_vector,
            )
            with engine_errors(self.name):
                points, offset = self.shard.scroll(request)
            yield from points
            if offset is None:
                return

    def count(self, where: Where | None = None) -> int:
        with engine_errors(self.name):
            return self.shard.count(q.CountRequest(exact=True, filter=self._filter(where)))

    def facet(self, key: str, limit: int = 20, *, least: int = 1, where: Where | None = None) -> dict[str | int, int]:
        check_facet(key)
        with engine_errors(self.name):
            indexed = self._indexed_keys()
            if key in absent_keys(indexed):
                return {}
            if key not in indexed:
                return most_frequent(self._points(where, only=key), key, limit, least)
            hits = self.shard.facet(q.FacetRequest(key, limit, exact=True, filter=self._filter(where))).hits
        return {hit.value: hit.count for hit in hits if hit.count >= least}

    def is_current(self) -> bool:
        return self.generation == published_state(self._folder)

    def close(self) -> None:
        self.shard.close()

    def _filter(self, where: Where | None) -> q.Filter | None:
        wanted = as_filter(where)
        return engine_filter(wanted, absent_keys(self._indexed_keys())) if wanted else None

    def _indexed_keys(self) -> Set[str]:
        return self.shard.info().payload_schema.keys()

    def _record(self, point: q.Record | q.ScoredPoint) -> ImageRecord:
        try:
            return to_record(str(point.id), point.payload or {})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise damaged(self.name, f"picture {point.id} says nothing of its {error}") from error


def write_spec(generation: Path, spec: Spec) -> None:
    """Write the spec of a generation, with a digest that reveals damage."""
    values = spec.to_dict()
    (generation / SPEC).write_text(json.dumps({**values, "digest": _digest(values)}, indent=1))


def sparse_vectors(generation: Path) -> set[str]:
    """Return the names of a generation's sparse vectors; those of earlier versions have none."""
    try:
        return set(json.loads((generation / SHARD / "edge_config.json").read_text()).get("sparse_vectors") or ())
    except (OSError, ValueError, AttributeError, TypeError):
        return set()


def read_spec(generation: Path) -> Spec:
    """Return the spec of a generation.

    Raises:
        Damaged: It is not a spec, or not the one that was written.
        SpecMismatch: It is of another version.
        CollectionError: It cannot be read at the moment.
    """
    name = generation.parent.name
    path = generation / SPEC
    try:
        values = json.loads(path.read_text())
        digest = values.pop("digest", None)  # collections of earlier versions have no digest
        if "schema" not in values or digest not in (None, _digest(values)):
            raise ValueError("it is not what was written")
    except (FileNotFoundError, NotADirectoryError, *DAMAGE) as error:
        raise damaged(name, f"{path}: {error}") from error
    except OSError as error:
        raise CollectionError(f"collection {name} cannot be read now ({path}: {error})") from error
    return Spec.from_dict(values, name)


def _digest(values: Mapping[str, object]) -> int:
    return zlib.crc32(json.dumps(values, sort_keys=True).encode())


def _progress(generation: Path) -> Progress | None:
    """Return the progress of the ingest that published a generation; None if it had finished."""
    try:
        return Progress(**json.loads((generation / PROGRESS).read_text()))
    except (OSError, *DAMAGE):
        return None
