"""The encoder of an engine: the collection's own, or another text tower of its space."""

from pathlib import Path

import doctest_gallery
import numpy as np
import pytest
from letter_encoder import LetterEncoder
from letters_folder import make_letters

from gallery.errors import BadInput, EncoderError, SpecMismatch
from search.engine import SearchEngine
from search.towers import Towers


def test_a_collection_is_searched_with_the_encoder_folder_it_names(tmp_path: Path) -> None:
    settings, letters, photos = doctest_gallery.make(tmp_path)
    make_letters(settings)
    with SearchEngine.open(settings) as engine:
        assert engine.search("gold")[0].image.captions == ("all gold",)
        vector = engine.picture_vector(photos / "red.png")
    np.testing.assert_allclose(vector, letters.encode_texts(["red"])[0], atol=1e-6)


def test_a_text_tower_of_another_space_is_refused(tmp_path: Path) -> None:
    settings, _, _ = doctest_gallery.make(tmp_path)
    make_letters(settings, "letters+other", space="elsewhere 1")
    with pytest.raises(SpecMismatch, match="not of letters\\+other"):
        SearchEngine.open(settings, text_encoder="other")


def test_one_of_the_same_space_is_taken(tmp_path: Path) -> None:
    settings, _, _ = doctest_gallery.make(tmp_path)
    make_letters(settings, "letters+other")
    with SearchEngine.open(settings, text_encoder="other") as engine:
        assert engine.search("red")[0].image.captions == ("all red",)


def test_an_encoder_that_cannot_be_had_is_named(tmp_path: Path) -> None:
    settings, _, _ = doctest_gallery.make(tmp_path)
    with pytest.raises(EncoderError, match="letters"):
        SearchEngine.open(settings)


def test_without_a_picture_tower_there_are_texts_only() -> None:
    with pytest.raises(BadInput, match="takes texts only"):
        Towers(LetterEncoder()).pictures()
