"""Which text tower is exported for the next search."""

from pathlib import Path

import doctest_gallery
import pytest
from letter_encoder import LetterEncoder

from gallery import encoder as encoders
from gallery import text_export
from gallery.errors import BadInput, EncoderError
from search.engine import SearchEngine
from search.towers import Towers


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the encoders that are loaded, which all count letters."""
    names: list[str] = []

    def load(name: str, _device: str | None = None) -> LetterEncoder:
        names.append(name)
        return LetterEncoder()

    monkeypatch.setattr(encoders, "load_encoder", load)
    return names


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return the encoders whose text towers are exported."""
    them: list[object] = []
    monkeypatch.setattr(text_export, "export_missing", lambda encoder, *_: them.append(encoder))
    return them


def test_the_text_tower_of_a_collection_is_exported(tmp_path: Path, loaded: list[str], exported: list[object]) -> None:
    settings, _, photos = doctest_gallery.make(tmp_path)
    with SearchEngine.open(settings) as engine:
        engine.towers.export(print)
        assert exported == [engine.towers.texts]
        engine.picture_vector(photos / "red.png")
    assert loaded == ["letters"]


@pytest.mark.parametrize("name", ["other", "letters+other"])
def test_a_text_tower_that_was_named_is_not(
    tmp_path: Path, loaded: list[str], exported: list[object], name: str
) -> None:
    settings, _, _ = doctest_gallery.make(tmp_path)
    with SearchEngine.open(settings, text_encoder=name) as engine:
        assert engine.search("red")[0].image.captions == ("all red",)
        engine.towers.export(print)
    assert (loaded, exported) == (["letters+other"], [])


def test_an_encoder_that_is_no_pair_takes_no_other_text_tower(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, _, _ = doctest_gallery.make(tmp_path)
    monkeypatch.setattr(encoders, "FALLBACK_ENCODER", "letters")
    with pytest.raises(EncoderError, match="letters, which takes no other text tower"):
        SearchEngine.open(settings, text_encoder="other")


def test_one_without_an_image_tower_takes_texts_only() -> None:
    class Texts:
        """No more than a text tower."""

        spec = LetterEncoder().spec

    with pytest.raises(BadInput, match="takes texts only"):
        Towers(Texts()).whole()  # type: ignore[arg-type]
