"""Photos of a judged set are encoded once, and searched by the engine."""

from pathlib import Path

import numpy as np
from letter_encoder import COLOURS, LetterEncoder
from PIL import Image

from eval.photos import EngineRetriever, collection_of, encode_photos
from eval.runs import Topic, retrieve
from gallery.settings import Settings
from search.engine import SearchEngine


def test_photos_are_encoded_once_and_found_by_the_engine(tmp_path: Path) -> None:
    names = [f"{name}.png" for name in COLOURS] + ["red again.png"]
    for name in names:
        Image.new("RGB", (9, 7), COLOURS[name.split(".")[0].split()[0]]).save(tmp_path / name)
    encoder, settings = LetterEncoder(), Settings(data_dir=tmp_path / "data")
    photos = encode_photos(encoder, tmp_path, names, settings, print)
    again = encode_photos(encoder, tmp_path, names, settings, print)
    assert encoder.encoded == len(names), "the second time they came from the disk"
    assert np.array_equal(photos.vectors, again.vectors)
    assert (again.records[0].width, again.records[0].height) == (9, 7)
    with collection_of(photos, encoder) as collection:
        system = EngineRetriever("letters", SearchEngine(encoder, collection))
        run = retrieve(system, [Topic("q", "red", "red.png"), Topic("r", "gold", "gold.png")], 6)
    assert [answer.document for answer in run.answers["q"]][:2] == ["red.png", "red again.png"]
    assert run.answers["r"][0].document == "gold.png"
    (tmp_path / "red.png").touch()
    encode_photos(encoder, tmp_path, names, settings, print)
    assert encoder.encoded == 2 * len(names), "a file looks different"
