"""Four drawn pictures of one colour each, indexed by the encoder that counts letters, for doctests."""

import tempfile
from pathlib import Path

from letter_encoder import COLOURS, LetterEncoder
from PIL import Image

from gallery.records import ImageFile, ImageRecord
from gallery.settings import Settings
from gallery.spec import sha256_of
from gallery.stores import now, open_store, point_id


def make(folder: Path | None = None) -> tuple[Settings, LetterEncoder, Path]:
    """Make the collection `colours`, and return where it is, its encoder, and the folder of its pictures."""
    folder = folder or Path(tempfile.mkdtemp())
    settings, encoder = Settings(data_dir=folder / "data"), LetterEncoder()
    photos = folder / "photos"
    photos.mkdir()
    records = []
    for name in ("red", "green", "blue", "gold"):
        path = photos / f"{name}.png"
        Image.new("RGB", (8, 8), COLOURS[name]).save(path)
        digest = sha256_of(path)
        place = ImageFile(str(path), path.stat().st_size, path.stat().st_mtime_ns)
        records.append(
            ImageRecord(point_id(digest), digest, (place,), 8, 8, "PNG", None, None, 1, (f"all {name}",), now())
        )
    editor = open_store(settings).edit("colours")
    editor.begin(encoder.spec)
    editor.upsert(records, encoder.encode_texts(["red", "green", "blue", "gold"]))
    editor.finish()
    editor.close()
    return settings, encoder, photos
