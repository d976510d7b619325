from collections.abc import Sequence
from pathlib import Path

import numpy as np
from drawn_judgements import ColourNetwork, build

from gallery.judged.vectors import Remembered, pair_cosines, picture_vectors
from gallery.vectors import Vectors


def test_vectors_of_pictures_are_kept_by_content_and_network(tmp_path: Path) -> None:
    network, kept = ColourNetwork(), tmp_path / "kept"
    (tmp_path / "judged").mkdir()
    paths = sorted((build(tmp_path / "judged", 40, 1) / "train_images").iterdir())
    first = picture_vectors(network, "colours 1", paths, kept)
    assert network.pictures == len(paths)
    moved = [path.rename(path.with_name(f"x{path.name}")) for path in paths]
    np.testing.assert_array_equal(picture_vectors(network, "colours 1", moved[::-1], kept), first[::-1])
    assert network.pictures == len(paths), "moved files have the same content"
    picture_vectors(network, "colours 2", moved[:3], kept)
    assert network.pictures == len(paths) + 3


def test_a_text_is_encoded_once() -> None:
    asked: list[list[str]] = []

    def encode(texts: Sequence[str]) -> Vectors:
        asked.append(list(texts))
        return np.array([[len(text), 1] for text in texts], np.float32).reshape(-1, 2)

    remembered = Remembered(encode)
    assert remembered(["aaa", "b", "aaa"]).tolist() == [[3, 1], [1, 1], [3, 1]]
    assert remembered(["cc", "b"]).tolist() == [[2, 1], [1, 1]]
    assert remembered(["b"]).tolist() == [[1, 1]]
    assert remembered([]).shape == (0, 2)
    assert asked == [["b", "aaa"], ["cc"], []]


def test_the_cosine_of_pairs_is_that_of_one_by_one() -> None:
    one, other = np.random.default_rng(0).random((2, 5, 3)).astype(np.float32)
    assert np.allclose(pair_cosines(one, other), [float(a @ b) for a, b in zip(one, other, strict=True)])
