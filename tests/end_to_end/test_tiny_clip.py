"""The CLIP path carries meaning: a CLIP trained on drawings finds new drawings by their captions."""

from pathlib import Path

import tiny_clip

from gallery.encoders import load_encoder
from gallery.settings import Settings
from gallery.stores import open_store
from ingest.pipeline import ingest
from search.engine import SearchEngine


def test_unseen_drawings_are_found_by_their_captions(trained_tiny_clip: Path, tmp_path: Path) -> None:
    drawings = tiny_clip.all_drawings()
    paths = tiny_clip.save_drawings(tmp_path / "drawings", drawings, seed=99)
    settings = Settings(data_dir=tmp_path / "data")
    encoder = load_encoder(settings, str(trained_tiny_clip)).pictures()
    editor = open_store(settings).edit("drawings")
    report = ingest([tmp_path / "drawings"], editor, lambda: encoder)
    editor.close()
    assert report.indexed == len(drawings) == 72

    with SearchEngine.open(settings) as engine:
        first = {caption: engine.search(caption, 1)[0].image.path for caption in paths}
    success = sum(first[caption] == path for caption, path in paths.items()) / len(paths)
    assert success >= 0.9, f"success@1 {success:.2f}"
