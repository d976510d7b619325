"""The photos of a judged set become vectors, and a collection that the search engine answers from."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from gallery.encoder import Encoder
from numpy.typing import NDArray

from gallery.pictures.images import open_image
from gallery.records import Hit, ImageFile, ImageRecord
from gallery.settings import Settings
from gallery.stores.collection import ImageCollection, edit_collection, open_collection
from gallery.stores.payload import now, point_id
from search.engine import SearchEngine

BATCH = 32
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Photos:
    """Pictures in the order of `names`, and their unit vectors, shape `(n, dimension)`."""

    names: tuple[str, ...]
    records: tuple[ImageRecord, ...]
    vectors: Vectors


@dataclass(frozen=True, slots=True)
class EngineRetriever:
    """The search engine under a name of its own."""

    name: str
    engine: SearchEngine

    def search(self, query: str, limit: int) -> list[Hit]:
        """Return what `search` answers."""
        return self.engine.search(query, limit)


def encode_photos(
    encoder: Encoder, folder: Path, names: Sequence[str], settings: Settings, tell: Callable[[str], None]
) -> Photos:
    """Encode the pictures `names` of a folder; vectors are kept in DATA_DIR, and used again while files look the same.

    Raises:
        UnreadableImage: A file is no usable picture.
    """
    files = [_file(folder / name) for name in names]
    looks = hashlib.sha256("\n".join(f"{file.path} {file.size} {file.mtime_ns}" for file in files).encode())
    kept = settings.encoder_folder(encoder.spec.fingerprint) / f"judged-{looks.hexdigest()[:16]}.npz"
    if kept.exists():
        with np.load(kept, allow_pickle=False) as arrays:
            vectors, sizes = arrays["vectors"], arrays["sizes"]
    else:
        vectors, sizes = _encode(encoder, files, tell)
        kept.parent.mkdir(parents=True, exist_ok=True)
        draft = kept.with_suffix(".draft.npz")
        np.savez(draft, vectors=vectors, sizes=sizes)
        draft.replace(kept)
    records = [_record(file, int(width), int(height)) for file, (width, height) in zip(files, sizes, strict=True)]
    return Photos(tuple(names), tuple(records), vectors)


@contextmanager
def collection_of(photos: Photos, encoder: Encoder) -> Iterator[ImageCollection]:
    """Make an embedded collection of pictures for as long as it is needed."""
    with TemporaryDirectory(prefix="evaluate-") as folder:
        settings = Settings(data_dir=Path(folder))
        editor = edit_collection(settings, "judged")
        try:
            editor.begin(encoder.spec)
            editor.upsert(photos.records, photos.vectors)
            editor.finish()
        finally:
            editor.close()
        collection = open_collection(settings, "judged")
        try:
            yield collection
        finally:
            collection.close()


def _encode(
    encoder: Encoder, files: Sequence[ImageFile], tell: Callable[[str], None]
) -> tuple[Vectors, NDArray[np.int64]]:
    rows, sizes = [], []
    for start in range(0, len(files), BATCH):
        pictures = [open_image(file.path, encoder.detail) for file in files[start : start + BATCH]]
        rows.append(encoder.encode_images([picture.rgb for picture in pictures]))
        sizes += [(picture.width, picture.height) for picture in pictures]
        if start // BATCH % 8 == 7:
            tell(f"{start + len(pictures)} of {len(files)} photos encoded")
    return np.concatenate(rows), np.array(sizes, np.int64)


def _file(path: Path) -> ImageFile:
    stat = path.stat()
    return ImageFile(str(path.absolute()), stat.st_size, stat.st_mtime_ns)


def _record(file: ImageFile, width: int, height: int) -> ImageRecord:
    """Return a record whose id goes by the file's name: a judged set may hold the same picture under two names."""
    digest = hashlib.sha256(Path(file.path).name.encode()).hexdigest()
    blank = ImageRecord(point_id(digest), digest, (file,), width, height, "JPEG", None, None, 1, (), now())
    return replace(blank, format=Path(file.path).suffix.lstrip(".").upper().replace("JPG", "JPEG"))
