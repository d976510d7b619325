"""The systems that learn are judged on pairs of photos that they did not see."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from drawn_judgements import ColourNetwork, build
from gallery.encoder import Encoder
from letter_encoder import LetterEncoder
from scipy import stats
from sklearn.metrics import brier_score_loss, r2_score, root_mean_squared_error

import baseline.cli
from baseline.training import split_matches
from eval import trained
from eval.photos import Photos, encode_photos
from eval.trained import MODELS, Held, Trainer, encoder_scores
from gallery.records import Match
from gallery.settings import Settings


@pytest.fixture(scope="module")
def trainer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trainer]:
    """A trainer on drawn pictures, with a network of colours and TF-IDF in the places of the large models."""
    root = tmp_path_factory.mktemp("trained")
    for name in ("judged", "models"):
        (root / name).mkdir()
    with pytest.MonkeyPatch.context() as patch:
        for module in ("eval.trained", "baseline.ranker"):
            patch.setattr(f"{module}.ImageNetwork", lambda *_: ColourNetwork())
        patch.setattr(trained, "TEXT", "tfidf")
        yield Trainer(build(root / "judged", 60, 12), Settings(root / "data"), root / "models", lambda _: None)


@pytest.fixture(scope="module")
def photos(trainer: Trainer, tmp_path_factory: pytest.TempPathFactory) -> Photos:
    settings = Settings(tmp_path_factory.mktemp("data"))
    return encode_photos(LetterEncoder(), trainer.data.judged.images, sorted(trainer.data.images), settings, print)


@pytest.fixture(scope="module")
def held(trainer: Trainer, photos: Photos) -> dict[str, Held]:
    return {held.name: held for held in trainer.held_out("letters", LetterEncoder(), photos)}


def parts(trainer: Trainer) -> tuple[Sequence[Match], Sequence[Match]]:
    return split_matches(trainer.data.matches, "held-out", 0)


def test_cosines_of_pairs_are_those_of_one_by_one(trainer: Trainer, photos: Photos) -> None:
    encoder: Encoder = LetterEncoder()
    matches = trainer.data.matches[:50]
    images = dict(zip(photos.names, photos.vectors, strict=True))
    by_hand = [float(encoder.encode_texts([match.caption.text])[0] @ images[match.image]) for match in matches]
    assert encoder_scores(encoder, photos, matches) == pytest.approx(by_hand, abs=1e-6)


def test_every_system_is_judged_on_pairs_that_none_was_fitted_to(trainer: Trainer, held: dict[str, Held]) -> None:
    fitted, judged = parts(trainer)
    assert list(held) == ["the mean of the others", "letters, calibrated", *MODELS]
    assert {match.image for match in fitted}.isdisjoint(match.image for match in judged)
    assert {found.errors.pairs for found in held.values() if found.errors} == {len(judged)}
    assert held["two towers"].errors is None
    graded = [match for match in judged if match.image != match.caption.image]
    assert {found.experts.pairs for name, found in held.items() if not name.startswith("the mean")} == {len(graded)}


def test_the_mean_is_worth_what_the_libraries_say(trainer: Trainer, held: dict[str, Held]) -> None:
    fitted, judged = parts(trainer)
    target = np.array([match.probability for match in judged])
    said = np.full(len(target), np.mean([match.probability for match in fitted]))
    errors = held["the mean of the others"].errors
    assert errors
    assert errors.rmse == pytest.approx(root_mean_squared_error(target, said))
    assert errors.r2 == pytest.approx(r2_score(target, said))
    assert errors.brier == pytest.approx(brier_score_loss(target >= 0.5, said))


def test_the_experts_agree_with_a_system_as_scipy_says(trainer: Trainer, photos: Photos, held: dict[str, Held]) -> None:
    judged = [match for match in parts(trainer)[1] if match.image != match.caption.image]
    grades = {(j.image, j.caption.id): j.grades for j in trainer.data.judged.judgements}
    of_pairs = [grades[match.image, match.caption.id] for match in judged]
    scores = encoder_scores(LetterEncoder(), photos, judged)
    expected = stats.kendalltau(np.repeat(scores, 3), np.concatenate(of_pairs), variant="c").statistic
    assert held["letters, calibrated"].experts.tau == pytest.approx(expected)


def test_image_vectors_are_kept_where_the_baseline_keeps_them(
    trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = trainer.data.judged.images.parents[1] / "data"
    monkeypatch.setenv("DATA_DIR", str(root))
    kept = list(root.rglob("*.npz"))
    assert [path.parent for path in kept] == [baseline.cli._cache()]


def test_models_search_the_photos_to_be_found(trainer: Trainer) -> None:
    rankers = trainer.retrievers()
    judged = trainer.data.judged
    assert [ranker.name for ranker in rankers] == list(MODELS)
    for ranker in rankers:
        found = {Path(hit.image.path).name for hit in ranker.search(judged.queries[0].text, 100)}
        assert found == set(judged.gallery)
    first = [Path(rankers[0].search(query.text, 1)[0].image.path).name for query in judged.queries]
    right = [name == query.image for name, query in zip(first, judged.queries, strict=True)]
    assert np.mean(right) > 3 / len(judged.gallery), "colours can be learned"
    orders = {tuple(hit.image.id for hit in rankers[3].search(query.text, 12)) for query in judged.queries}
    assert len(orders) == 1, "linear early fusion has one order for all"
