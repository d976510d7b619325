"""Has the search engine answer topics, and turns the photos of a judged set into a collection to search."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from gallery.judged.trec import Run, Topic, in_order
from gallery.records import ImageFile, ImageRecord
from gallery.settings import Settings
from gallery.spec import Spec
from gallery.stores import ImageCollection, now, open_store, point_id
from gallery.vectors import Vectors
from search.engine import SearchEngine


def file_name(image: ImageRecord) -> str:
    """Name a picture by its file name, as data sets do."""
    return Path(image.path).name


def ask(
    name: str,
    engine: SearchEngine,
    topics: Sequence[Topic],
    vectors: Vectors,
    depth: int,
    document: Callable[[ImageRecord], str] = file_name,
) -> Run:
    """Ask the engine every topic.

    Args:
        name: The system's name in the run.
        engine: Searches for the vectors.
        topics: Their ids are distinct.
        vectors: Their texts' vectors, shape `(n, dimension)`; encoding them together is many times faster.
        depth: How many pictures to ask for.
        document: Returns a picture's name in the run.
    """
    found = zip(topics, (engine.nearest(vector, depth) for vector in vectors), strict=True)
    return Run(name, {topic.id: in_order((document(hit.image), hit.score) for hit in hits) for topic, hits in found})


@contextmanager
def collection_of(paths: Sequence[Path], vectors: Vectors, spec: Spec) -> Iterator[ImageCollection]:
    """Make a temporary embedded collection of pictures."""
    with TemporaryDirectory(prefix="evaluate-") as folder:
        store = open_store(Settings(data_dir=Path(folder)))
        with closing(store.edit("judged")) as editor:
            editor.begin(spec)
            editor.upsert([_record(path) for path in paths], vectors)
            editor.finish()
        with closing(store.open("judged")) as collection:
            yield collection


def _record(path: Path) -> ImageRecord:
    """Return a record with an id from the file's name: a judged set may have a picture under two names."""
    digest = hashlib.sha256(path.name.encode()).hexdigest()
    file = ImageFile(str(path.absolute()), path.stat().st_size, path.stat().st_mtime_ns)
    return ImageRecord(point_id(digest), digest, (file,), 1, 1, "JPEG", None, None, 1, (), now())
